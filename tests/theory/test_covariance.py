"""Theory where data are not white: scalar equations written down anew, dense spectra, one sample, the density."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from hpcbbp import InputError, Problem, gaussian_instance
from hpcbbp.model import registry
from hpcbbp.model.words import Parts
from hpcbbp.solvers.dense import solve_dense
from hpcbbp.theory import ModelTheory, model_density, quenched_model, quenched_sample, spectrum
from hpcbbp.theory.finite.quenched import TRACY_WIDOM_MEAN, TRACY_WIDOM_STD


def problem_of(covariance: str, p: int = 1, p_star: int = 1, alpha: float = 3.0, a: float = 3.0, **words) -> Problem:
    return Parts.given(covariance=covariance, **words).problem(p, p_star, alpha, a)


class Scalar:
    """The equations of p = p* = 1 for the paper's loss, by Gauss and Hermite's rule: docs/models.md."""

    def __init__(self, values, shares, a, alpha):
        x, w = np.polynomial.hermite_e.hermegauss(160)
        self.values, self.shares, self.alpha = np.array(values), np.array(shares), alpha
        self.q = float(self.values @ self.shares)
        s, u = np.meshgrid(np.sqrt(self.q) * x, np.sqrt(self.q) * x)
        self.u2, self.w = u**2 / self.q, np.outer(w, w) / w.sum() ** 2
        self.D = (6 * s**2 - 2 * u**2) / (a + u**2)

    def kappa_theta(self, e):
        E = self.D / (1 - e * self.D)
        return self.alpha * (self.w * E).sum(), self.alpha * (self.w * self.u2 * E).sum()

    def x(self, e):
        kappa, _ = self.kappa_theta(e)
        top = float((kappa * self.values).min())

        def gap(x):
            return (self.shares * self.values / (x - kappa * self.values)).sum() - e

        return brentq(gap, top - 1e5, top - 1e-12, xtol=1e-14)

    def edge(self):
        def slope(e):
            return self.x(e * (1 + 1e-5)) - self.x(e * (1 - 1e-5))

        grid = -np.geomspace(1e-3, 0.49, 60)  # 1 - e D > 0 for D > -2
        rising = [i for i in range(59) if slope(grid[i]) * slope(grid[i + 1]) < 0]
        return brentq(slope, grid[rising[0] + 1], grid[rising[0]], xtol=1e-12)

    def outlier(self):
        def gap(e):
            x, (kappa, theta) = self.x(e), self.kappa_theta(e)
            return 1 - (theta - kappa) * (self.shares * self.values**2 / (x - kappa * self.values)).sum() / self.q

        edge = self.edge()
        e = brentq(gap, edge, edge * 1e-2, xtol=1e-13)
        x, (kappa, theta) = self.x(e), self.kappa_theta(e)
        step = 1e-5 * e
        slope = (gap(e + step) - gap(e - step)) / (self.x(e + step) - self.x(e - step))
        first = (self.shares * self.values / (x - kappa * self.values)).sum()
        return x, first**2 * (theta - kappa) / (self.q * slope)


@pytest.mark.parametrize(
    ("values", "shares", "alpha"), [((0.5, 1.5), (0.5, 0.5), 6.0), ((0.2, 1.0, 3.0), (0.3, 0.5, 0.2), 8.0)]
)
def test_the_scalar_equations(values, shares, alpha):
    words = ",".join(f"{v},{s}" for v, s in zip(values, shares, strict=True))
    found = ModelTheory(problem_of(f"levels:{words}", alpha=alpha)).spectrum(alpha)
    oracle = Scalar(values, shares, 3.0, alpha)
    eigenvalue, overlap2 = oracle.outlier()
    assert found.lambda_minus == pytest.approx(oracle.x(oracle.edge()), abs=1e-6)
    assert found.eigenvalues == pytest.approx([eigenvalue], abs=1e-6)
    assert found.overlap2 == pytest.approx([overlap2], abs=1e-5)
    assert found.error < 1e-6


def test_levels_that_are_nearly_one_are_white():
    found = ModelTheory(problem_of("levels:0.9999999,0.5,1.0000001,0.5", 2, 1, 3.0, 1.5)).spectrum(3.0)
    white = spectrum(2, 1, 1.5, 3.0)
    assert found.lambda_minus == pytest.approx(white.lambda_minus, abs=1e-6)
    assert found.eigenvalues == pytest.approx([white.lambda_star] * 2, abs=1e-6)
    assert found.overlap2 == pytest.approx([white.overlap2] * 2, abs=1e-6)


def test_units_of_sigma():
    """Sigma -> c Sigma with activations and losses that scale: H -> c H, the same m^2."""
    one = ModelTheory(problem_of("levels:0.5,0.5,1.5,0.5", a=3.0)).spectrum(6.0)
    assert len(one.eigenvalues) == 1
    # y and yhat grow by 4, so a = 12 makes the loss 4 times as large, and x x^T is 4 times as large.
    four = ModelTheory(problem_of("levels:2,0.5,6,0.5", a=12.0)).spectrum(6.0)
    assert four.eigenvalues == pytest.approx(4 * one.eigenvalues, abs=1e-5)
    assert four.overlap2 == pytest.approx(one.overlap2, abs=1e-6)


DENSE = {
    "two levels": (problem_of("levels:0.5,0.5,1.5,0.5", a=1.0), 400),
    "two levels, tanh": (problem_of("levels:0.5,0.5,1.5,0.5", 2, 1, 6.0, 1.5, activation="tanh"), 300),
    "two teachers": (problem_of("levels:0.7,0.5,1.3,0.5", 2, 2, 12.0, 1.5), 250),
    "evenly spread": (problem_of("uniform:0.8", 2, 1, 5.0, 1.0), 300),
}
SEEDS = 12


@pytest.mark.parametrize("name", DENSE)
def test_against_dense_spectra(name):
    """Theory and the mean of predictions of 12 instances, within 4.5 standard errors; 6/N of bias for the former."""
    problem, n = DENSE[name]
    limit = ModelTheory(problem, 1e-4).spectrum(problem.alpha)
    count = len(limit.eigenvalues)
    measured, apart = [], []
    for seed in range(SEEDS):
        one = gaussian_instance(problem, n, seed)
        found = solve_dense(one)
        predicted = quenched_model(problem, *one.projections, n, gram=one.gram)
        parts = (found.eigen.eigenvalues, found.overlap2, found.student_overlap2)
        measured.append([part[:count].mean() for part in parts])
        if len(predicted.eigenvalues) == count:
            own = (predicted.eigenvalues, predicted.overlap2, predicted.student_overlap2)
            apart.append([a[:count].mean() - b.mean() for a, b in zip(parts, own, strict=True)])
    told = [limit.eigenvalues.mean(), limit.overlap2.mean(), limit.student_overlap2.mean()]
    mean, error = np.mean(measured, axis=0), np.std(measured, axis=0, ddof=1) / math.sqrt(SEEDS)
    assert (np.abs(mean - told) < 4.5 * error + 6.0 * max(1.0, abs(limit.lambda_minus)) / n).all()
    assert len(apart) >= SEEDS // 2
    off, scatter = np.mean(apart, axis=0), np.std(apart, axis=0, ddof=1)
    assert (np.abs(off) < 4.5 * scatter / math.sqrt(len(apart)) + 6.0 / n).all()
    assert (scatter[:2] < 1.2 * np.std(measured, axis=0, ddof=1)[:2] + 0.02).all()  # it knows this sample


@pytest.mark.parametrize(
    ("words", "a"),
    [
        ("uniform:0.5", 1.0),
        ("uniform:0.1", 1.0),
        ("levels:0.9,0.5,1.1,0.5", 1.0),
        ("levels:0.5,0.5,1.5,0.5", 1.0),
        ("levels:0.5,0.25,2,0.75", 1.5),
        ("levels:0.00001,0.1,1,0.9", 0.8),
        ("uniform:0.5", 2.0),
    ],
)
def test_outliers_begin_at_the_threshold(words, a):
    """Where the edge is sharp x hardly falls along the curve there, and Newton's steps do not know by how much."""
    theory = ModelTheory(problem_of(words, alpha=2.0, a=a), 1e-6)
    at = theory.transition()
    assert at.kind == ("discontinuous" if a > 1.9 else "continuous")
    for factor in (1 - 1e-3, 1 - 1e-9, 1.0, 1 + 1e-9, 1 + 1e-3):
        found = theory.spectrum(at.alpha_bbp * factor)
        if abs(factor - 1) > 1e-4:
            assert len(found.eigenvalues) == (factor > 1), factor


