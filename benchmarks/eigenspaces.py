"""phi of figure 3's instances at N = 100 under four meanings of "the largest overlap": a table in docs/results.

.venv/bin/python benchmarks/eigenspaces.py [PROCESSES]

One row an instance: whether its lowest eigenvalue has the largest overlap, and N m^2 in the null space.
docs/campaigns.md has what follows.
"""

from __future__ import annotations

import sys

import numpy as np
from claims.growing import Row, grow

from hpcbbp import gaussian_instance
from hpcbbp.figures.catalogue import FIGURES
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.dense import solve_dense
from hpcbbp.solvers.eigenspaces import largest_overlap, multiplicities

N = 100
MEANINGS = ("mean", "simple", "any", "lapack")


def first(values, m2) -> tuple[bool, ...]:
    """Whether the lowest eigenvalue has the largest overlap."""
    sizes = multiplicities(values)
    sums = np.add.reduceat(m2, np.cumsum(sizes) - sizes)
    simple = np.where(sizes == 1, sums, 0.0)
    return largest_overlap(values, m2).pair == 1, simple.argmax() == 0, sums.argmax() == 0, m2.argmax() == 0


def instance(job: Row) -> list[Row]:
    """Whether the lowest eigenvalue has the largest overlap, for each meaning."""
    problem = Problem(p=1, p_star=1, alpha=job["alpha"], a=1.0)
    solution = solve_dense(gaussian_instance(problem, N, job["seed"], nev=1))
    found = first(solution.eigen.eigenvalues, solution.overlap2)
    null = multiplicities(solution.eigen.eigenvalues).max()
    in_null = N * solution.overlap2[np.abs(solution.eigen.eigenvalues).argsort()[:null]].mean() if null > 1 else None
    return [
        {
            **job,
            "null_overlap2_times_n": in_null,
            **{name: int(yes) for name, yes in zip(MEANINGS, found, strict=True)},
        }
    ]


def main() -> None:
    points = [point for point in FIGURES["3"].campaign(False).points() if point.n == N]
    jobs = [{"alpha": point.alpha, "seed": point.seed} for point in points]
    grow("eigenspaces", ("alpha", "seed"), jobs, instance, int(sys.argv[1]) if len(sys.argv) > 1 else 2)


if __name__ == "__main__":
    main()
