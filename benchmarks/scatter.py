"""Scatter of outliers around the prediction of their instance, beside (21) of docs/finite-n.md: its table there.

.venv/bin/python benchmarks/scatter.py
"""

from __future__ import annotations

import math

import numpy as np
from quenched import instance

from hpcbbp import Problem
from hpcbbp.theory import outlier_std

ROWS = [
    (Problem(p=2, p_star=1, alpha=3.0, a=1.5), 300, 150),
    (Problem(p=3, p_star=1, alpha=3.0, a=1.5), 250, 150),
    (Problem(p=1, p_star=2, alpha=30.0, a=1.0), 300, 300),
    (Problem(p=1, p_star=2, alpha=30.0, a=10.0), 300, 300),
]


def main() -> None:
    print("| p, p*, a, alpha | N | instances | measured | (21) |", flush=True)
    for problem, n, seeds in ROWS:
        rows = np.array([instance(problem, n, seed) for seed in range(seeds)])
        spread = float((rows[:, 0] - rows[:, 2]).std(ddof=1)) * math.sqrt(n)
        expected = outlier_std(problem.p, problem.p_star, problem.a, problem.alpha, n)
        assert expected is not None
        print(
            f"| {problem.p}, {problem.p_star}, {problem.a:g}, {problem.alpha:g} | {n} | {seeds} | "
            f"{spread:.3f}({spread / math.sqrt(2 * seeds):.3f}) | {expected * math.sqrt(n):.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
