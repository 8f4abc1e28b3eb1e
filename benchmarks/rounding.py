"""Residuals told by deferred Krylov against those recomputed in extended precision, and what each storage reaches.

.venv/bin/python benchmarks/rounding.py P N SEEDS [A ...] [--block B]

The oracle is tests/oracles/dense.py; nothing is refused beforehand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "oracles"))

from dense import true_residuals

from hpcbbp import InputError, Problem, deferred_instance, solve_deferred
from hpcbbp.solvers.deferred import engine
from hpcbbp.solvers.deferred.floors import IMAGES, reachable

_BEYOND = 1e-12
CONSTANTS = [100.0, 1.5, 0.1, 0.01, 1e-4, 1e-6]


def row(p: int, n: int, seeds: int, storage: str, a: float, block: int | None) -> str:
    """Of the table: every seed at a tolerance that is out of reach, and at the smallest that is not refused."""
    problem = Problem(p=p, p_star=1, alpha=3.0, a=a)
    nev, few = (None, False) if block is None else (1, block < p)
    floor = reachable(problem, n, storage, few=few)
    ratios, reached, refused, falsely = [], [], 0, 0
    for seed in range(seeds):
        for tol in (_BEYOND, min(0.5, floor)):
            instance = deferred_instance(problem, n, seed, storage=storage, nev=nev, block=block or p)
            try:
                eigen = solve_deferred(instance, nev, tol=tol, block=block or p).eigen
            except InputError:
                refused += 1
                continue
            true, size = true_residuals(instance, eigen.eigenvalues, eigen.vectors), np.abs(eigen.eigenvalues)
            ratios.append(float((true / eigen.residuals).max()))
            falsely += int((true > tol * size)[eigen.converged].sum())
            if tol == _BEYOND:
                reached.append(float((eigen.residuals / size).max()))
    largest = f"{max(ratios):.3f}" if ratios else ""
    sizes = f"{np.median(reached):.0e}, {max(reached):.0e}" if reached else ""
    return (
        f"| {p} | {n} | {storage} | {a:g} | {2 * seeds} | {refused} | {largest} | {falsely} | {sizes} | {floor:.0e} |"
    )


def main() -> None:
    words = sys.argv[1:]
    block = None
    if "--block" in words:  # one pair
        place = words.index("--block")
        block = int(words[place + 1])
        del words[place : place + 2]
    p, n, seeds = (int(word) for word in words[:3])
    print("| p | N | storage | a | solves | refused | true/told | false flags | reached: median, worst | floor |")
    for storage in IMAGES:
        for a in [float(word) for word in words[3:]] or CONSTANTS:
            print(row(p, n, seeds, storage, a, block), flush=True)


if __name__ == "__main__":
    engine.check_tolerance = lambda *_: None
    main()
