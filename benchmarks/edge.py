"""Distance of the lowest eigenvalue from the sample's own sharp edge, in numbers and in units of equation (20).

.venv/bin/python benchmarks/edge.py        (dense eigenvalues, two instances at a time; some minutes)
"""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from scipy.linalg import eigh

from hpcbbp import Problem
from hpcbbp.theory import quenched

MODELS = (Problem(p=1, p_star=1, alpha=0.8, a=0.5), Problem(p=2, p_star=1, alpha=0.7, a=0.1))
COUNTS = {1: {100: 300, 200: 200, 400: 120, 800: 60, 1600: 24}, 2: {100: 300, 200: 200, 400: 120, 800: 60, 1000: 24}}


def instance(problem: Problem, n: int, seed: int) -> tuple[float, float, int]:
    """lambda_1 - edge, its unit, and the number of outliers predicted."""
    rng, p = np.random.default_rng(10**6 + seed), problem.p
    X = rng.standard_normal((problem.samples(n), n)) / math.sqrt(n)
    W = rng.standard_normal((n, p + problem.p_star))
    S = X @ (W * (math.sqrt(n) / np.linalg.norm(W, axis=0)))
    D = problem.curvature(S[:, :p], S[:, p:]).dense()
    H = np.block([[X.T @ (D[:, k, j, None] * X) for j in range(p)] for k in range(p)])
    found = quenched(S[:, :p], S[:, p:], problem.a, n, threads=1)
    lowest = float(eigh(H, eigvals_only=True, subset_by_index=[0, 0])[0])
    return lowest - found.edge, found.edge_scale, len(found.eigenvalues)


def main() -> None:
    print("  p      N  samples  lambda_1 - edge         in its unit        deviation")
    for problem in MODELS:
        for n, count in COUNTS[problem.p].items():
            with ProcessPoolExecutor(2) as pool:
                rows = np.array(list(pool.map(instance, [problem] * count, [n] * count, range(count))))
            rows = rows[rows[:, 2] == 0]
            scaled, error = rows[:, 0] / rows[:, 1], 1 / math.sqrt(len(rows))
            print(
                f"{problem.p:3d} {n:6d} {len(rows):8d}  {rows[:, 0].mean():.5f}({rows[:, 0].std() * error:.5f})  "
                f"{scaled.mean():8.3f}({scaled.std() * error:.3f})  {scaled.std():10.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
