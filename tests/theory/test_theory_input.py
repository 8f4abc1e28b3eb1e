"""What theory is asked for: other models are refused, odd numbers are taken or refused, nothing else leaves it."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass, is_dataclass

import numpy as np
import pytest
from models import LogCosh, Tanh

import hpcbbp
import hpcbbp.theory
from hpcbbp import InputError, Problem, deferred_instance, gaussian_instance, solve_deferred, solve_instance
from hpcbbp.machine import petsc
from hpcbbp.model.activations import Quadratic
from hpcbbp.model.losses import NormalizedSquare
from hpcbbp.theory import (
    ModelTheory,
    a_c,
    density,
    finite_size,
    p_c,
    quenched,
    quenched_model,
    quenched_sample,
    spectrum,
    transition,
)
from hpcbbp.theory.limit.quadrature import chi2_rule

MODEL = {"p": 2, "p_star": 1, "alpha": 3.0, "a": 1.5}
PAPERS = Problem(**MODEL)


@dataclass(frozen=True)
class Cube(Quadratic):
    """A subclass is another activation, whatever it is called."""


OTHERS = {
    "Tanh": Problem(**MODEL, activation=Tanh()),
    "LogCosh": Problem(**MODEL, custom_loss=LogCosh()),
    "NormalizedSquare": Problem(**MODEL, custom_loss=NormalizedSquare(0.7)),
    "Cube": Problem(**MODEL, activation=Cube()),
}

SEEN = np.random.default_rng(0).standard_normal((300, MODEL["p"]))

# What takes a model answers for that model, and not for the paper's.
ANSWERS = {
    "finite_size": lambda problem: finite_size(problem, 100, 3).edge,
    "ModelTheory": lambda problem: ModelTheory(problem, 1e-3).spectrum(3.0).lambda_minus,
    "quenched_sample": lambda problem: quenched_sample(problem, 100).edge,
    "quenched_model": lambda problem: quenched_model(problem, SEEN, SEEN[:, : problem.p_star], 100).edge,
    "gaussian_instance": lambda problem: gaussian_instance(problem, 40, 1).hessian.curvature.diagonal,
    "solve_instance": lambda problem: solve_instance(gaussian_instance(problem, 40, 1), 2).eigen.eigenvalues,
    "deferred_instance": lambda problem: solve_deferred(deferred_instance(problem, 40, 1), 2).eigen.eigenvalues,
    "solve_deferred": lambda problem: solve_deferred(deferred_instance(problem, 40, 1), 2).eigen.eigenvalues,
}
HOLD = {"Instance", "Solution", "Deferred"}  # classes with a problem: made by the functions above


def takes_a_model(value: object) -> bool:
    if inspect.isclass(value) and not (is_dataclass(value) or "__init__" in vars(value)):
        return False
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(
        word in str(parameter.annotation)
        for parameter in parameters
        for word in ("Problem", "Instance", "Deferred", "Solution")
    )


def test_every_public_name_that_takes_a_model_is_known_here():
    found = {
        name for module in (hpcbbp, hpcbbp.theory) for name in module.__all__ if takes_a_model(getattr(module, name))
    }
    assert found == set(ANSWERS) | HOLD


@pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")
@pytest.mark.parametrize("name", ANSWERS)
def test_what_does_not_refuse_answers_for_the_model_given(name):
    papers, other = (np.asarray(ANSWERS[name](problem)) for problem in (PAPERS, OTHERS["Tanh"]))
    assert np.abs(papers - other).max() > 0.01


BAD_P = [math.nan, -math.inf, 0, -1, 2.5, 10**400, 10**5000, 1e300, "2", None, True, np.True_, 2j, [2], np.array([2])]
BAD_A = [math.nan, math.inf, 0, -1.0, 1e300, 10**400, 10**5000, "1", None, True, 1j, [1.0], np.float16(0.0)]


def one_line(error: pytest.ExceptionInfo[InputError]) -> None:
    text = str(error.value)
    assert len(text.splitlines()) == 1
    assert len(text) < 250, text


def named(value: object) -> str:
    """Of a case: numpy's numbers cannot be compared with numbers of 5000 digits, nor are these written out."""
    return str(type(value)) + ("" if type(value) is int and abs(value) > 10**400 else str(value))


@pytest.mark.parametrize("value", BAD_P, ids=named)
def test_numbers_of_units_that_are_none(value):
    for ask in (
        lambda: transition(value, 1, 1.0),
        lambda: transition(2, value, 1.0),
        lambda: spectrum(value, 1, 1.0, 2.0),
        lambda: density(2, value, 1.0, 2.0),
        lambda: a_c(value),
        lambda: a_c(2, value),
        lambda: p_c(1.0, value),
    ):
        with pytest.raises(InputError) as error:
            ask()
        one_line(error)


def test_a_teacher_is_never_infinitely_wide():
    for ask in (lambda: transition(math.inf, math.inf, 1), lambda: a_c(2, math.inf), lambda: p_c(1.0, math.inf)):
        with pytest.raises(InputError, match="p_star = inf: the number of hidden units is a whole number"):
            ask()


