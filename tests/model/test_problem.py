"""The model: outputs, curvature against finite differences of the loss, domain checks."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import LogCosh, Tanh

from hpcbbp import InputError, Problem, gaussian_instance

VARIANTS = [{}, {"activation": Tanh()}, {"custom_loss": LogCosh()}, {"activation": Tanh(), "custom_loss": LogCosh()}]


@pytest.mark.parametrize("extra", VARIANTS, ids=["paper", "tanh", "log-cosh", "both"])
@pytest.mark.parametrize(("p", "p_star"), [(1, 1), (2, 1), (3, 2)])
def test_curvature_is_the_second_derivative_of_the_loss(p, p_star, extra, rng):
    problem = Problem(p=p, p_star=p_star, alpha=1.0, a=1.7, **extra)  # labels of tanh are above -1
    s, u = rng.standard_normal((5, p)), rng.standard_normal((5, p_star))
    D = problem.curvature(s, u).dense()
    h = 1e-4
    for mu in range(5):
        numeric = np.empty((p, p))
        for k in range(p):
            for j in range(p):
                value = 0.0
                for sign_k, sign_j in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                    shifted = s[mu : mu + 1].copy()
                    shifted[0, k] += sign_k * h
                    shifted[0, j] += sign_j * h
                    value += sign_k * sign_j * problem.total_loss(shifted, u[mu : mu + 1])
                numeric[k, j] = value / (4 * h * h)
        np.testing.assert_allclose(D[mu], numeric, atol=2e-6)


@pytest.mark.parametrize("part", ["activation", "custom_loss"])
def test_derivatives_of_the_parts(part, rng):
    x, h = rng.standard_normal(50), 1e-6
    parts = [Problem(p=1, p_star=1, alpha=1, a=0.4).activation, Tanh()]
    if part == "activation":
        for f in parts:
            np.testing.assert_allclose(f.first(x), (f.value(x + h) - f.value(x - h)) / (2 * h), atol=1e-8)
            np.testing.assert_allclose(f.second(x), (f.first(x + h) - f.first(x - h)) / (2 * h), atol=1e-8)
        return
    y = rng.random(50)
    for loss in (Problem(p=1, p_star=1, alpha=1, a=0.4).loss, LogCosh()):
        first = (loss.value(y, x + h) - loss.value(y, x - h)) / (2 * h)
        np.testing.assert_allclose(loss.first(y, x), first, atol=1e-8)
        np.testing.assert_allclose(
            loss.second(y, x), (loss.first(y, x + h) - loss.first(y, x - h)) / (2 * h), atol=1e-8
        )


@given(st.integers(1, 5), st.integers(1, 4), st.floats(0.01, 10), st.integers(0, 2**32 - 1))
def test_eigenvalues_of_the_paper_s_curvature(p, p_star, a, seed):
    """d0 = (2/p)(yhat - y)/(a + y), p - 1 times, d1 = (2/p)(3 yhat - y)/(a + y) once, both > -2/p."""
    rng = np.random.default_rng(seed)
    problem = Problem(p=p, p_star=p_star, alpha=1.0, a=a)
    s, u = rng.standard_normal((4, p)), rng.standard_normal((4, p_star))
    y, yhat = problem.teacher_output(u), problem.student_output(s)
    D = problem.curvature(s, u)
    expected = np.repeat((2 / p * (yhat - y) / (a + y))[:, None], p, axis=1)
    expected[:, -1] = 2 / p * (3 * yhat - y) / (a + y)
    np.testing.assert_allclose(np.linalg.eigvalsh(D.dense()), np.sort(expected, axis=1), rtol=1e-9, atol=1e-9)
    assert (expected > -2 / p).all()
    Z = rng.standard_normal((4, p))
    np.testing.assert_allclose(D.apply(Z), np.einsum("mkl,ml->mk", D.dense(), Z), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"p": 0}, "p = 0"),
        ({"p": 1.5}, "p = 1.5"),
        ({"p_star": -1}, "p_star = -1"),
        ({"alpha": 0.0}, "alpha = 0.0"),
        ({"alpha": float("nan")}, "alpha = nan"),
        ({"a": -0.1}, "a = -0.1"),
        ({"a": float("inf")}, "a = inf"),
    ],
)
def test_values_outside_their_domain_are_named(changed, words):
    with pytest.raises(InputError, match="^" + words):
        Problem(**{"p": 2, "p_star": 1, "alpha": 1.0, "a": 1.0, **changed})


def test_samples_and_frozen():
    problem = Problem(p=1, p_star=1, alpha=0.3, a=1.0)
    assert problem.samples(10) == 3
    with pytest.raises(InputError, match=r"M = round\(alpha N\) = 0"):
        problem.samples(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.p = 2


@dataclass(frozen=True)
class Half:
    """(y - yhat)^2 / 2, whose second derivative is whatever is asked for."""

    slope: object = None
    curvature: object = 1.0
    name: str = "half"

    def value(self, y, yhat):
        return 0.5 * (yhat - y) ** 2

    def first(self, y, yhat):
        return yhat - y if self.slope is None else self.slope

    def second(self, y, yhat):
        return self.curvature(y) if callable(self.curvature) else self.curvature


@dataclass(frozen=True)
class Line:
    """sigma(s) = s with derivatives as one writes them."""

    name: str = "line"

    def value(self, s):
        return s

    def first(self, s):
        return 1

    def second(self, s):
        return 0.0


class Bent(Tanh):
    """An activation with a mistake in it."""

    def second(self, s):
        return np.full_like(s, np.nan)


S, U = np.arange(6.0).reshape(3, 2) - 2.0, np.ones((3, 1))


@pytest.mark.parametrize("constant", [1, 1.0, np.float32(1), np.array(1.0), True])
def test_a_constant_derivative_may_be_a_number(constant):
    wanted = Problem(p=2, p_star=1, alpha=1.0, a=1.0, custom_loss=Half(curvature=np.ones_like)).curvature(S, U)
    found = Problem(p=2, p_star=1, alpha=1.0, a=1.0, custom_loss=Half(curvature=constant)).curvature(S, U)
    np.testing.assert_array_equal(found.dense(), wanted.dense())
    assert found.weight.dtype == np.float64
    assert found.weight.flags.writeable


def test_a_constant_derivative_of_an_activation_may_be_a_number():
    problem = Problem(p=2, p_star=1, alpha=2.0, a=1.0, activation=Line(), custom_loss=Half())
    np.testing.assert_array_equal(problem.curvature(S, U).dense(), np.full((3, 2, 2), 0.25))
    instance = gaussian_instance(problem, 20)
    assert np.isfinite(instance.hessian.apply(np.ones(40))).all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "returned None"),
        ("x", "returned 'x'"),
        (1j, "returned 1j"),
        (np.ones(3) * 1j, "returned numbers of type complex128"),
        (np.ones(2), r"returned an array of shape \(2,\)"),
        (np.ones((3, 1)), r"returned an array of shape \(3, 1\)"),
        ([1.0, [2.0]], "returned "),
        (np.ma.masked_array(np.ones(3), mask=[1, 0, 0]), "a masked array"),
    ],
)
def test_what_a_loss_returns_is_checked(given, said):
    problem = Problem(p=2, p_star=1, alpha=1.0, a=1.0, custom_loss=Half(curvature=given))
    with pytest.raises(InputError, match=rf"^custom_loss = 'half': second\(y, yhat\):? {said}") as error:
        problem.curvature(S, U)
    assert "\n" not in str(error.value)
    assert "masked" in said or "an array of y's shape (3,) or a real number is wanted" in str(error.value)


def test_a_loss_without_a_derivative_is_named():
    with pytest.raises(InputError, match=r"^custom_loss = 'int': first\(y, yhat\) is missing"):
        Problem(p=2, p_star=1, alpha=1.0, a=1.0, custom_loss=3).curvature(S, U)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"custom_loss": Half(curvature=np.nan)}, r"custom_loss = 'half': second\(y, yhat\) is nan at y = "),
        ({"custom_loss": Half(slope=np.inf)}, r"custom_loss = 'half': first\(y, yhat\) is inf at y = "),
        ({"activation": Bent()}, r"activation = 'tanh': second\(s\) is nan at s = "),
    ],
)
def test_a_part_that_is_no_number_is_named_and_not_the_data(part, words):
    instance = gaussian_instance(Problem(p=2, p_star=1, alpha=2.0, a=1.0, **part), 20)
    with pytest.raises(InputError, match=f"^{words}"):
        _ = instance.hessian
