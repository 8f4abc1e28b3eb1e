"""Quenched predictions of drawn samples: docs/results/samples.csv.xz, what docs/finite-n.md averages.

.venv/bin/python benchmarks/samples.py [--largest 1e6] [--processes 2]      (10^8: two minutes a sample on two cores)

Nothing is simulated: benchmarks/quenched.py compares predictions with eigenvalues. Sample i of hpcbbp predict has
seed i; around alpha_BBP(N) seeds begin at 1000.
"""

from __future__ import annotations

import argparse

import numpy as np
from claims.growing import Row, grow

from hpcbbp import Problem
from hpcbbp.theory import effective_threshold, quenched_sample
from hpcbbp.theory.sampled.average import default_samples

SHARP, SMOOTH = (2, 1, 0.7), (2, 1, 1.5)
DECADES = [10**k for k in range(2, 9)]
LOST = [(1, 1, 5.0), (1, 1, 10.0), (2, 1, 1.5), (3, 1, 1.5), (1, 2, 20.0), (2, 2, 3.0)]
"""Models whose alpha_BBP(N) is compared with samples."""
AROUND = (0.85, 0.91, 0.96, 1.0, 1.05, 1.12)
"""In units of alpha_BBP(N) of theory."""
LOST_SAMPLES = {10**4: 80, 10**5: 40}


def job(model: tuple[int, int, float], alpha: float, n: int, seed: int) -> Row:
    p, p_star, a = model
    return {"p": p, "p_star": p_star, "a": a, "alpha": alpha, "n": n, "seed": seed}


def around(model: tuple[int, int, float], n: int) -> list[float]:
    """alphas around alpha_BBP(N), to 1e-6; none where theory has none."""
    at = effective_threshold(*model, n).alpha
    return [] if at is None else [round(factor * at, 6) for factor in AROUND]


def jobs() -> list[Row]:
    made = []
    for model, alpha, sizes, count in (
        (SHARP, 0.85, DECADES, None),
        (SMOOTH, 1.0, DECADES, None),
        (SMOOTH, 1.0, [350_000], 200),
        (SMOOTH, 1.1, [10**4], 400),
        (SMOOTH, 1.2, [10**4], 400),
        (SMOOTH, 1.3, [10**4], 400),
        (SMOOTH, 1.2, [10**5, 10**6], 20),
        (SMOOTH, 1.2, [10**7], 3),
        (SMOOTH, 1.5, DECADES[2:], None),
    ):
        p, p_star, a = model
        for n in sizes:
            samples = count or default_samples(Problem(p=p, p_star=p_star, alpha=alpha, a=a), n)
            made += [job(model, alpha, n, seed) for seed in range(samples)]
    made += [
        job(model, alpha, n, 1000 + i)
        for model in LOST
        for n, samples in LOST_SAMPLES.items()
        for alpha in around(model, n)
        for i in range(samples)
    ]
    return sorted(made, key=lambda one: one["n"])


def sample(one: Row) -> list[Row]:
    """One row: edge, its unit, lowest eigenvalue, and up to p p* outliers with their m^2."""
    problem = Problem(p=one["p"], p_star=one["p_star"], alpha=one["alpha"], a=one["a"])
    found = quenched_sample(problem, one["n"], one["seed"])
    row = {**one, "edge": found.edge, "edge_scale": found.edge_scale, "lambda_1": found.lowest}
    row["outliers"] = len(found.eigenvalues)
    outliers = problem.p * problem.p_star
    pairs = np.full((2, 4), np.nan)
    count = min(outliers, row["outliers"])
    pairs[:, :count] = found.eigenvalues[:count], found.overlap2[:count]
    for i in range(4):
        row |= {f"eigenvalue_{i + 1}": pairs[0, i], f"overlap2_{i + 1}": pairs[1, i]}
    return [row]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--largest", type=float, default=1e6)
    words.add_argument("--smallest", type=float, default=0)
    words.add_argument("--processes", type=int, default=2)
    asked = words.parse_args()
    some = [one for one in jobs() if asked.smallest <= one["n"] <= asked.largest]
    grow("samples", ("p", "p_star", "a", "alpha", "n", "seed"), some, sample, asked.processes)


if __name__ == "__main__":
    main()