@pytest.mark.parametrize("value", BAD_A, ids=named)
def test_constants_that_are_none(value):
    s, u = np.ones((10, 1)), np.ones((10, 1))
    for ask in (
        lambda: transition(2, 1, value),
        lambda: spectrum(2, 1, value, 2.0),
        lambda: spectrum(2, 1, 1.0, value),
        lambda: density(2, 1, 1.0, value),
        lambda: p_c(value),
        lambda: quenched(s, u, value, 10),
    ):
        with pytest.raises(InputError) as error:
            ask()
        one_line(error)


def test_true_is_not_one_even_after_one():
    """1 == True: a cache would take one for the other."""
    transition(1, 1, 1.0), a_c(1)
    for ask in (lambda: transition(True, 1, 1.0), lambda: a_c(True), lambda: transition(1, 1, True)):
        with pytest.raises(InputError):
            ask()


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint16, np.float16, np.float32, np.float64, np.longdouble])
def test_numbers_of_numpy_mean_what_they_are(kind):
    """The same answer, in plain numbers, as from Python's: nothing is calculated in float16."""
    p, one, alpha = kind(2), kind(1), kind(3)
    assert transition(p, one, one) == transition(2, 1, 1.0)
    found = spectrum(p, one, one, alpha)
    assert found == spectrum(2, 1, 1.0, 3.0)
    assert type(found.alpha) is float
    assert a_c(p, one) == a_c(2, 1)
    assert p_c(one, one) == p_c(1.0)
    np.testing.assert_array_equal(density(p, one, one, alpha, points=20).rho, density(2, 1, 1.0, 3.0, points=20).rho)
    if issubclass(kind, np.integer):
        problem = Problem(p=p, p_star=one, alpha=alpha, a=one)
        plain = finite_size(Problem(p=2, p_star=1, alpha=3.0, a=1.0), 100, 3, 5)
        assert finite_size(problem, kind(100), kind(3), kind(5)) == plain
        assert {type(value) for value in vars(finite_size(problem, kind(100), kind(3))).values()} == {int, float}


def test_single_precision_is_not_lost_between():
    """alpha and a of float32 are numbers like any other: M = round(alpha N) is not rounded to 24 bits."""
    problem = Problem(p=2, p_star=1, alpha=np.float32(1.3), a=np.float32(1.5))
    assert quenched_sample(problem, 100_003).m == round(float(np.float32(1.3)) * 100_003)
    assert abs(spectrum(2, 1, 1.5, np.float32(1.3)).lambda_minus - spectrum(2, 1, 1.5, 1.3).lambda_minus) < 1e-6
    limit = spectrum(2, 1, np.float64(np.float32(1.3)), 3.0)
    assert spectrum(2, 1, np.float32(1.3), 3.0) == limit


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"n": 10**5000}, "N = 10"),
        ({"n": 1e3}, "N = 1000"),
        ({"n": "100"}, "N = '100'"),
        ({"samples": 10**12}, "samples = 1000000000000"),
        ({"samples": 3.0}, "samples = 3.0"),
        ({"samples": True}, "samples = True"),
        ({"samples": "3"}, "samples = '3'"),
        ({"seed": 10**5000}, "seed = 10"),
        ({"seed": 2**64 - 1}, "seed = 1844"),
        ({"seed": 1.0}, "seed = 1.0"),
        ({"seed": None}, "seed = None"),
        ({"problem": None}, "problem = None"),
        ({"problem": Problem(p=1, p_star=1, alpha=1e12, a=1.0), "n": 10**10}, "go up to M"),
        ({"problem": Problem(p=1, p_star=1, alpha=1e308, a=1.0)}, "alpha = 1e"),
        ({"problem": Problem(p=10**15, p_star=1, alpha=1.0, a=1.0)}, "p = 10"),
    ],
)
def test_odd_requests_for_averages(words, message):
    with pytest.raises(InputError, match=message) as error:
        finite_size(**({"problem": PAPERS, "n": 100, "samples": 3} | words))
    one_line(error)


def test_kept_arrays_cannot_be_changed():
    """A caller who writes into what is kept would change every later answer."""
    for k in (1, 3, math.inf):
        for part in chi2_rule(k, 1.0):
            with pytest.raises(ValueError, match="read-only"):
                part[0] = 7.0


def test_a_density_is_shown_in_a_line():
    found = density(2, 1, 1.5, 1.0, points=100)
    assert len(repr(found)) < 200
    assert "points, x from -0.94" in repr(found)
    assert repr(density(2, 1, 1.5, 1.0, [])).startswith("Density(0 points, no x")
    assert found == found
    assert found != density(2, 1, 1.5, 1.0, [0.1])


@pytest.mark.parametrize("x", ["abc", ["1"], [[0.5]], [1.0, [2.0]], [None], [True], [1j], [10**400], [math.inf], 0.5])
def test_points_of_a_density_that_are_none(x):
    with pytest.raises(InputError, match="a list of finite numbers is wanted") as error:
        density(2, 1, 1.5, 1.0, x)
    one_line(error)