def test_small_spreads_change_the_threshold_by_their_variance():
    """1.13485 for white data; levels 0.9, 1.1 have the variance 0.01, uniform:0.1 a third of it."""
    white, uniform, levels = (
        ModelTheory(problem, 1e-6).transition().alpha_bbp
        for problem in (
            Problem(p=1, p_star=1, alpha=2.0, a=1.0),
            problem_of("uniform:0.1", alpha=2.0, a=1.0),
            problem_of("levels:0.9,0.5,1.1,0.5", alpha=2.0, a=1.0),
        )
    )
    assert (levels - white) / (uniform - white) == pytest.approx(3.0, abs=0.05)


def test_lowest_eigenvalues_without_outlier_have_the_law_of_tracy_and_widom():
    """(lambda_1 - edge)/scale of 60 instances: mean within 4.5 standard errors, and what N^(-1/3) leaves."""
    problem = problem_of("levels:0.3,0.5,1.7,0.5", alpha=2.0, a=1.0, link="sign-product", loss="square")
    n, found = 300, []
    for seed in range(60):
        one = gaussian_instance(problem, n, seed)
        predicted = quenched_model(problem, *one.projections, n, gram=one.gram)
        if len(predicted.eigenvalues) == 0:
            lowest = solve_dense(one).eigen.eigenvalues[0]
            found.append((predicted.edge - lowest) / predicted.edge_scale)
    assert len(found) > 40
    mean, std = np.mean(found), np.std(found, ddof=1)
    assert abs(mean - TRACY_WIDOM_MEAN) < 4.5 * TRACY_WIDOM_STD / math.sqrt(len(found)) + n ** (-1 / 3)
    assert 0.6 * TRACY_WIDOM_STD < std < 1.6 * TRACY_WIDOM_STD


