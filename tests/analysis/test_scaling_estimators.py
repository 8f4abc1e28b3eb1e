"""Thresholds, crossings, alpha_0 and spreads from synthetic data with known answers; intervals cover as stated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hpcbbp import InputError
from hpcbbp.analysis.fieller import zero_of_line
from hpcbbp.analysis.overlap_laws import alpha_0, spread_law
from hpcbbp.analysis.phi import binomial_interval, crossings, extrapolate, half_point, logistic_fit

ALPHAS = np.linspace(0.8, 1.2, 9)


def covers(count: int, trials: int, level: float = 0.9) -> bool:
    """Whether a number of covering intervals is compatible with the level: wrong with probability below 2e-4."""
    return bool(stats.binom.ppf(1e-4, trials, level) <= count <= stats.binom.isf(1e-4, trials, level))


def phi(alpha, n):
    """Curves of all N cross at alpha = 1, phi = 0.6; steeper with N."""
    return 1 / (1 + np.exp(-(math.log(1.5) + 3 * n ** (1 / 3) * (alpha - 1))))


def counts(n: int, rng: np.random.Generator, instances: int = 100) -> list[tuple[float, int, int]]:
    return [(float(x), int(rng.binomial(instances, phi(x, n))), instances) for x in ALPHAS]


def test_a_line_with_known_errors():
    """Fieller's interval covers the zero; without a slope it is the whole line."""
    rng, covered = np.random.default_rng(1), 0
    covariance = np.array([[0.04, -0.01], [-0.01, 0.02]])
    draws = rng.multivariate_normal([-1.0, 0.5], covariance, size=2000)
    for b0, b1 in draws:
        found = zero_of_line(b0, b1, covariance)
        covered += found.low <= 2.0 <= found.high
    assert covers(covered, 2000)
    flat = zero_of_line(1.0, 0.1, covariance)
    assert (flat.low, flat.high) == (-math.inf, math.inf)
    assert math.isnan(zero_of_line(1.0, 0.0, covariance).value)


def test_half_points_and_crossings_cover_the_truth():
    rng, half, cross, trials = np.random.default_rng(2), [], 0, 300
    truth = 1 - math.log(1.5) / (3 * 1000 ** (1 / 3))
    for trial in range(trials):
        data = {n: counts(n, rng) for n in (100, 1000)}
        if trial % 3 == 0:  # they take longer
            at = half_point(data[1000])
            half.append(at.low <= truth <= at.high)
        (found,) = crossings(data)
        assert (found.n, found.larger) == (100, 1000)
        cross += found.alpha.low <= 1.0 <= found.alpha.high
    assert covers(sum(half), len(half))
    assert covers(cross, trials)


def test_crossings_of_many_instances_are_where_they_are():
    data = {n: [(float(x), round(1e6 * phi(x, n)), 10**6) for x in ALPHAS] for n in (1000, 10, 100)}
    found = crossings(data)
    assert [(c.n, c.larger) for c in found] == [(10, 100), (100, 1000)]
    for crossing in found:
        assert crossing.alpha.value == pytest.approx(1.0, abs=1e-3)
        assert crossing.phi == pytest.approx(0.6, abs=0.01)


def test_counts_that_no_logistic_line_fits_say_so():
    """200 sets of counts of a logistic phi, seed fixed: the p-values' law (p = 0.001 of a false alarm); a plateau."""
    rng = np.random.default_rng(7)
    alphas = np.linspace(0.6, 1.6, 9)
    phi = 1 / (1 + np.exp(-6 * (alphas - 1.1)))
    found = [
        logistic_fit([(a, int(k), 400) for a, k in zip(alphas, rng.binomial(400, phi), strict=True)]).p_value
        for _ in range(200)
    ]
    assert stats.kstest(found, "uniform").pvalue > 0.001
    plateau = [(a, 0 if a < 1 else 220, 400) for a in alphas]
    assert logistic_fit(plateau).p_value < 1e-20
    assert logistic_fit([(0.9, 3, 50), (1.1, 40, 50)]).p_value == 1.0


def test_a_step_has_a_half_point():
    fit = logistic_fit([(0.9, 0, 50), (1.1, 50, 50)])
    assert fit(np.array([0.9, 1.1])) == pytest.approx([0.5 / 51, 50.5 / 51], rel=1e-5)
    assert half_point([(0.9, 0, 50), (1.1, 50, 50)]).value == pytest.approx(1.0)


def test_the_law_of_effective_thresholds_is_told_apart():
    sizes = (100, 1000, 10_000, 100_000)
    rng, covered, weights = np.random.default_rng(3), 0, []
    for law, shift in (("N^(-1/3)", lambda n: n ** (-1 / 3)), ("1/log N", lambda n: 1 / math.log(n))):
        for _ in range(200):
            values = [1.3 - shift(n) + 0.0005 * rng.standard_normal() for n in sizes]
            best, other = extrapolate(sizes, values, [0.0005] * 4)
            assert best.law == law
            weights.append(best.weight)
            assert best.weight + other.weight == pytest.approx(1)
            covered += best.low <= 1.3 <= best.high
    assert covers(covered, 400)
    assert np.mean(weights) > 0.98


def test_alpha_0_covers_the_truth():
    rng, covered, trials = np.random.default_rng(4), 0, 600
    alpha = np.repeat(np.linspace(1.4, 1.9, 6), 5)
    for _ in range(trials):
        found = alpha_0(alpha, 0.25 * (alpha - 0.913) + 0.03 * rng.standard_normal(len(alpha)))
        covered += found.low <= 0.913 <= found.high
    assert covers(covered, trials)
    exact = alpha_0([1.5, 1.6, 1.7], [0.3, 0.4, 0.5])
    assert (exact.value, exact.low, exact.high) == pytest.approx((1.2, 1.2, 1.2))


def test_spreads_cover_the_truth():
    rng, covered, trials = np.random.default_rng(5), 0, 1000
    for _ in range(trials):
        found = spread_law({n: 3 * n**-0.5 * rng.standard_normal(k) for n, k in ((100, 40), (1000, 12), (10_000, 5))})
        covered += found.low <= 0.5 <= found.high
    assert covers(covered, trials)


def test_binomial_intervals():
    assert binomial_interval(5, 10) == pytest.approx((0.2692718, 0.7307282), abs=1e-6)  # Wilson, by hand
    assert binomial_interval(0, 20)[0] == 0
    rng = np.random.default_rng(6)
    hits = [a <= 0.3 <= b for a, b in (binomial_interval(int(k), 50) for k in rng.binomial(50, 0.3, 2000))]
    assert 0.86 < np.mean(hits) < 0.94  # a discrete law: near the level, not at it


def test_bad_input():
    for call, message in (
        (lambda: logistic_fit([(1.0, 1, 2)]), "at least 2"),
        (lambda: logistic_fit([(1.0, 3, 2), (2.0, 1, 2)]), "counts"),
        (lambda: extrapolate([100, 1000], [1, 1], [1, 1]), "at least 3"),
        (lambda: extrapolate([100, 1000, 1e4], [1, 1, 1], [1, 0, 1]), "finite error"),
        (lambda: alpha_0([1.0, 1.0, 1.0], [1, 2, 3]), "at 1 alpha"),
        (lambda: spread_law({100: [1, 2, 3]}), "at least 2"),
        (lambda: spread_law({100: [1, 2, 3], 200: [1, 1, 1]}), "N = 200"),
    ):
        with pytest.raises(InputError, match=message):
            call()
