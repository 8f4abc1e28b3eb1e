"""Values as JSON has them: no NaN, no infinity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from hpcbbp.theory import Transition


def hidden_units(p: float) -> int | str:
    """A whole number, or "inf"."""
    return "inf" if p == math.inf else int(p)


def plain_rows(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as dictionaries, None where there is no value."""
    plain = rows.astype(object).where(rows.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def thresholds(at: Transition) -> dict[str, Any]:
    """Thresholds of a model under the names that JSON and CSV use."""
    return {
        "alpha_c": at.alpha_c,
        "alpha_bbp": at.alpha_bbp,
        "transition": at.kind,
        "jump_overlap2": at.jump_overlap2,
        "alpha_0": at.alpha_0,
    }
