"""90% intervals hold the truth in 85 to 95% of synthetic data sets; what the data contradict is refused or rejected.

Every estimator has several hundred seeded data sets. Bounds are 0.85 and 0.95, 4 standard errors of a binomial wider:
an estimator on a bound would fail once in 30 000 other seeds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit

from hpcbbp import InputError
from hpcbbp.analysis.edge_law import edge_laws
from hpcbbp.analysis.overlap_laws import alpha_0, spread_law
from hpcbbp.analysis.phi import crossings, half_point, rising_fit
from hpcbbp.analysis.student import REJECTED, combined, smoothed_variances, surprise

SCATTERS = {
    "normal": lambda rng, count: rng.standard_normal(count),
    "Student": lambda rng, count: rng.standard_t(4, count) / math.sqrt(2),
    "log-normal": lambda rng, count: (np.exp(0.5 * rng.standard_normal(count)) - math.exp(0.125)) / 0.604,
}
SIZES = (100, 300, 1000, 3000, 10_000, 100_000, 1_000_000)
INSTANCES = (400, 200, 80, 30, 16, 6, 3)  # as those of the figure of the edge
LAWS = {
    "power": ((2.0,), lambda n: 2.0 * n ** (-2 / 3)),
    "log": ((0.4,), lambda n: 0.4 / math.log(n)),
    "shifted log": ((0.9, 20.0), lambda n: 0.9 / (math.log(n) + 20.0)),
}
ALPHAS = np.linspace(0.57, 1.82, 12)


def holds(covered: list[bool]) -> bool:
    share, trials = np.mean(covered), len(covered)
    return 0.85 - 4 * math.sqrt(0.85 * 0.15 / trials) <= share <= 0.95 + 4 * math.sqrt(0.95 * 0.05 / trials)


def distances(law, scatter, rng, instances=INSTANCES):
    curve = LAWS[law][1]
    return {
        n: curve(n) * (1 + 0.3 * (100 / n) ** 0.2 * scatter(rng, k)) for n, k in zip(SIZES, instances, strict=False)
    }


@pytest.mark.parametrize("truth", SCATTERS)
@pytest.mark.parametrize("law", LAWS)
def test_edge_laws(law, truth):
    rng, constants, covered, rejected = np.random.default_rng(1), LAWS[law][0], [], 0
    for _ in range(150):
        (fit,) = (fit for fit in edge_laws(distances(law, SCATTERS[truth], rng), draws=1000) if fit.law == law)
        covered.append([low <= c <= high for low, c, high in zip(fit.low, constants, fit.high, strict=True)])
        rejected += fit.rejected
    for column in np.transpose(covered):
        assert holds(column)
    assert rejected <= 12  # of 2 expected; skewed scatter is not what the simulations assume


@pytest.mark.parametrize("instances", [INSTANCES, (400, 120, 40), (24, 10, 3)])
@pytest.mark.parametrize("truth", SCATTERS)
def test_spreads(truth, instances):
    rng, covered, rejected = np.random.default_rng(2), [], 0
    for _ in range(400):
        fit = spread_law({n: 3 * n**-0.5 * SCATTERS[truth](rng, k) for n, k in zip(SIZES, instances, strict=False)})
        covered.append(fit.low <= 0.5 <= fit.high)
        rejected += fit.rejected
    assert holds(covered)
    assert rejected <= 24  # of 4 expected; a logarithm from 3 instances is not normal


@pytest.mark.parametrize("truth", SCATTERS)
def test_alpha_0(truth):
    rng, covered, alpha = np.random.default_rng(3), [], np.repeat(np.linspace(1.4, 1.9, 4), 6)
    for _ in range(400):
        found = alpha_0(alpha, 0.25 * (alpha - 0.9) + 0.03 * SCATTERS[truth](rng, len(alpha)))
        covered.append(found.low <= 0.9 <= found.high)
    assert holds(covered)


@pytest.mark.parametrize(
    ("floor", "ceiling", "instances"), [(0.0, 1.0, 300), (0.1, 0.9, 300), (0.05, 0.8, 300), (0.1, 0.9, 16)]
)
def test_half_points(floor, ceiling, instances):
    """Floor and ceiling need neither be 0 and 1 nor as far from 1/2 as each other."""
    truth = 1.1 + math.log((0.5 - floor) / (ceiling - 0.5)) / 12
    curve = floor + (ceiling - floor) * expit(12 * (ALPHAS - 1.1))
    rng, covered, refused = np.random.default_rng(4), [], 0
    for _ in range(50):
        try:
            found = half_point(
                [(a, int(k), instances) for a, k in zip(ALPHAS, rng.binomial(instances, curve), strict=True)]
            )
        except InputError:
            refused += 1
            continue
        covered.append(found.low <= truth <= found.high)
    assert holds(covered)
    assert refused <= 6


def test_half_points_in_the_limit_of_many_instances():
    for floor, ceiling in ((0.0, 1.0), (0.1, 0.9), (0.3, 0.95)):
        curve = floor + (ceiling - floor) * expit(12 * (ALPHAS - 1.1))
        counts = [(a, 1e7 * phi, 10**7) for a, phi in zip(ALPHAS, curve, strict=True)]  # not whole
        fit, found = rising_fit(counts), half_point(counts)
        assert (fit.floor, fit.ceiling, fit.slope) == pytest.approx((floor, ceiling, 12), abs=0.02)
        assert fit(ALPHAS) == pytest.approx(curve, abs=1e-4)
        assert (
            found.value == fit.half == pytest.approx(1.1 + math.log((0.5 - floor) / (ceiling - 0.5)) / 12, abs=1e-3)
        )
        assert found.low < found.value < found.high < found.low + 0.002


def test_half_points_that_are_not_bounded_or_not_there():
    below = [(a, k, 20) for a, k in ((1.0, 2), (1.1, 3), (1.2, 7), (1.3, 9), (1.4, 11))]
    assert half_point(below).low > 1.0
    assert half_point(below).high == math.inf
    above = [(2.4 - a, 20 - k, 20) for a, k, _ in below]
    assert half_point(above).high < 1.4
    assert half_point(above).low == -math.inf
    wave = [(a, 100 + 90 * math.sin(9 * a), 200) for a in ALPHAS]
    with pytest.raises(InputError, match=r"no logistic curve between a floor and a ceiling fits phi \(p = "):
        half_point(wave)


def test_crossings_cover_or_are_refused():
    """Logistic curves that cross at 1.2; with a floor and a ceiling no logistic line fits, and none is told."""
    rng, covered, reasons = np.random.default_rng(5), [], []
    for low, high, trials in ((0.0, 1.0, 200), (0.1, 0.9, 20)):
        for _ in range(trials):
            data = {
                n: [
                    (a, int(k), 300)
                    for a, k in zip(ALPHAS, rng.binomial(300, low + (high - low) * part), strict=True)
                ]
                for n, part in ((n, expit(0.4 + steep * (ALPHAS - 1.2))) for n, steep in ((100, 6), (400, 20)))
            }
            (found,) = crossings(data)
            if low == 0.0 and not found.reason:
                covered.append(found.alpha.low <= 1.2 <= found.alpha.high)
            if low > 0.0:
                reasons.append(found.reason)
                assert math.isnan(found.alpha.value) == bool(found.reason)
    assert holds(covered)
    assert len(covered) >= 186  # rejected: 4 expected, from two curves of 1% each
    assert all(reason.startswith("phi of N = 400 is not logistic (p = ") for reason in reasons)


def test_what_contradicts_a_law_rejects_it():
    """The right p-value is uniform: 3 instances of one N that happen to agree reject nothing."""
    rng, p_values = np.random.default_rng(6), []
    for _ in range(150):
        data = distances("log", SCATTERS["normal"], rng, (30, 10, 3, 3))
        p_values.append({fit.law: fit.p_value for fit in edge_laws(data, draws=1000)}["log"])
    for bound in (0.02, 0.1, 0.5):
        assert np.mean(np.array(p_values) < bound) < bound + 4 * math.sqrt(bound * (1 - bound) / 150)
    fits = {fit.law: fit for fit in edge_laws(distances("shifted log", SCATTERS["normal"], rng))}
    assert fits["power"].rejected
    assert fits["log"].rejected
    kink = {n: s * rng.standard_normal(k) for n, s, k in ((100, 1.0, 400), (400, 0.9, 120), (10_000, 0.01, 40))}
    assert spread_law(kink).rejected
    assert spread_law(kink).p_value < REJECTED


def test_what_is_refused_says_why():
    rng = np.random.default_rng(7)
    for call, message in (
        (
            lambda: spread_law({n: rng.standard_normal(4) for n in (100, 200, 400)}),
            "12 instances at 3 N.* from 18 on",
        ),
        (lambda: spread_law({100: rng.standard_normal(30), 200: [1.0, 2.0]}), "N = 200: at least 3"),
        (
            lambda: spread_law({100: rng.standard_normal(30), 200: [0.0, 1e-20, 1.0]}),
            "N = 200: all instances but one",
        ),
        (lambda: edge_laws({n: 1 + 0.1 * rng.standard_normal(3) for n in (100, 200, 400)}), "9 instances at 3 N"),
    ):
        with pytest.raises(InputError, match=message):
            call()


def test_student():
    """Two means of the same error are Welch's; deviates of Student's law are the normal ones of the same chance."""
    error, freedom = combined(np.array([1.0, -1.0]), np.array([0.5, 0.5]), np.array([4.0, 4.0]))
    assert (error, freedom) == pytest.approx((1.0, 8.0))
    for freedom, t, z in ((2.0, 9.925, 2.576), (5.0, 2.571, 1.960), (399.0, 1.966, 1.960)):  # tables of Student's law
        assert float(surprise(np.array(t), np.array(freedom))) == pytest.approx(z**2, rel=0.06)
    n = np.array([10.0, 100.0, 1000.0, 10_000.0])
    drawn = np.random.default_rng(8).chisquare(500, (4,)) / 500 * 3 * n**-0.5
    assert smoothed_variances(n, drawn, np.full(4, 500.0)) == pytest.approx(3 * n**-0.5, rel=0.25)
