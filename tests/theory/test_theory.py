"""Theory at N = infinity against the published table, independent quadrature and known limits."""

from __future__ import annotations

import warnings

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Oracle

from hpcbbp import InputError
from hpcbbp.theory import spectrum, transition
from hpcbbp.theory.limit.quadrature import chi2_rule

ACCURACY = 1e-8  # what the docs promise, absolute

# p, p*, a, alpha_c, alpha_BBP, kind, jump of m^2: checked against dense diagonalisation when they were derived.
TABLE = [
    (1, 1, 1.0, 0.96501, 1.13485, "continuous", 0.0),
    (2, 1, 0.7, 0.72759, 0.92706, "continuous", 0.0),
    (2, 1, 1.5, 1.98070, 1.32294, "discontinuous", 0.10977),
]


@pytest.mark.parametrize(("p", "p_star", "a", "alpha_c", "alpha_bbp", "kind", "jump"), TABLE)
def test_table(p, p_star, a, alpha_c, alpha_bbp, kind, jump):
    at = transition(p, p_star, a)
    assert at.kind == kind
    np.testing.assert_allclose([at.alpha_c, at.alpha_bbp, at.jump_overlap2], [alpha_c, alpha_bbp, jump], atol=6e-6)


def test_spectra_of_the_table():
    at = spectrum(2, 1, 1.5, 3.0)
    np.testing.assert_allclose(
        [at.lambda_minus, at.lambda_star, at.overlap2], [-0.81258, -0.98864, 0.44679], atol=6e-6
    )
    at = spectrum(2, 1, 1.5, 1.5)
    np.testing.assert_allclose(
        [at.lambda_minus, at.lambda_star, at.overlap2], [-0.91730, -0.93244, 0.15580], atol=6e-6
    )
    assert at.edge == "smooth"
    at = spectrum(2, 1, 1.5, 1.0)
    assert at.lambda_star is None
    assert at.overlap2 == 0.0


POINTS = [
    (1, 1, 0.001), (1, 1, 0.1), (1, 1, 3.0), (1, 2, 0.5), (1, 3, 1.0), (2, 1, 0.001), (2, 1, 0.05), (2, 1, 0.7),
    (2, 1, 1.5), (2, 2, 0.01), (2, 2, 4.0), (3, 1, 0.001), (3, 1, 0.9), (3, 2, 1.1), (4, 1, 0.4), (5, 3, 2.0),
    (5, 5, 0.02), (10, 1, 0.3), (20, 2, 1.0), (100, 4, 0.7), (7, 1, 50.0), (1, 1, 20.0),
]  # fmt: skip


@pytest.mark.parametrize(("p", "p_star", "a"), POINTS)
def test_against_independent_quadrature(p, p_star, a):
    oracle, at = Oracle(p, p_star, a), transition(p, p_star, a)
    assert abs(at.alpha_c - oracle.alpha_c()) < ACCURACY
    assert abs(at.alpha_bbp - oracle.alpha_bbp()) < ACCURACY
    assert (at.kind == "discontinuous") == (at.alpha_bbp <= at.alpha_c)
    for factor in (0.6, 1.0 + 1e-4, 1.3, 4.0, 300.0):
        alpha = factor * at.alpha_bbp
        found = spectrum(p, p_star, a, alpha)
        assert abs(found.lambda_minus - oracle.z(oracle.edge(alpha), alpha)) < ACCURACY
        assert (found.lambda_star is None) == (factor < 1)
        if found.lambda_star is not None:
            lambda_star, m2 = oracle.outlier(alpha)
            assert abs(found.lambda_star - lambda_star) < ACCURACY
            # m^2 near a sharp edge is a ratio of two small slopes, one of which the oracle finds by bisection
            assert abs(found.overlap2 - m2) < (1e-6 if factor < 1.01 else ACCURACY)
            assert found.lambda_star < found.lambda_minus


@pytest.mark.parametrize(("p", "p_star", "a"), [(1, 1, 0.001), (2, 1, 1.5), (3, 2, 0.1)])
def test_thresholds_with_25_digits(p, p_star, a):
    """alpha_c and the smooth-edge alpha_BBP by nested adaptive quadrature with mpmath."""
    with mpmath.workdps(25):

        def weight(k):
            norm = mpmath.mpf(2) / mpmath.gamma(mpmath.mpf(k) / 2) * (mpmath.mpf(k) / 2) ** (mpmath.mpf(k) / 2)
            return lambda r: norm * r ** (k - 1) * mpmath.exp(-k * r * r / 2)  # x = r^2

        breaks = [0, mpmath.sqrt(a) / 10, mpmath.sqrt(a), 3 * mpmath.sqrt(a) + 1, 4, 14]
        moments = []  # <x/(a+cx)>-like integrals over yhat, y integrated analytically: <y> = 1, <y^2> = 1 + 2/p*
        y2 = 1 + mpmath.mpf(2) / p_star
        rho = weight(p)
        inverse, edge = mpmath.mpf(0), mpmath.mpf(0)
        for c, share in ((3, mpmath.mpf(1) / p), (1, mpmath.mpf(p - 1) / p)):
            if share:
                inverse += share * mpmath.quad(lambda r: rho(r) / (a + c * r * r), breaks)
                edge += share * mpmath.quad(
                    lambda r: rho(r) * (c * c * r**4 - 2 * c * r * r + y2) / (a + c * r * r) ** 2,
                    breaks,
                )
        moments = 1 / edge, mpmath.mpf(p_star) / 2 / inverse
    at = transition(p, p_star, a)
    assert abs(at.alpha_c - float(moments[0])) < 1e-12
    if at.kind == "discontinuous":
        assert abs(at.alpha_bbp - float(moments[1])) < 1e-12


