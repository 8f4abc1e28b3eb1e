"""The resonance below a discontinuous transition: against mpmath, against the outlier above it, against samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from resonance_by_mpmath import pole

from hpcbbp import InputError, Problem, spectrum, transition
from hpcbbp.theory import density, quenched_sample, resonance, resonance_end
from hpcbbp.theory.limit.beyond import golden_rule, steep
from hpcbbp.theory.limit.bulk import averages
from hpcbbp.theory.limit.contour import continuation
from hpcbbp.theory.limit.resonance import branch
from hpcbbp.theory.limit.transition import overlap2_slope

DISCONTINUOUS = [
    (1, 1, 1.2), (1, 1, 10.0), (2, 1, 1.5), (2, 2, 3.0), (1, 2, 10.0), (10, 10, 3.0), (100, 1, 3.0), (1000, 300, 2.0),
    (math.inf, 1, 1.0), (math.inf, 10, 0.1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "alpha"),
    [
        ((1, 1, 5.0), 1.5),
        ((2, 2, 3.0), 2.6),
        ((1, 2, 10.0), 4.0),
        ((math.inf, 1, 1.0), 0.7),
        ((math.inf, 2, 0.5), 1.1),
    ],
)
def test_against_another_route(model, alpha):
    """Closed averages over y, mpmath's quadrature over yhat, secants: no turned contour, no Stein's identity."""
    found = resonance(*model, alpha)
    z, m2 = pole(*model, alpha, found.gamma + 1e-3 * (found.gamma - 1.0))
    assert found.lambda_r == pytest.approx(z.real, rel=1e-12)
    assert found.width == pytest.approx(-z.imag, rel=1e-9)
    assert found.overlap2 == pytest.approx(m2.real, rel=1e-7)


@pytest.mark.parametrize("model", DISCONTINUOUS)
def test_it_begins_as_the_outlier_ends(model):
    """Value and slope of m^2 go on through alpha_BBP: the tangent of alpha_0 is the branch's too."""
    at = transition(*model)
    top = resonance(*model, at.alpha_bbp)
    assert top.overlap2 == pytest.approx(at.jump_overlap2, rel=1e-9)
    assert top.lambda_r == pytest.approx(spectrum(*model, at.alpha_bbp * (1 - 1e-13)).lambda_minus, rel=1e-9)
    assert top.width == 0.0
    step = 1e-5 * at.alpha_bbp
    slope = (at.jump_overlap2 - resonance(*model, at.alpha_bbp - step).overlap2) / step
    expected = overlap2_slope(averages(*model).moments(1.0), at.alpha_bbp)
    assert slope == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("model", DISCONTINUOUS)
def test_down_to_its_end(model):
    """m^2 falls, the width grows, until Re m^2 = 0; then there is none, with a reason."""
    at, end = transition(*model), resonance_end(*model)
    assert 0.0 <= end < at.alpha_bbp
    alphas = np.linspace(at.alpha_bbp, max(end, 0.02 * at.alpha_bbp) * (1 + 1e-6), 12)
    found = [resonance(*model, alpha) for alpha in alphas]
    assert all(r.reason == "" for r in found)
    assert (np.diff([r.overlap2 for r in found]) < 0).all()
    assert (np.diff([r.width for r in found]) >= 0).all()
    assert all(r.width >= 0.0 for r in found)
    assert all(r.lambda_r > spectrum(*model, r.alpha).lambda_minus for r in found[1:])
    if end:
        assert found[-1].overlap2 < 1e-4
        below = resonance(*model, 0.999 * end)
        assert below.lambda_r is None and "Re m^2 <= 0" in below.reason
        assert below.to_dict() == {"resonance": None, "resonance_reason": below.reason}


def test_the_order_of_questions_does_not_matter():
    branch.cache_clear()
    down = [resonance(2, 1, 1.5, alpha) for alpha in (1.2, 1.0, 0.95)]
    branch.cache_clear()
    up = [resonance(2, 1, 1.5, alpha) for alpha in (0.95, 1.0, 1.2)][::-1]
    assert down == up


