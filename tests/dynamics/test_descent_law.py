"""Deferred data and dice along a descent have the law of stored data: Kolmogorov-Smirnov over many seeds.

Stored descents are compared with plain numpy elsewhere (test_descent.py). Family-wise error rate 1e-3 over all
comparisons of this file (Bonferroni). HPCBBP_LAW_SEEDS sets the number of seeds per case.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from scipy import stats

from hpcbbp import gaussian_instance
from hpcbbp.dynamics.descent import Descent
from hpcbbp.dynamics.directions import DirectionWalker
from hpcbbp.dynamics.schedule import Schedule
from hpcbbp.dynamics.vectors import VectorWalker
from hpcbbp.model.words import Parts
from hpcbbp.solvers.deferred.blocks import Blocks

SEEDS = int(os.environ.get("HPCBBP_LAW_SEEDS", "200"))
STEPS = (0, 1, 2, 5, 10)
CASES = [
    (1, 1, 3.0, 100, {}, {"overlap": 0.5}),
    (1, 1, 3.0, 100, {}, {"sphere": True}),
    (2, 1, 3.0, 100, {}, {"overlap": 0.3, "sphere": True, "momentum": 0.5}),
    (1, 2, 3.0, 100, {}, {"batch": 0.5, "overlap": 0.7}),
    (
        2,
        2,
        2.0,
        100,
        {"activation": "tanh", "loss": "square", "noise": "gaussian:0.1"},
        {"batch": 0.5, "sphere": True},
    ),
    (1, 1, 3.0, 100, {"covariance": "levels:0.5,0.5,1.5,0.5"}, {"overlap": 0.5}),
]
STATISTICS = 3
KINDS = ("deferred", "dice")
LEVEL = 1e-3 / (len(KINDS) * len(CASES) * len(STEPS) * STATISTICS)


def statistics(walker, schedule):
    descent, found = Descent(walker, schedule), []
    for step in range(max(STEPS) + 1):
        moment = descent.look()
        assert moment is not None
        descent.advance()
        if step in STEPS:
            found.append([moment.loss, moment.overlap2 + moment.norms2.mean(), moment.gradient_norm])
    return found


def over_seeds(kind, problem, n, schedule, seeds):
    """Statistics of descents, (seeds, steps, statistics)."""
    found = []
    for seed in seeds:
        if kind == "deferred":
            walker = DirectionWalker(Blocks(problem, n, seed, "float64", n))
        else:
            walker = VectorWalker(gaussian_instance(problem, n, seed, data=kind))
        found.append(statistics(walker, schedule))
    return np.array(found)


@pytest.mark.slow
@pytest.mark.parametrize(("p", "p_star", "alpha", "n", "words", "options"), CASES)
def test_losses_overlaps_and_gradients_have_the_law_of_stored_data(p, p_star, alpha, n, words, options):
    problem, schedule = Parts.given(**words).problem(p, p_star, alpha, 1.5), Schedule(10, 0.05, **options)
    stored = over_seeds("stored", problem, n, schedule, range(10**6, 10**6 + SEEDS))
    for kind in KINDS:
        other = over_seeds(kind, problem, n, schedule, range(SEEDS))
        for step, statistic in np.ndindex(len(STEPS), STATISTICS):
            if np.ptp(stored[:, step, statistic]) > 1e-9:  # norms on a sphere, overlaps that were asked for
                found = stats.ks_2samp(stored[:, step, statistic], other[:, step, statistic])
                assert found.pvalue > LEVEL, (kind, STEPS[step], statistic, found.pvalue)


@pytest.mark.mpi
@pytest.mark.parametrize("storage", ["float64", "float32"])
@pytest.mark.parametrize("p", [1, 2])
def test_the_same_bits_on_any_number_of_ranks(storage, p, group):
    problem, n = Parts.given().problem(p, 1, 3.0, 1.5), 2500  # four panels
    found = []
    for ranks in (group, None):
        descent = Descent(DirectionWalker(Blocks(problem, n, 3, storage, 60, ranks)), Schedule(5, 0.05, batch=0.5))
        for _ in range(6):
            moment = descent.look()
            descent.advance()
        found.append((moment.loss, moment.overlap2, moment.gradient_norm, *moment.norms2))
    assert found[0] == found[1]


def test_what_is_revealed_is_one_matrix():
    """X^T psi from a descent is what the completed matrix gives, at every step, also where directions are used up."""
    problem, n = Parts.given().problem(2, 1, 1.5, 1.5), 24
    walker = DirectionWalker(Blocks(problem, n, 5, "float64", n))
    rng, slopes, gradients = np.random.default_rng(0), [], []
    for _ in range(18):
        psi = rng.standard_normal((len(walker.rows), 2))
        slopes.append(psi)
        gradients.append(walker.gradient(psi))
    R = walker.samples.R[: walker.instance.k, : len(walker.rows)]
    assert walker.instance.k == n
    for psi, gradient in zip(slopes, gradients, strict=True):
        np.testing.assert_allclose(R @ psi, walker.known(gradient), atol=1e-10)