@pytest.mark.parametrize(
    "problem", [problem_of("levels:0.2,0.5,1.8,0.5"), problem_of("uniform:0.9", 2, 1, 4.0, 1.5, activation="tanh")]
)
def test_the_density_is_that_of_dense_spectra(problem):
    """Shares of eigenvalues below some points, of 6 instances with N = 200: within 4.5 standard errors and 0.01."""
    found = model_density(ModelTheory(problem, 1e-3), problem.alpha, points=60)
    values = np.array([solve_dense(gaussian_instance(problem, 200, s)).eigen.eigenvalues for s in range(6)])
    below = np.concatenate([[0.0], np.cumsum(0.5 * (found.rho[1:] + found.rho[:-1]) * np.diff(found.x))])
    for place in (20, 35, 50, 59):
        shares = (values < found.x[place]).mean(axis=1)
        assert abs(shares.mean() - below[place]) < 4.5 * shares.std(ddof=1) / math.sqrt(6) + 0.01


def test_drawn_projections_have_the_law_of_instances():
    """Mean predictions of drawn samples and of instances: 4.5 standard errors of 24 each."""
    problem, n = problem_of("levels:0.3,0.7,3,0.3", 1, 2, 14.0, 1.0), 400
    drawn = [quenched_sample(problem, n, seed) for seed in range(24)]
    ones = [gaussian_instance(problem, n, seed) for seed in range(24)]
    known = [quenched_model(problem, *one.projections, n, gram=one.gram) for one in ones]
    for what in (lambda q: q.edge, lambda q: q.lowest, lambda q: q.overlap2.sum()):
        a, b = (np.array([what(q) for q in some]) for some in (drawn, known))
        assert abs(a.mean() - b.mean()) < 4.5 * math.hypot(a.std(ddof=1), b.std(ddof=1)) / math.sqrt(24)


def test_an_edge_near_the_least_eigenvalue_of_sigma():
    """Large alpha, where kappa sigma of the least one is near the edge: 8192 points in place of 512 say the same."""
    for alpha, edge in ((10.0, 1.53835), (20.0, 4.5488)):
        found = ModelTheory(problem_of("uniform:0.9", alpha=alpha, a=1.0), 1e-5).spectrum(alpha)
        assert found.lambda_minus == pytest.approx(edge, abs=1e-4)


def test_no_other_branch_is_followed():
    """A Newton step that went to another solution beyond the edge ended in a refusal."""
    edges = [quenched_sample(problem_of("uniform:0.9", 2, 1, 4.0, 1.0), n, 171).edge for n in (99, 100, 101)]
    assert edges == pytest.approx([edges[1]] * 3, abs=0.03)


def test_the_unit_of_fluctuations_is_that_of_white_data_at_large_n():
    """At a smooth edge, where the end of the domain is N^(-1/2) away."""
    near = quenched_sample(problem_of("levels:0.9999999,0.5,1.0000001,0.5", alpha=1.5), 100_000, 3)
    white = quenched_sample(Parts.given().problem(1, 1, 1.5, 3.0), 100_000, 3)
    assert near.m == white.m
    assert near.edge_scale == pytest.approx(white.edge_scale, rel=0.2)  # not the same sample


def test_gram_matrices_that_do_not_fit():
    problem = problem_of("levels:0.5,0.5,1.5,0.5")
    s = u = np.random.default_rng(0).standard_normal((300, 1))
    with pytest.raises(InputError, match=r"gram of shape \(2, 2\): \(2, 2, 2\), a matrix for each level"):
        quenched_model(problem, s, u, 100, gram=np.eye(2))
    with pytest.raises(InputError, match="gram"):
        quenched_model(problem, s, u, 100, gram=np.zeros((2, 2, 2)))


def test_a_law_of_the_users_own():
    class Steps:
        name = "steps"

        def quantile(self, t):
            return np.where(t < 0.5, 0.5, 1.5)

    own = Problem(p=1, p_star=1, alpha=6.0, a=3.0, covariance=Steps())
    named = ModelTheory(problem_of("levels:0.5,0.5,1.5,0.5")).spectrum(6.0)
    assert len(named.eigenvalues) == 1
    assert ModelTheory(own).spectrum(6.0).eigenvalues == pytest.approx(named.eigenvalues, abs=1e-12)
    with pytest.raises(InputError, match="estimators know white data"):
        Problem(p=1, p_star=1, alpha=1.0, a=1.0, covariance=Steps(), estimator=registry.estimator("optimal", "norm"))
