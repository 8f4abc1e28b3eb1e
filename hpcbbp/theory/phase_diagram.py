"""The phase diagram: thresholds over loss constants and widths, as figures 2 and 6 of arXiv:2510.18435 show them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcbbp.errors import InputError
from hpcbbp.machine.jsonable import hidden_units
from hpcbbp.machine.optional import require
from hpcbbp.theory.domain import check_count
from hpcbbp.theory.finite.threshold import effective_threshold
from hpcbbp.theory.limit.boundary import a_c
from hpcbbp.theory.limit.transition import thresholds, transition

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]

WIDTHS = (1, 2, 3, 5, 10, 100, math.inf)
INSET = (0.1, 1.0)
POINTS_MAX = 100_000
_EACH = 30  # thresholds at N = infinity that take as long as one at finite N
_INSET_WIDTHS = (1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 50, 70, 100)


@dataclass(frozen=True)
class PhaseDiagram:
    """Thresholds of several widths and loss constants.

    Attributes
    ----------
    p_star : int
    against_a : sequence of dict
        For each (p, a) of the curves: p, p_star, a, alpha_c, alpha_bbp, transition, jump_overlap2, alpha_0 (or None).
    against_p : sequence of dict
        The same for the panel against p: some a, many p.
    effective : sequence of dict
        alpha_BBP(N) for each (p, a) of the curves with a discontinuous transition, and each N asked for:
        p, p_star, a, n, alpha_bbp_n (or None), trusted.
    rows, inset : DataFrame
        Both as tables, where pandas is installed.

    Examples
    --------
    >>> made = phase_table([2], 1, [1.5], [], sizes=[10**6], with_a_c=False)
    >>> round(made.effective[0]["alpha_bbp_n"], 3)
    1.022
    """

    p_star: int
    against_a: Sequence[Row]
    against_p: Sequence[Row]
    effective: Sequence[Row] = ()

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The curves."""
        return _table(self.against_a)

    @cached_property
    def inset(self) -> pd.DataFrame:
        """The panel against p."""
        return _table(self.against_p)

    @cached_property
    def thresholds(self) -> pd.DataFrame:
        """The effective thresholds, without those that there are not."""
        columns = ["p", "p_star", "a", "n", "alpha_bbp_n", "trusted"]
        require("a table of the phase diagram", "figures")
        import pandas as pd

        return pd.DataFrame(self.effective, columns=columns).dropna(subset=["alpha_bbp_n"])

    def curves(self) -> list[dict[str, Any]]:
        """For each width: a_c, and where alpha_BBP is lowest on the curve."""
        found = []
        for p in dict.fromkeys(row["p"] for row in self.against_a):
            least = min((row for row in self.against_a if row["p"] == p), key=lambda row: float(row["alpha_bbp"]))
            found.append(
                {
                    "p": hidden_units(float(p)),
                    "a_c": a_c(float(p), self.p_star),
                    "lowest_alpha_bbp": float(least["alpha_bbp"]),
                    "at_a": float(least["a"]),
                }
            )
        return found

    def at_finite_n(self) -> list[dict[str, Any]]:
        """The effective thresholds as plain values, p a whole number or "inf"."""
        return [{**row, "p": hidden_units(float(row["p"]))} for row in self.effective]

    def points(self) -> list[dict[str, Any]]:
        """The rows as plain values, p a whole number or "inf", alpha_0 None where there is none."""
        return [{**row, "p": hidden_units(float(row["p"]))} for row in self.against_a]


def _table(rows: Sequence[Row]) -> pd.DataFrame:
    require("a table of the phase diagram", "figures")
    import pandas as pd

    return pd.DataFrame(rows).astype({"alpha_0": float})


def _row(p: float, p_star: int, a: float) -> dict[str, Any]:
    return {"p": p, "p_star": p_star, "a": a, **thresholds(transition(p, p_star, a))}


def even(a_min: float, a_max: float, points: int) -> list[float]:
    """Loss constants evenly spaced; InputError for a range that is none."""
    points = check_count("points", points, 2, POINTS_MAX)
    if not 0 < a_min < a_max < math.inf:
        raise InputError(f"a from {a_min} to {a_max}: 0 < a_min < a_max is wanted")
    spaced: list[float] = np.linspace(a_min, a_max, points).tolist()
    return spaced


def phase_table(
    widths: Sequence[float],
    p_star: int,
    constants: Sequence[float],
    inset: Sequence[float],
    *,
    sizes: Sequence[int] = (),
    with_a_c: bool = True,
    progress: Callable[[float], None] | None = None,
) -> PhaseDiagram:
    """Compute thresholds of several widths and loss constants; with_a_c: also just left and right of a_c.

    sizes are the N for which alpha_BBP(N) is computed, too.
    progress is called with the share of the work that is done, a number that grows to 1.

    Raises
    ------
    InputError
        If a value is outside its domain.

    Examples
    --------
    >>> made = phase_table([1, 2], 1, [0.5, 1.5], [])
    >>> sorted({row["transition"] for row in made.against_a})
    ['continuous', 'discontinuous']
    """
    rows: list[dict[str, Any]] = []
    widths = list(dict.fromkeys(widths))
    beside = [(p, float(a)) for a in inset for p in (*_INSET_WIDTHS, math.inf)]
    total = len(widths) * (len(set(constants)) + 2) * (1 + _EACH * len(sizes)) + len(beside)
    done = 0
    effective: list[dict[str, Any]] = []

    def row(p: float, a: float, *, curve: bool = False) -> dict[str, Any]:
        nonlocal done
        done += 1
        made = _row(p, p_star, a)
        if curve and made["alpha_0"] is not None:
            for size in sizes:
                at = effective_threshold(p, p_star, a, size)
                effective.append({"p": p, "p_star": p_star, "a": a, "n": size, "alpha_bbp_n": at.alpha,
                                  "trusted": at.trusted})  # fmt: skip
        done += _EACH * len(sizes) if curve else 0
        if progress is not None:
            progress(min(1.0, done / total))
        return made

    for p in widths:
        turn = a_c(p, p_star)
        chosen = set(constants)
        if with_a_c and turn is not None and min(chosen) < turn < max(chosen):
            chosen |= {turn * (1 - 1e-9), turn * (1 + 1e-9)}
        rows += [row(p, a, curve=True) for a in sorted(chosen)]
    near = [row(p, a) for p, a in beside]
    return PhaseDiagram(p_star, rows, near, effective)
