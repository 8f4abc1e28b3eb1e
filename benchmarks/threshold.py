"""alpha_BBP(N) of theory beside the alpha where half of the outliers of sampled projections are seen.

.venv/bin/python benchmarks/threshold.py                 the table of docs/finite-n.md (half an hour on one core)
.venv/bin/python benchmarks/threshold.py MODEL [N ...]   rows of one model, a number from 0

Errors are standard deviations over bootstrap samples. Nothing is simulated: benchmarks/quenched.py compares the
predictions with eigenvalues.
"""

from __future__ import annotations

import math
import sys

import numpy as np
from numpy.typing import NDArray

from hpcbbp import Problem
from hpcbbp.theory import effective_threshold, quenched_sample, transition
from hpcbbp.theory.finite.average import fraction_of, known_overlap2

MODELS = [(1, 1, 5.0), (1, 1, 10.0), (2, 1, 1.5), (3, 1, 1.5), (1, 2, 20.0), (2, 2, 3.0)]
SAMPLES = {10**4: 80, 10**5: 40}
FACTORS = (0.85, 0.91, 0.96, 1.0, 1.05, 1.12)  # of alpha_BBP(N)


def half(alphas: NDArray[np.float64], seen: NDArray[np.float64]) -> float:
    """Where a curve of means passes 1/2, made monotonic and interpolated linearly; NaN if it does not."""
    curve = np.maximum.accumulate(seen.mean(axis=1)) + 1e-9 * np.arange(len(alphas))
    return float(np.interp(0.5, curve, alphas)) if curve[0] < 0.5 < curve[-1] else math.nan


def one_alpha(problem: Problem, n: int, samples: int) -> list[float]:
    """Fraction of the p p* outliers with at least half of the m^2 of theory, of each sample."""
    known, outliers = known_overlap2(problem), problem.p * problem.p_star
    found = [quenched_sample(problem, n, 1000 + i).overlap2[:outliers] for i in range(samples)]
    return [0.0 if known is None else fraction_of(m2, known, outliers) for m2 in found]


def row(model: tuple[int, int, float], n: int, samples: int) -> str:
    """Of the table."""
    p, p_star, a = model
    theory, rng = effective_threshold(p, p_star, a, n), np.random.default_rng(0)
    if theory.alpha is None:
        return f"| {model} | {n:.0e} | {samples} | - ({theory.reason}) |"
    alphas = np.array(FACTORS) * theory.alpha
    seen = np.array([one_alpha(Problem(p=p, p_star=p_star, alpha=alpha, a=a), n, samples) for alpha in alphas])
    again = [half(alphas, np.array([rng.choice(one, samples) for one in seen])) for _ in range(400)]
    found = half(alphas, seen)
    error = np.nanstd(again)
    return (
        f"| {model} | {transition(*model).alpha_bbp:.4f} | {n:.0e} | {samples} | {found:.3f}({error:.3f}) | "
        f"{theory.alpha:.3f} | {100 * (theory.alpha / found - 1):+.1f}% | {'yes' if theory.trusted else 'no'} |"
    )


def main() -> None:
    words = sys.argv[1:]
    models = [MODELS[int(words[0])]] if words else MODELS
    print("| (p, p*, a) | alpha_BBP | N | samples | half seen | theory | difference | trusted |", flush=True)
    for model in models:
        for n, samples in SAMPLES.items():
            if not words[1:] or n in [int(float(word)) for word in words[1:]]:
                print(row(model, n, samples), flush=True)


if __name__ == "__main__":
    main()
