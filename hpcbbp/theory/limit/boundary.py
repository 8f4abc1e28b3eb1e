"""Where the transition turns discontinuous: a_c at given widths, p_c at a given loss constant."""

from __future__ import annotations

import math
from functools import lru_cache

from scipy.optimize import brentq

from hpcbbp.theory.domain import A_RANGE, UNITS_MAX, check_model
from hpcbbp.theory.limit.bulk import Averages


def _excess(p: float, p_star: int, log_a: float) -> float:
    """log(alpha_c / alpha_BBP of a smooth edge): >= 0 where the transition is discontinuous; it grows with a."""
    model = Averages(p, p_star, math.exp(log_a))
    return math.log(model.alpha_edge(1.0) * model.moments(1.0).signal)


def a_c(p: float, p_star: int = 1) -> float | None:
    """Loss constant from which on the transition is discontinuous, N = infinity: (8) = (6) of docs/theory.md.

    Parameters
    ----------
    p, p_star : int
        Hidden units of student and teacher; p may be inf.

    Returns
    -------
    float or None
        0 at p = inf, where every transition is discontinuous; None if it lies beyond the constants for which theory
        is computed (teachers of hundreds of units and students of a few).

    Raises
    ------
    InputError
        If a value is outside its domain.

    Examples
    --------
    >>> round(a_c(2), 4)
    0.8304
    """
    units, teacher, _ = check_model(p, p_star, 1.0)
    return 0.0 if units == math.inf else _a_c(units, teacher)


@lru_cache(maxsize=512)
def _a_c(p: float, p_star: int) -> float | None:
    low, high = (math.log(end) for end in A_RANGE)
    if _excess(p, p_star, high) < 0.0:
        return None
    return math.exp(float(brentq(lambda x: _excess(p, p_star, x), low, high, xtol=1e-13, rtol=1e-14)))


def p_c(a: float, p_star: int = 1) -> int | None:
    """Fewest hidden units of a student with a discontinuous transition at this loss constant; all p >= p_c have one.

    By bisection of a_c (docs/theory.md).

    Parameters
    ----------
    a : float
    p_star : int

    Returns
    -------
    int or None
        None if even the widest student for which theory is computed (100,000 units) has a continuous one.

    Raises
    ------
    InputError
        If a value is outside its domain.

    Examples
    --------
    >>> p_c(1.5)
    1
    """
    _, p_star, a = check_model(1, p_star, a)
    log_a = math.log(a)
    if _excess(UNITS_MAX, p_star, log_a) < 0.0:
        return None
    low, high = 0, UNITS_MAX  # continuous at low (no student is narrower than 1), discontinuous at high
    while high - low > 1:
        middle = (low + high) // 2
        if _excess(middle, p_star, log_a) < 0.0:
            low = middle
        else:
            high = middle
    return high
