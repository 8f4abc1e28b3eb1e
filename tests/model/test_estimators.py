"""Spectral estimators: T(y) against conditional moments by sampling, thresholds and outliers of arXiv:2502.02545."""

from __future__ import annotations

import math

import numpy as np
import pytest
from dense import completed, dense_hessian, images
from scipy.integrate import quad
from scipy.optimize import brentq

from hpcbbp import InputError, Problem, deferred_instance, gaussian_instance, solve_deferred, solve_instance
from hpcbbp.model import labels
from hpcbbp.model.curvature import Curvature
from hpcbbp.model.estimators import Optimal, Trimmed
from hpcbbp.model.words import Parts
from hpcbbp.solvers.dense import solve_dense
from hpcbbp.theory import ModelTheory


def problem_of(link, units, alpha=1.0):
    return Parts.given(link=link, estimator="optimal").problem(units, units, alpha, None)


@pytest.mark.parametrize(
    ("link", "units", "near"),
    [
        ("norm", 2, [0.3, 1.0, 2.5]),
        ("sign-product", 2, [-1.0, 1.0]),
        ("product", 2, [-2.0, -0.3, 0.5, 1.5]),
        ("ratio", 2, [-3.0, 0.2, 1.0]),
    ],
)
def test_moments_are_those_of_samples_with_such_labels(link, units, near):
    z = np.random.default_rng(0).standard_normal((2_000_000, units))
    made = {"norm": labels.Norm(), "sign-product": labels.SignProduct(), "product": labels.Product()}
    y = made.get(link, labels.Ratio()).value(z)
    for at in near:
        close = np.abs(y - at) < 0.02 * (1 + abs(at))
        some = np.einsum("mk,ml->mkl", z[close], z[close])
        error = some.std(axis=0) / math.sqrt(close.sum())
        found = Optimal(link).moments(np.array([at]), units)
        v = found.vector[0]
        G = found.across * np.eye(units) + (found.along - found.across) * np.outer(v, v)
        assert (np.abs(some.mean(axis=0) - np.eye(units) - G) < 4 * error + 0.03 * (1 + abs(at))).all()


@pytest.mark.parametrize(
    ("link", "units", "printed"),
    [
        ("norm", 1, 0.5),
        ("norm", 2, 1.0),
        ("sign-product", 2, math.pi**2 / 4),
        ("product", 2, 0.59375),
        ("ratio", 2, 1),
    ],
)
def test_the_printed_thresholds(link, units, printed):
    assert ModelTheory(problem_of(link, units)).transition().alpha_bbp == pytest.approx(printed, abs=1e-5)


@pytest.mark.parametrize(
    ("link", "alpha", "edge", "overlap2"),
    [("sign-product", 7.0, 0.42077526, 0.72197892), ("product", 1.5, 0.91935530, 0.30046481)],
)
def test_above_it_the_outlier_of_the_optimal_one_lies_at_one(link, alpha, edge, overlap2):
    """Values of the equations for jointly diagonalisable G(y): docs/models.md."""
    at = ModelTheory(problem_of(link, 2), 1e-8).spectrum(alpha)
    np.testing.assert_allclose(at.eigenvalues, -1.0, atol=1e-8)
    np.testing.assert_allclose(at.overlap2, overlap2, atol=1e-7)
    assert at.lambda_minus == pytest.approx(-edge, abs=1e-7)
    assert np.abs(at.student_overlap2).max() < 1e-9


def test_dense_instances_have_what_theory_says():
    """The mean of both outliers, with standard errors over 12 instances."""
    found = [solve_dense(gaussian_instance(problem_of("sign-product", 2, 7.0), 300, seed)) for seed in range(12)]
    values = np.array([one.eigen.eigenvalues[:2].mean() for one in found])
    m2 = np.array([one.overlap2[:2].mean() for one in found])
    for sample, exact in ((values, -1.0), (m2, 0.72197892)):
        assert abs(sample.mean() - exact) < 4 * sample.std(ddof=1) / math.sqrt(12) + 0.01


@pytest.mark.parametrize(
    ("link", "alpha", "tol"),
    [("sign-product", 7.0, 1e-6), ("product", 2.5, 1e-6), ("norm", 3.0, 1e-6), ("ratio", 3.0, 1e-5)],
)
def test_deferred_krylov_whose_left_directions_coincide(link, alpha, tol, rng):
    """T(y) has one shape for all labels: half of the left queries, or none, are new; against a dense completion."""
    problem = problem_of(link, 2, alpha)
    instance = deferred_instance(problem, 60, 1)
    found = solve_deferred(instance, tol=tol)
    assert found.eigen.converged.all(), found.eigen.reason
    projections = math.sqrt(60) * images(instance)[:, : instance.q] @ instance.weights
    D = problem.curvature(projections[:, :2], projections[:, 2:]).dense()
    X, Q = completed(instance, rng, D)
    values, vectors = np.linalg.eigh(dense_hessian(X, D))
    np.testing.assert_allclose(found.eigen.eigenvalues, values[:4], atol=2e-9 + 1e-14 * np.abs(D).max())
    teacher = Q[:, : instance.q] @ instance.weights[:, 2:]
    m2 = (np.einsum("nav,nl->val", vectors[:, :4].reshape(60, 2, 4), teacher) ** 2).sum(axis=(1, 2))
    assert found.overlap2.sum() == pytest.approx(m2.sum(), abs=1e-5)


