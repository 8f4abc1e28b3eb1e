"""phi of figure 3's instances where M < N, under four meanings of "the largest overlap" (docs/campaigns.md).

python benchmarks/eigenspaces.py 100
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict

import numpy as np

from hpcbbp import gaussian_instance
from hpcbbp.analysis.fieller import Zero
from hpcbbp.analysis.phi import half_point, rising_fit
from hpcbbp.analysis.student import REJECTED
from hpcbbp.figures.catalogue import FIGURES
from hpcbbp.solvers.dense import solve_dense
from hpcbbp.solvers.eigenspaces import largest_overlap, multiplicities

MEANINGS = ("mean of the eigenspace", "simple eigenvalues alone", "any vector of the eigenspace", "LAPACK's vectors")


def first(values, m2) -> tuple[bool, ...]:
    """Whether the lowest eigenvalue has the largest overlap."""
    sizes = multiplicities(values)
    sums = np.add.reduceat(m2, np.cumsum(sizes) - sizes)
    simple = np.where(sizes == 1, sums, 0.0)
    return largest_overlap(values, m2).pair == 1, simple.argmax() == 0, sums.argmax() == 0, m2.argmax() == 0


def main() -> None:
    n, found = int(sys.argv[1]), defaultdict(list)
    for point in FIGURES["3"].campaign(False).points():
        if point.n == n:
            solution = solve_dense(gaussian_instance(point.problem, n, point.seed, nev=1))
            found[point.alpha].append(first(solution.eigen.eigenvalues, solution.overlap2))
    print(f"phi at N = {n}, alpha =", " ".join(f"{alpha:.3f}" for alpha in found if alpha < 1), "and where it is 1/2")
    for at, name in enumerate(MEANINGS):
        counts = [(alpha, int(sum(row[at] for row in rows)), len(rows)) for alpha, rows in found.items()]
        fit = rising_fit(counts).p_value
        half = half_point(counts) if fit >= REJECTED else Zero(math.nan, math.nan, math.nan)
        print(
            f"{name}:",
            " ".join(f"{yes / all_:.3f}" for alpha, yes, all_ in counts if alpha < 1),
            f"{half.value:.3f} [{half.low:.3f}, {half.high:.3f}], a rising curve fits with p = {fit:.2g}",
        )


if __name__ == "__main__":
    main()
