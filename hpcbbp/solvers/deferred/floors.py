"""How small a residual each storage can reach: what is refused, advised and chosen, in one place."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import scipy.special

from hpcbbp.errors import InputError, shown
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.reach import check_reach
from hpcbbp.solvers.request import ARGUMENTS, BYTES, Request

IMAGES: tuple[str, ...] = ("float64", "float32", "int16")
"""What images of directions are kept in, the most exact first."""

_MEASURED_AT = 1.5  # the a at which the floors below were measured


def storage_bytes(storage: str) -> int:
    """Bytes that a stored number takes; InputError for an unknown storage."""
    if not isinstance(storage, str) or storage not in IMAGES:
        raise InputError(f"storage = {shown(storage)}: images are stored as one of {', '.join(IMAGES)}")
    return BYTES[storage]


def has_constant(problem: Problem) -> bool:
    """Whether curvatures depend on a: those of the normalised loss, D ~ 1/(a + y)."""
    return problem.custom_loss is None and problem.estimator is None


def reachable(problem: Problem, n: int, storage: str, *, few: bool = False) -> float:
    """Relative residual that solves with a storage reach, if |lambda| is not exceptionally small.

    With few vectors a step what float32 makes of left directions bounds it, or int16 of images, whatever N is.
    With float32 and p = 1 sums of float32 products bound it, which more panels average; else the rounding of new
    images, a product that old queries did not foresee. Both grow as the curvatures' tail does (`_growth`). What a
    solve has reached it tells itself; this is what is refused beforehand (docs/deferred.md has the measurements).
    """
    growth = _growth(float(problem.a), problem.p_star) if has_constant(problem) else 1.0
    if storage_bytes(storage) == 8:
        return float(max(1e-12, 1e-13 * min(growth, 1e100)))
    if few:
        least = 1e-6 if storage == "float32" else 1.6e-4 * n**-0.25
        return float(least * min(max(1.0, growth**1.25), 30.0 * math.sqrt(n)))
    if storage == "int16":
        base = max(1e-7, 5e-4 / math.sqrt(n))
    else:
        base = max(1e-7, 4e-4 / math.sqrt(n)) if problem.p == 1 else max(1e-9, 1e-6 / math.sqrt(n))
    tail = 0.5 * growth**1.25
    if problem.p > 1:  # what one sample's image may be, in place of N^(-1/2), bounds its rounding
        tail = min(tail, 30.0 * math.sqrt(n))
    return float(base * max(1.0, tail))


@lru_cache(maxsize=1024)
def _growth(a: float, p_star: int) -> float:
    """(<D^2> at a)^(1/2) over that at a = 1.5: D goes as 1/(a + y), y the mean square of p* standard normals.

    <(a + y)^-2> = int t exp(-a t) <exp(-t y)> dt, and <exp(-t y)> = (1 + 2 t/p*)^(-p*/2).
    """
    x, weights = scipy.special.roots_laguerre(60)

    def inverse2(constant: float) -> float:
        return float((weights * x * (1 + 2 * x / (constant * p_star)) ** (-p_star / 2)).sum()) / constant / constant

    return math.sqrt(inverse2(a) / inverse2(_MEASURED_AT))


def storage_for(problem: Problem, n: int, tol: float, *, few: bool = False) -> Literal["float32", "float64"]:
    """The smaller of float32 and float64 that reaches a tolerance; few: with fewer vectors a step than p p*."""
    return "float32" if tol >= reachable(problem, n, "float32", few=few) else "float64"


def check_tolerance(problem: Problem, n: int, tol: float, storage: str, block: int | None = None) -> None:
    """Raise InputError, in Python's words, for a tolerance that a storage does not reach; it names what does."""
    request = Request(problem, n, method="deferred", storage=storage, tol=tol, block=block)
    floors = {name: reachable(problem, n, name, few=request.few) for name in IMAGES}
    check_reach(request, floors, ARGUMENTS)
