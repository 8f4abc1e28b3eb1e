"""What theory is computed for: every value is checked before anything is calculated, and becomes a plain number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hpcbbp.errors import InputError, shown, whole_number
from hpcbbp.model.activations import Quadratic
from hpcbbp.model.losses import NormalizedSquare
from hpcbbp.model.problem import Problem

A_RANGE = (1e-9, 1e6)
"""Loss constants for which the averages have been checked; far beyond what the model is used for."""

UNITS_MAX = 100_000
ALPHA_RANGE = (1e-12, 1e12)


def real(value: Any) -> float | None:
    """Return a real number as Python's float, infinite if it is too large for one; None for what is no number."""
    if isinstance(value, np.timedelta64 | bool):  # numpy counts spans of time among its integers
        return None
    if not isinstance(value, int | float | np.integer | np.floating):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def whole(value: Any) -> int | None:
    """Return a whole number as Python's int, whatever type of number holds it; None for what is none."""
    number = real(value)
    if number is None or not math.isfinite(number) or not number.is_integer():
        return int(value) if isinstance(value, int) and not isinstance(value, bool) else None
    return int(value)


def check_count(name: str, value: Any, low: int, high: int) -> int:
    """Return a whole number (an integer of Python or numpy) from low to high, or raise InputError."""
    count = whole_number(value)
    if count is None or not low <= count <= high:
        raise InputError(f"{name} = {shown(value)}: a whole number from {low} to {high} is wanted")
    return count


def check_units(name: str, value: Any) -> float:
    """Return a number of hidden units, p also inf; or raise InputError."""
    if name == "p" and real(value) == math.inf and not isinstance(value, int):
        return math.inf
    units = whole(value)
    if units is None:
        raise InputError(f"{name} = {shown(value)}: the number of hidden units is a whole number (p: or inf)")
    if units < 1:
        whose = "student" if name == "p" else "teacher"
        raise InputError(f"{name} = {shown(units)}: the {whose} needs at least one hidden unit ({name} >= 1)")
    if units > UNITS_MAX:
        raise InputError(f"{name} = {shown(units)}: theory is computed for up to {UNITS_MAX} hidden units")
    return units


def check_constant(a: Any) -> float:
    """Return the loss constant, or raise InputError unless theory is computed for it."""
    value = real(a)
    if value is None or not value > 0 or value == math.inf:
        raise InputError(f"a = {shown(a)}: the loss constant must be a finite number > 0")
    if not A_RANGE[0] <= value <= A_RANGE[1]:
        raise InputError(f"a = {shown(a)}: theory is computed for {A_RANGE[0]:g} <= a <= {A_RANGE[1]:g}")
    return value


def check_alpha(alpha: Any) -> float:
    """Return alpha, or raise InputError unless theory is computed for it."""
    value = real(alpha)
    if value is None or not ALPHA_RANGE[0] <= value <= ALPHA_RANGE[1]:
        raise InputError(
            f"alpha = {shown(alpha)}: theory is computed for {ALPHA_RANGE[0]:g} <= alpha <= {ALPHA_RANGE[1]:g}"
        )
    return value


def check_model(p: Any, p_star: Any, a: Any) -> tuple[float, int, float]:
    """Return p (a whole number or inf), p* and a as plain numbers; InputError for values out of their domain."""
    return float(check_units("p", p)), int(check_units("p_star", p_star)), check_constant(a)


def the_papers(problem: Any) -> Problem:
    """Return a problem in plain numbers, or raise InputError unless it is the model that theory knows.

    Theory has the quadratic activation and the normalised square loss built in: for another model its answer would
    be that of the paper's.
    """
    if not isinstance(problem, Problem):
        raise InputError(f"problem = {shown(problem)}: a hpcbbp.Problem is wanted")
    if type(problem.activation) is not Quadratic:
        raise InputError(_other("activation", problem.activation))
    for what, name in problem.unusual().items():
        raise InputError(_other(what, name))
    p, p_star, a = check_model(problem.p, problem.p_star, problem.a)
    if problem.custom_loss is not None and (
        type(problem.custom_loss) is not NormalizedSquare or real(problem.custom_loss.a) != a
    ):
        raise InputError(_other("loss", problem.custom_loss))
    return Problem(p=int(p), p_star=p_star, alpha=check_alpha(problem.alpha), a=a)


def any_model(problem: Any) -> Problem:
    """Return a problem of any activation, loss, link and noise whose alpha is in range, or raise InputError."""
    if not isinstance(problem, Problem):
        raise InputError(f"problem = {shown(problem)}: a hpcbbp.Problem is wanted")
    check_units("p", problem.p)
    check_units("p_star", problem.p_star)
    check_alpha(problem.alpha)
    return the_papers(problem) if is_the_papers(problem) else problem


def is_the_papers(problem: Problem) -> bool:
    """Whether a problem is the model that closed forms and the kernels of predictions know."""
    own = problem.custom_loss
    return (
        type(problem.activation) is Quadratic
        and not problem.unusual()
        and (own is None or (type(own) is NormalizedSquare and real(own.a) == real(problem.a)))
    )


def _other(what: str, own: Any) -> str:
    return (
        f"{what} = {shown(own)}: theory and predictions know the quadratic activation and the "
        "normalised square loss with constant a alone; simulate other models (solve_instance, solve_deferred)"
    )
