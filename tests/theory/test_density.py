"""The density of the bulk: integrates to one, is that of dense spectra, as thin at a smooth edge as derived."""

from __future__ import annotations

import math

import numpy as np
import pytest
from dense import gaussian_sample
from scipy.integrate import quad

from hpcbbp import InputError
from hpcbbp.theory import density, spectrum
from hpcbbp.theory.limit.density import stieltjes


def mass(p, p_star, a, alpha, start, stop, points=200):
    """Integral of rho between two points, in u with x = start + (stop - start) u^2."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    u = 0.5 * (nodes + 1)
    x = start + (stop - start) * u**2
    return float((density(p, p_star, a, alpha, x).rho * weights * u).sum() * (stop - start))


@pytest.mark.parametrize(
    ("p", "p_star", "a", "alpha"), [(2, 1, 1.5, 3.0), (1, 1, 1.0, 3.0), (10, 3, 1.5, 5.0), (math.inf, 1, 1.5, 5.0)]
)
def test_it_integrates_to_one(p, p_star, a, alpha):
    whole = density(p, p_star, a, alpha, points=40)
    assert abs(mass(p, p_star, a, alpha, whole.lambda_minus, whole.x[-1]) - 1.0) < (
        1e-5 if p < math.inf else 1e-3
    )  # inf: a right edge inside
    assert (whole.rho >= 0).all()


def test_eigenvalues_at_zero_are_left_out():
    """alpha < 1: H has rank p M, so 1 - alpha of its eigenvalues are 0; the rest lies left and right of them."""
    at = density(2, 1, 1.5, 0.5, points=40)
    left = mass(2, 1, 1.5, 0.5, at.lambda_minus, -1e-9)
    right = mass(2, 1, 1.5, 0.5, 1e-9, at.x[-1])
    assert abs(left + right - 0.5) < 2e-3


@pytest.mark.parametrize(
    ("p", "a", "alpha", "n", "count"), [(1, 1.0, 3.0, 1000, 4), (2, 1.5, 1.2, 800, 2), (2, 1.5, 3.0, 300, 6)]
)
def test_dense_spectra(p, a, alpha, n, count):
    """Counting function of dense instances beside the integral of rho.

    Its standard deviation from sample to sample was seen to be 0.3 N^(-1/2): within three, and 4 / N for outliers.
    """
    rng = np.random.default_rng(p)
    spectra = [np.linalg.eigvalsh(gaussian_sample(p, 1, a, alpha, n, rng)[3]) for _ in range(count)]
    edge = density(p, 1, a, alpha, points=20).lambda_minus
    for quantile in (0.1, 0.2, 0.5, 0.8, 0.95):
        x = float(np.quantile(np.concatenate(spectra), quantile))
        assert abs(mass(p, 1, a, alpha, edge, x) - quantile) < 4 / n + 1.0 / math.sqrt(n * count)


def test_a_smooth_edge_is_exponentially_thin():
    """With g = -(p/2)(1 + eps): eps/delta tends to 2/(p |z'|), and rho falls like exp(-p* a/(2 eps))."""
    p, p_star, a, alpha = 2, 1, 1.5, 1.0
    at = density(p, p_star, a, alpha, points=20)
    assert at.edge == "smooth"
    edge, slope = at.lambda_minus, at.thinness * 4 / (a * p * p_star)
    near = np.array([1e-5, 1e-4])
    ratio = (-2 * stieltjes(p, p_star, a, alpha, edge + near).real / p - 1) / near
    assert abs(ratio[0] * p * slope / 2 - 1) < 1e-3
    assert abs(ratio[0] * p * slope / 2 - 1) < 0.2 * abs(ratio[1] * p * slope / 2 - 1)
    delta = at.thinness / np.array([22.0, 24.0])
    eps = -2 * stieltjes(p, p_star, a, alpha, edge + delta).real / p - 1
    rho = density(p, p_star, a, alpha, edge + delta).rho
    exponent = -np.log(rho[1] / rho[0]) / (1 / eps[1] - 1 / eps[0])
    assert abs(exponent / (p_star * a / 2) - 1) < 0.05
    assert density(p, p_star, a, 3.0, points=20).thinness is None


def test_a_sharp_edge_is_a_square_root():
    at = density(2, 1, 1.5, 3.0, points=20)
    rho = density(2, 1, 1.5, 3.0, at.lambda_minus + np.array([1e-6, 4e-6])).rho
    assert abs(rho[1] / rho[0] - 2.0) < 1e-3


def test_the_transform_outside_and_far_away():
    limit = spectrum(2, 1, 1.5, 3.0)
    g = stieltjes(2, 1, 1.5, 3.0, np.array([limit.lambda_minus - 0.3, 500.0]))
    assert abs(g[0].imag) < 1e-10
    assert g[0].real < 0
    mean, _ = quad(
        lambda x: density(2, 1, 1.5, 3.0, np.array([x])).rho[0] * x, limit.lambda_minus, 45, limit=60, epsabs=1e-4
    )
    assert abs(g[1].real - (1 / 500 + mean / 500**2)) < 3e-7


@pytest.mark.parametrize(
    ("p", "p_star", "a", "alpha"),
    [(1, 10, 100.0, 30.0), (math.inf, 1000, 100.0, 1000.0), (1, 1, 100.0, 30.0), (2, 1, 1.5, 0.5)],
)
def test_the_default_points_show_the_whole_bulk(p, p_star, a, alpha):
    at = density(p, p_star, a, alpha, points=300)
    assert 200 < len(at.x) < 340
    weight = float((0.5 * (at.rho[1:] + at.rho[:-1]) * np.diff(at.x)).sum())
    assert abs(weight - min(1.0, alpha)) < 0.01


def test_bad_input():
    for words, message in (
        ((2, 1, 1.5, 0.0), "alpha = 0"),
        ((0, 1, 1.5, 1.0), "p = 0"),
        ((2, 1, 1.5, 1.0, np.array([np.nan])), "finite"),
        ((2, 1, 1.5, 1.0, np.array([1e300])), "finite"),
        ((2, 1, 1.5, 1.0, "abc"), "finite"),
        ((2, 1, 1.5, 1.0, [0.0, 1.0]), "diverges there"),
        ((2, 1, 1.5, 0.5, [0.0, 1.0]), "peak of weight"),
        ((2, 1, 1.5, "1"), "alpha = '1'"),
        ((2, 1, None, 1.0), "a = None"),
        (("2", 1, 1.5, 1.0), "p = '2'"),
        (([2], 1, 1.5, 1.0), "a whole number .p: or inf"),
        ((2, 1, 1.5, 1.0, None, 10**9), "points = 1000000000"),
    ):
        with pytest.raises(InputError, match=message):
            density(*words)
