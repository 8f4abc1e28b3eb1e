"""docs/choose.md: memory and time of each method, by the models that plans use."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from claims.pages import Claim
from hpcbbp import Problem
from hpcbbp.solvers.methods import METHODS
from hpcbbp.solvers.request import Request

PROBLEM = Problem(p=2, p_star=1, alpha=3.0, a=1.5)
RANKS = 2
_MOST = 1000.0
"""GiB or hours beyond which a cell only says that nobody does it."""


def costs() -> Iterator[Claim]:
    for power in range(3, 8):
        yield Claim("docs/choose.md", f"| $10^{power}$ | " + " | ".join(["{}"] * 5) + " |", partial(_row, 10**power))


def _row(n: int) -> list[str]:
    return [_cell(name, n) for name in ("stored", "dice", "regenerated", "deferred", "dense")]


def _cell(name: str, n: int) -> str:
    """Memory of all ranks together, and time: of the outliers to 1e-6, of dense all of the spectrum."""
    method = METHODS[name]
    request = Request(PROBLEM, n, method=name, nev=None if method.whole else PROBLEM.p * PROBLEM.p_star, tol=1e-6)
    request = replace(request, storage=method.storage(request))
    size, seconds = RANKS * method.memory(request, RANKS) / 2**30, method.seconds(request) / RANKS
    if size > _MOST or seconds > 3600 * _MOST:
        return "-"
    return f"{size:.3g} GiB; {_roughly(seconds)}"


def _roughly(seconds: float) -> str:
    """As a model knows it: two digits at most."""
    for unit, most in (("s", 100.0), ("min", 6000.0), ("h", math.inf)):
        if seconds < most:
            value = seconds / {"s": 1, "min": 60, "h": 3600}[unit]
            return "<1 s" if unit == "s" and value < 1 else f"{float(f'{value:.2g}'):g} {unit}"
    raise AssertionError(seconds)
