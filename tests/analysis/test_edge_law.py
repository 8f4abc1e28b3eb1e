"""Fits of the law of an edge: synthetic distances of a known law are recognised, and intervals cover as stated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hpcbbp import InputError
from hpcbbp.analysis.edge_law import LAWS, edge_laws

SIZES = (100, 1000, 10_000, 100_000, 1_000_000)
TRUTH = {
    "power": ((2.0,), lambda n: 2.0 * n ** (-2 / 3)),
    "log": ((0.4,), lambda n: 0.4 / np.log(n)),
    "shifted log": ((0.9, 20.0), lambda n: 0.9 / (np.log(n) + 20.0)),
}


def synthetic(law: str, rng: np.random.Generator, instances: int = 30) -> dict[int, np.ndarray]:
    """Distances that scatter by 10% of their mean."""
    means = {n: float(TRUTH[law][1](n)) for n in SIZES}
    return {n: mean * (1 + 0.1 * rng.standard_normal(instances)) for n, mean in means.items()}


@pytest.mark.parametrize("law", LAWS)
def test_a_known_law_is_recognised_and_its_constants_covered(law):
    """40 data sets: the right law wins but for those where a constant more fits noise; 90% intervals cover 90%."""
    rng, right, covered, p_values = np.random.default_rng(11), 0, 0, []
    for trial in range(40):
        fits = edge_laws(synthetic(law, rng), draws=1000, seed=trial)
        assert abs(sum(fit.weight for fit in fits) - 1) < 1e-12
        assert [fit.weight for fit in fits] == sorted((fit.weight for fit in fits), reverse=True)
        right += fits[0].law == law
        fit = next(fit for fit in fits if fit.law == law)
        assert fit.low[0] <= fit.constants[0] <= fit.high[0]
        p_values.append(fit.p_value)
        covered += fit.low[0] <= TRUTH[law][0][0] <= fit.high[0]
    assert right >= 32
    # Binomial at 0.9: outside with probability below 1e-4
    assert stats.kstest(p_values, "uniform").pvalue > 1e-4
    assert stats.binom.ppf(5e-5, 40, 0.9) <= covered <= stats.binom.isf(5e-5, 40, 0.9)


def test_one_constant_misleads_where_two_are_needed():
    """The 1/log N fit of data with a shift has another A, and the criterion says so."""
    fits = {fit.law: fit for fit in edge_laws(synthetic("shifted log", np.random.default_rng(2)), draws=2000)}
    assert fits["log"].weight < 1e-6
    assert fits["log"].p_value == 1 / 2001  # none of those simulated is as far
    assert fits["log"].rejected
    assert fits["power"].rejected
    assert not fits["shifted log"].rejected
    assert abs(fits["log"].constants[0] - 0.9) > 0.3


def test_distances_that_do_not_fall_have_no_constant():
    """A/(log N + B) with A and B beyond bounds is a constant: told by infinities, not by a number at a bound."""
    rng = np.random.default_rng(4)
    flat = {n: 0.03 * (1 + 0.01 * rng.standard_normal(20)) for n in SIZES}
    fit = next(fit for fit in edge_laws(flat) if fit.law == "shifted log")
    assert fit.high == (np.inf, np.inf)
    assert fit.low[0] > 0.5  # nor is a decay excluded that is slower than what was seen
    assert fit.weight > 0.99
    rising = {n: 0.03 * (1 + 0.01 * i + 1e-3 * rng.standard_normal(20)) for i, n in enumerate(SIZES)}
    fit = next(fit for fit in edge_laws(rising) if fit.law == "shifted log")
    assert fit.constants == fit.low == fit.high == (np.inf, np.inf)


def test_bad_input():
    good = synthetic("log", np.random.default_rng(0), 5)
    for distances, words, message in (
        ({100: [1.0, 2.0, 3.0]}, {}, "1 sizes N"),
        ({**good, 100: [1.0]}, {}, "N = 100: at least 3"),
        ({**good, 100: [1.0, np.nan, 2.0]}, {}, "N = 100"),
        ({**good, 2: [1.0, 2.0, 3.0]}, {}, "N = 2"),
        ({**good, 100: [-1.0, -2.0, -3.0]}, {}, "mean distance is -2"),
        (good, {}, "25 instances at 5 N: intervals hold from 35 on"),
        (good, {"level": 1.5}, "level = 1.5"),
        (good, {"draws": 100}, "draws = 100"),
    ):
        with pytest.raises(InputError, match=message):
            edge_laws(distances, **words)
