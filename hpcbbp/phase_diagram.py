"""The phase diagram: thresholds over loss constants and widths, as figures 2 and 6 of arXiv:2510.18435 show them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hpcbbp.errors import InputError
from hpcbbp.theory import a_c, transition

WIDTHS = (1, 2, 3, 5, 10, 100, math.inf)
INSET = (0.1, 1.0)
_INSET_WIDTHS = (1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 50, 70, 100)


@dataclass(frozen=True)
class PhaseDiagram:
    """Thresholds.

    Attributes
    ----------
    p_star : int
    rows : DataFrame
        A row for each (p, a) of the curves: p, p_star, a, alpha_c, alpha_bbp, transition, jump_overlap2, alpha_0.
    inset : DataFrame
        The same for the inset: some a, many p.
    """

    p_star: int
    rows: pd.DataFrame
    inset: pd.DataFrame

    def curves(self) -> list[dict[str, Any]]:
        """For each width: a_c, and where alpha_BBP is lowest on the curve."""
        found = []
        for p in self.rows["p"].unique():
            rows = self.rows[self.rows["p"] == p]
            least = int(rows["alpha_bbp"].to_numpy().argmin())
            found.append(
                {
                    "p": "inf" if p == math.inf else int(p),
                    "a_c": a_c(float(p), self.p_star),
                    "lowest_alpha_bbp": float(rows["alpha_bbp"].iloc[least]),
                    "at_a": float(rows["a"].iloc[least]),
                }
            )
        return found


def _row(p: float, p_star: int, a: float) -> dict[str, Any]:
    at = transition(p, p_star, a)
    return {
        "p": p,
        "p_star": p_star,
        "a": a,
        "alpha_c": at.alpha_c,
        "alpha_bbp": at.alpha_bbp,
        "transition": at.kind,
        "jump_overlap2": at.jump_overlap2,
        "alpha_0": math.nan if at.alpha_0 is None else at.alpha_0,
    }


def phase_table(
    widths: Sequence[float], p_star: int, a_min: float, a_max: float, points: int, inset: Sequence[float]
) -> PhaseDiagram:
    """Compute thresholds of several widths over a range of loss constants, with a_c itself among them.

    Raises
    ------
    InputError
        If a value is outside its domain.
    """
    if points < 2:
        raise InputError(f"points = {points}: a curve needs at least 2")
    if not 0 < a_min < a_max < math.inf:
        raise InputError(f"a from {a_min} to {a_max}: 0 < a_min < a_max is wanted")
    rows = []
    for p in dict.fromkeys(widths):
        turn = a_c(p, p_star)
        constants = set(np.linspace(a_min, a_max, points).tolist())
        if turn is not None and a_min < turn < a_max:
            constants |= {turn * (1 - 1e-9), turn * (1 + 1e-9)}
        rows += [_row(p, p_star, a) for a in sorted(constants)]
    near = [_row(p, p_star, float(a)) for a in inset for p in (*_INSET_WIDTHS, math.inf)]
    return PhaseDiagram(p_star, pd.DataFrame(rows), pd.DataFrame(near))