def test_large_p_limits():
    """p -> infinity: alpha_BBP = p*(1 + a)/2, jump m^2 = a / (a + 1 + 4/p*)."""
    for p_star, a in ((1, 0.5), (2, 1.0), (3, 2.0)):
        errors = []
        for p in (500, 5000):
            at = transition(p, p_star, a)
            assert at.kind == "discontinuous"
            errors.append(abs(at.alpha_bbp - p_star * (1 + a) / 2) + abs(at.jump_overlap2 - a / (a + 1 + 4 / p_star)))
        assert errors[1] < 0.2 * errors[0] < 0.01


@pytest.mark.parametrize(("p", "p_star", "a"), [(2, 1, 1.5), (5, 2, 1.0), (50, 1, 0.5)])
def test_alpha_0_is_the_foot_of_the_tangent(p, p_star, a):
    """One-sided difference quotients of m^2 above alpha_BBP, extrapolated to zero step (Richardson)."""
    at = transition(p, p_star, a)

    def slope(h):
        return (spectrum(p, p_star, a, at.alpha_bbp + h).overlap2 - at.jump_overlap2) / h

    h = 1e-4
    tangent = (8 * slope(h / 4) - 6 * slope(h / 2) + slope(h)) / 3
    assert abs(at.alpha_0 - (at.alpha_bbp - at.jump_overlap2 / tangent)) < 1e-6
    assert abs(spectrum(p, p_star, a, at.alpha_bbp * (1 + 1e-9)).overlap2 - at.jump_overlap2) < 1e-7


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 1000), st.integers(1, 1000), st.floats(-4, 2), st.floats(-2, 3))
def test_whole_domain(p, p_star, log_a, log_alpha):
    """No failure, warning or NaN anywhere; the outlier is below the edge and exists above alpha_BBP only."""
    a, alpha = 10.0**log_a, 10.0**log_alpha
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        at, point = transition(p, p_star, a), spectrum(p, p_star, a, alpha)
    assert np.isfinite([at.alpha_c, at.alpha_bbp, at.jump_overlap2, point.lambda_minus, point.overlap2]).all()
    assert 0 < at.alpha_c
    assert 0 <= point.overlap2 < 1
    assert (point.edge == "smooth") == (alpha <= at.alpha_c)
    if abs(alpha / at.alpha_bbp - 1) > 1e-6:
        assert (point.lambda_star is not None) == (alpha > at.alpha_bbp)
    if point.lambda_star is not None:
        assert point.lambda_star <= point.lambda_minus
    if at.kind == "discontinuous":
        assert at.alpha_0 < at.alpha_bbp


@pytest.mark.parametrize(("k", "a"), [(1, 1e-4), (1, 1.0), (2, 1e-3), (3, 100.0), (10, 1e-4), (1000, 0.1)])
def test_rule_has_the_moments_of_chi2(k, a):
    x, w = chi2_rule(k, a)
    expected = [1, 1, 1 + 2 / k, (1 + 2 / k) * (1 + 4 / k)]
    np.testing.assert_allclose([(w * x**j).sum() for j in range(4)], expected, rtol=1e-12)


@pytest.mark.parametrize("words", [(0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.0), (1, 1, float("nan"))])
def test_outside_the_domain(words):
    with pytest.raises(InputError):
        transition(*words)
    with pytest.raises(InputError):
        spectrum(1, 1, 1.0, -1.0)
    with pytest.raises(InputError, match="1e-09 <= a <= 1e"):
        transition(1, 1, 1e-30)


@pytest.mark.parametrize("a", [1e-9, 1e6])
@pytest.mark.parametrize("p", [1, 2, 3, 10, 1000])
def test_ends_of_the_range_of_a(p, a):
    at = transition(p, 1, a)
    assert np.isfinite([at.alpha_c, at.alpha_bbp]).all()
    for alpha in (1e-6, 1e8):
        assert np.isfinite(spectrum(p, 1, a, alpha).lambda_minus)
