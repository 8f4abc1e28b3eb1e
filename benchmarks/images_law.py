"""What the law of a deferred X suffers from rounding: orthonormality of left directions, and |R|_2 against the edge.

.venv/bin/python benchmarks/images_law.py                              the table of docs/deferred.md, 3 seeds a row
.venv/bin/python benchmarks/images_law.py P ALPHA A N SEEDS [STORAGE]  one row (oracles: tests/oracles/dense.py;
nothing is refused beforehand)
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "oracles"))

from dense import images, orthonormality

from hpcbbp import InputError, Problem, deferred_instance, solve_deferred
from hpcbbp.solvers.deferred import engine

SETTINGS = [
    ("float64", 1, 3.0, 200, (1.5, 0.01, 1e-6)),
    ("float64", 1, 0.6, 200, (1e-4,)),
    ("float64", 1, 0.9, 100, (1e-6, 1e-8)),
    ("float64", 2, 3.0, 100, (1e-6,)),
    ("float64", 3, 3.0, 100, (1e-6, 1e-8)),
    ("float32", 1, 3.0, 200, (1.5, 0.1, 0.01)),
    ("float32", 1, 0.6, 200, (1.5, 0.1)),
    ("int16", 1, 0.6, 200, (0.1, 0.01)),
]


def row(p: int, alpha: float, a: float, n: int, seeds: int, storage: str = "float64") -> str:
    """Of the table; refused are solves whose left directions cannot be told apart."""
    orthonormal, stretch, passes, values, converged, refused = [], [], [], [], 0, 0
    for seed in range(seeds):
        instance = deferred_instance(Problem(p=p, p_star=1, alpha=alpha, a=a), n, seed, storage=storage)
        try:
            found = solve_deferred(instance, tol=1e-6 if storage == "float64" else 1e-4).eigen
        except InputError:
            refused += 1
            continue
        edge = np.sqrt(instance.m / n) + 1 + 3 / np.sqrt(n)
        stretch.append(np.linalg.norm(images(instance), 2) / edge)
        orthonormal.append(orthonormality(instance))
        passes.append(instance.finer.taken / instance.coordinates.k)
        values.append(found.eigenvalues[0])
        converged += bool(found.converged.all())
    if not values:
        return f"| {storage} | {p} | {alpha:g} | {n} | {a:g} | {refused} refused |"
    return (
        f"| {storage} | {p} | {alpha:g} | {n} | {a:g} | {max(orthonormal):.0e} | {np.median(passes):.2f} | "
        f"{max(stretch):.2f} | {converged} of {seeds} | {min(values):.3g} to {max(values):.3g} |"
    )


def main() -> None:
    engine.check_tolerance = lambda *_: None  # what is refused beforehand is shown, too
    words = sys.argv[1:]
    print("| storage | p | alpha | N | a | |P^T P - 1| | passes a direction | |R|/edge | converged | lambda |")
    if words:
        p, alpha, a, n, seeds = words[:5]
        print(row(int(p), float(alpha), float(a), int(n), int(seeds), *words[5:]))
        return
    for storage, units, ratio, size, constants in SETTINGS:
        for constant in constants:
            print(row(units, ratio, constant, size, 3, storage), flush=True)


if __name__ == "__main__":
    main()