def test_a_bounded_one_has_the_outlier_of_the_scalar_equations():
    """1/g + alpha <E> = alpha <u^2 E>, E = D/(1 - g D), D = min(1/y - 1, 20), y = u^2; and a solve converges."""

    def mean(g, power):
        def curved(u):
            D = min(1 / u**2 - 1, 20.0)
            return u**power * D / (1 - g * D) * math.exp(-(u**2) / 2) * math.sqrt(2 / math.pi)

        kink = 1 / math.sqrt(21.0)
        return quad(curved, 1e-9, kink, epsabs=1e-12)[0] + quad(curved, kink, 12, epsabs=1e-12, limit=200)[0]

    alpha = 3.0
    g = brentq(lambda g: 1 / g + alpha * (mean(g, 0) - mean(g, 2)), -0.6, -0.02)
    problem = Parts.given(estimator="bounded:20").problem(1, 1, alpha, None)
    at = ModelTheory(problem, 1e-6).spectrum(alpha)
    assert at.eigenvalues[0] == pytest.approx(1 / g + alpha * mean(g, 0), abs=1e-5)
    found = [solve_instance(gaussian_instance(problem, 400, seed), 1, tol=1e-6) for seed in range(12)]
    assert all(one.eigen.converged.all() for one in found)
    values = np.array([(one.eigen.eigenvalues[0], one.overlap2[0]) for one in found])
    error = values.std(axis=0, ddof=1) / math.sqrt(len(found))
    off = values.mean(axis=0) - [at.eigenvalues[0], at.overlap2[0]]
    assert (np.abs(off) < 4.5 * error + 6 / 400).all()


def test_a_trimmed_one_and_what_is_refused():
    trimmed = Problem(p=1, p_star=1, alpha=6.0, a=1.0, estimator=Trimmed(5.0))
    at = ModelTheory(trimmed).spectrum(6.0)
    assert len(at.eigenvalues) == 1
    assert 0.3 < at.overlap2[0] < 1.0
    for words, said in (
        ({"estimator": "bounded:-1"}, "estimator bounded = -1.0: a finite number > 0"),
        ({"estimator": "bounded:9", "activation": "tanh"}, "bounded:9 with a teacher 'of activation tanh': E"),
        ({"estimator": "trimmed:0"}, "estimator trimmed = 0.0: a finite number > 0"),
        ({"estimator": "optimal", "activation": "tanh"}, "with a teacher 'of activation tanh': E"),
        ({"estimator": "optimal", "noise": "uniform:0.1"}, "with a teacher 'with noise uniform:0.1'"),
        ({"estimator": "optimal", "loss": "square"}, "loss = square with estimator = optimal: one of them"),
        ({"estimator": "best"}, "estimator = 'best': one of optimal, bounded:BOUND, trimmed:CUT"),
    ):
        with pytest.raises(InputError, match=said):
            Parts.given(**words)
    with pytest.raises(InputError, match="p = 1, p_star = 2 with estimator optimal"):
        Problem(p=1, p_star=2, alpha=1.0, a=1.0, link=labels.Product(), estimator=Optimal("product"))


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (lambda y, p: np.zeros((len(y), p, p)), "returned an array: a hpcbbp.model.curvature.Curvature is wanted"),
        (lambda y, p: y, "returned an array"),
        (lambda y, p: {}["x"], "KeyError: 'x'"),
        (lambda y, p: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda y, p: Curvature(np.ones((3, p)), np.ones((len(y), p)), y), "its diagonal has shape"),
        (lambda y, p: Curvature(np.ones((len(y), p)), np.ones((len(y), p)), "y"), "its weight has shape"),
    ],
)
def test_a_wrong_one_of_the_users_is_one_line(matrix, said):
    wrong = type("Wrong", (), {"name": "wrong", "matrix": staticmethod(matrix)})()
    problem = Problem(p=1, p_star=1, alpha=3.0, a=1.0, estimator=wrong)
    for asked in (
        lambda: solve_instance(gaussian_instance(problem, 50, 0), 1),
        lambda: solve_deferred(deferred_instance(problem, 50, 0), tol=1e-3),
        lambda: ModelTheory(problem).spectrum(3.0),
    ):
        with pytest.raises(InputError, match=said) as refused:
            asked()
        assert "\n" not in str(refused.value)
        assert "estimator = 'wrong': matrix(y, p_star)" in str(refused.value)


def test_theory_refuses_an_estimator_that_tells_units_apart():
    class Lopsided:
        name = "lopsided"

        def matrix(self, y, p_star):
            one = np.zeros((len(y), p_star))
            one[:, 0] = 1.0
            return Curvature(np.tanh(y)[:, None] * one, one, np.ones(len(y)))

    problem = Problem(p=2, p_star=2, alpha=1.0, a=1.0, link=labels.Product(), estimator=Lopsided())
    with pytest.raises(InputError, match="tells the teacher's units apart"):
        ModelTheory(problem)
