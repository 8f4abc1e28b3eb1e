"""Values as JSON has them: no NaN, no infinity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def hidden_units(p: float) -> int | str:
    """A whole number, or "inf"."""
    return "inf" if p == math.inf else int(p)


def plain_rows(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as dictionaries, None where there is no value."""
    plain = rows.astype(object).where(rows.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]
