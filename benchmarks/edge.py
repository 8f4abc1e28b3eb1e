"""Distance of the lowest eigenvalue from the sample's own sharp edge: docs/results/edge.csv.xz, one row an instance.

.venv/bin/python benchmarks/edge.py [PROCESSES]        (dense eigenvalues; some minutes)
"""

from __future__ import annotations

import math
import sys

import numpy as np
from claims.growing import Row, grow
from scipy.linalg import eigh

from hpcbbp import Problem
from hpcbbp.theory import quenched

MODELS = (Problem(p=1, p_star=1, alpha=0.8, a=0.5), Problem(p=2, p_star=1, alpha=0.7, a=0.1))
COUNTS = {1: {100: 300, 200: 200, 400: 120, 800: 60, 1600: 24}, 2: {100: 300, 200: 200, 400: 120, 800: 60, 1000: 24}}


def instance(job: Row) -> list[Row]:
    """Lowest eigenvalue; edge, its unit, and how many outliers are predicted."""
    problem, n = MODELS[job["p"] - 1], job["n"]
    rng, p = np.random.default_rng(10**6 + job["seed"]), problem.p
    X = rng.standard_normal((problem.samples(n), n)) / math.sqrt(n)
    W = rng.standard_normal((n, p + problem.p_star))
    S = X @ (W * (math.sqrt(n) / np.linalg.norm(W, axis=0)))
    D = problem.curvature(S[:, :p], S[:, p:]).dense()
    H = np.block([[X.T @ (D[:, k, j, None] * X) for j in range(p)] for k in range(p)])
    found = quenched(S[:, :p], S[:, p:], problem.a, n, threads=1)
    lowest = float(eigh(H, eigvals_only=True, subset_by_index=[0, 0])[0])
    row = {"lambda_1": lowest, "edge": found.edge, "edge_scale": found.edge_scale, "outliers": len(found.eigenvalues)}
    return [{**job, "a": problem.a, "alpha": problem.alpha, **row}]


def main() -> None:
    jobs = [
        {"p": problem.p, "n": n, "seed": seed}
        for problem in MODELS
        for n, count in COUNTS[problem.p].items()
        for seed in range(count)
    ]
    grow("edge", ("p", "n", "seed"), jobs, instance, int(sys.argv[1]) if len(sys.argv) > 1 else 2)


if __name__ == "__main__":
    main()
