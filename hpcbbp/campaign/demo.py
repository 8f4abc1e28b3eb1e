"""The first figure of arXiv:2510.18435 in a few minutes: a continuous and a discontinuous BBP transition."""

from __future__ import annotations

from hpcbbp.campaign.point import Point
from hpcbbp.theory import transition

P, P_STAR = 2, 1
A = (0.7, 1.5)
"""Loss constants on the two sides of a_c: the transition is continuous at 0.7 and discontinuous at 1.5."""

FRACTIONS = (0.5, 0.7, 0.85, 1.0, 1.15, 1.35, 1.65, 2.0)
"""alpha in units of alpha_BBP."""

SEEDS = {400: 24, 1200: 10, 4000: 3}
"""Seeds for each N: small instances fluctuate more and cost less."""

QUICK_SEEDS = {100: 3, 200: 2}


def demo_points(quick: bool = False) -> list[Point]:
    """Points of the demonstration, small N first; quick is for tests: seconds, and too small for physics."""
    points = []
    for n, seeds in (QUICK_SEEDS if quick else SEEDS).items():
        for a in A:
            threshold = transition(P, P_STAR, a).alpha_bbp
            points += [
                Point(
                    p=P,
                    p_star=P_STAR,
                    a=a,
                    alpha=round(fraction * threshold, 4),
                    n=n,
                    seed=100 * index + seed,  # other instances at each alpha: independent error bars
                    storage="float32",
                    nev=P * P_STAR,
                    tol=1e-6,
                )
                for index, fraction in enumerate(FRACTIONS)
                for seed in range(seeds)
            ]
    return points
