"""Whether a storage reaches a tolerance, and what else would: one refusal for every method and every caller."""

from __future__ import annotations

import math
from collections.abc import Mapping

from hpcbbp.errors import InputError
from hpcbbp.solvers.request import ARGUMENTS, Request, Words, one_of


def rounded_up(value: float) -> str:
    """A positive number in one digit, not below it."""
    step = 10.0 ** math.floor(math.log10(value))
    return f"{math.ceil(value / step * (1 - 1e-9)) * step:.0e}"


def check_reach(request: Request, floors: Mapping[str, float], words: Words) -> None:
    """Raise InputError for a tolerance that the storage does not reach; the line names what does.

    Parameters
    ----------
    request : Request
    floors : mapping of str to float
        Smallest tolerance of each storage of the method, the most exact storage first.
    words : Words
        The caller's.
    """
    floor, tol = floors[request.storage], request.tol
    if tol >= 0.999 * floor:
        return
    ways = [f"{words('tol', float(rounded_up(floor)))} or more"] if floor < 0.1 else []
    better = [name for name, other in floors.items() if other <= min(tol, floor / 2)]
    best = next(iter(floors))
    means, stored = f"{words('method', request.method)}, ", words("method", "stored")
    if words is ARGUMENTS:  # in Python a method is a function's name
        means, stored = "", "a stored X (gaussian_instance)"
    if better:
        reach = f" (good to about {floors[better[-1]]:.1e})" if floors[better[-1]] > 0 else ""
        ways.append(words("storage", better[-1]) + reach)
    elif request.storage != best and floors[best] < 0.1:
        ways.append(f"{words('storage', best)} and {words('tol', float(rounded_up(floors[best])))}")
    if not better:
        ways = [*(ways or ["a larger a"]), stored]
    raise InputError(
        f"{words('tol', tol)} with {means}{words('storage', request.storage)}: residuals are good to about "
        f"{min(floor, 1.0):.1e} of |lambda| at N = {request.n}, a = {request.problem.a:g}; "
        f"take {one_of(ways)}"
    )