@pytest.mark.parametrize(("model", "alpha"), [((2, 1, 1.5), 1.15), ((1, 1, 2.0), 1.45), ((2, 2, 3.0), 3.3)])
def test_the_golden_rule_is_the_width_where_it_is_thin(model, alpha):
    found = branch(*model).at(alpha)
    width = golden_rule(averages(*model), found.gamma.real, alpha, found.overlap2(alpha).real)
    assert width == pytest.approx(-found.z(alpha).imag, rel=1e-3)


@pytest.mark.parametrize("gamma", [1.1, 1.15, 1.2])
def test_the_bulk_left_of_a_point_is_the_samples_with_poles_there(gamma):
    """int rho = (alpha/p) sum over the eigenvalues of D of P(d < 1/g) where it is thin: to first order in rho."""
    alpha, model = 1.5, averages(1, 1, 5.0)
    x = continuation(1, 1, 5.0).at(gamma + 0j).z(alpha).real
    left = spectrum(1, 1, 5.0, alpha).lambda_minus
    across = left + (x - left) * np.linspace(0.3, 1.0, 800)
    rho = density(1, 1, 5.0, alpha, across).rho  # as small as 1e-16, which is rounding: left of 0.5
    weight = float(((rho[1:] + rho[:-1]) / 2 * np.diff(across))[across[1:] - left > 0.5 * (x - left)].sum())
    assert weight == pytest.approx(alpha * steep(model, gamma).fraction, rel=1e-3)


@pytest.mark.parametrize("model", [(1, 1, 5.0), (2, 1, 1.5), (3, 2, 2.0), (math.inf, 2, 1.0)])
def test_the_fraction_of_steep_samples(model):
    """Against draws of yhat and y; its slope against a difference."""
    p, p_star, a = model
    gamma, size, rng = 1.6, 400_000, np.random.default_rng(1)
    yhat = np.ones(size) if p == math.inf else rng.chisquare(p, size) / p
    y = rng.chisquare(p_star, size) / p_star
    lowest = (3.0 if p == 1 else 1.0) * yhat
    seen = ((lowest - y) / (a + y) < -1.0 / gamma).sum()
    at = steep(averages(*model), gamma)
    assert abs(seen - size * at.fraction) < 5.0 * math.sqrt(size * at.fraction)
    step = 1e-5
    slope = (steep(averages(*model), gamma + step).fraction - steep(averages(*model), gamma - step).fraction) / 2e-5
    assert at.slope == pytest.approx(slope, rel=1e-7)


def test_samples_show_it_as_an_outlier():
    """Quenched predictions at N = 2 10^5 scatter around it, below alpha_BBP, where N = infinity has no outlier."""
    alpha, n = 1.2, 200_000
    found = [quenched_sample(Problem(p=2, p_star=1, alpha=alpha, a=1.5), n, seed) for seed in range(4)]
    limit = resonance(2, 1, 1.5, alpha)
    assert all(len(one.eigenvalues) == 2 for one in found)
    for values, expected in (
        ([one.eigenvalues.mean() for one in found], limit.lambda_r),
        ([one.overlap2.mean() for one in found], limit.overlap2),
    ):
        assert abs(np.mean(values) - expected) < 5.0 * np.std(values, ddof=1) / math.sqrt(len(values)) + 1e-4
        assert np.std(values, ddof=1) < 0.05 * abs(expected)


def test_reasons_where_there_is_none():
    above = resonance(2, 1, 1.5, 1.4)
    assert above.lambda_r is None and "the outlier itself is there" in above.reason
    continuous = resonance(2, 1, 0.5, 0.3)
    assert continuous.lambda_r is None and "continuous" in continuous.reason
    assert resonance_end(2, 1, 0.5) is None


@pytest.mark.parametrize("words", [(0, 1, 1.5, 1.0), (2, 1, -1.0, 1.0), (2, 1, 1.5, 0.0), (2, 1, 1.5, math.nan)])
def test_bad_input(words):
    with pytest.raises(InputError):
        resonance(*words)
