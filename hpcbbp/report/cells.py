"""What stands in the cells of tables of an analysis: estimates with intervals, means with errors, dashes."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import Any

import pandas as pd

from hpcbbp.machine.table import Column, Table
from hpcbbp.machine.wording import decimals, with_error

Row = Any
"""A row of a DataFrame, as itertuples gives it: its columns are attributes, and some tables lack some."""

UNBOUNDED = "not bounded"
"""In the place of an estimate without a bound on either side."""


def interval(row: Row, name: str, digits: int = 4) -> str:
    """0.913 [0.880, 0.951]; an end that is not bounded is infinite, and without a bound there is no number."""
    value = getattr(row, name, math.nan)
    if not math.isfinite(value):
        return "-"
    low, high = getattr(row, f"{name}_low"), getattr(row, f"{name}_high")
    if math.isinf(low) and math.isinf(high):
        return UNBOUNDED
    ends = [f"{end:.{digits}f}" if math.isfinite(end) else "inf" if end > 0 else "-inf" for end in (low, high)]
    return f"{value:.{digits}f} [{ends[0]}, {ends[1]}]"


def rejected(p_value: float) -> str:
    """What stands in the place of the constants of a law that its own data contradict."""
    return f"rejected (p-value {p_value:.1g})"


def decimals_of(title: str, name: str, digits: int) -> Column[Row]:
    """A number without an error."""
    return Column(title, attrgetter(name), decimals(digits))


def interval_of(title: str, name: str, digits: int = 4) -> Column[Row]:
    """An estimate with its interval."""
    return Column(title, lambda row: interval(row, name, digits))


def mean(title: str, name: str) -> Column[Row]:
    """A mean over seeds with its standard error."""
    return Column(title, lambda row: with_error(getattr(row, name), getattr(row, f"{name}_sem")))


def contains(title: str, name: str, theory: str) -> Column[Row]:
    """Whether the interval of an estimate holds theory's value; a dash where one of the three is not known."""

    def text(row: Row) -> str:
        low, high = (getattr(row, f"{name}_{end}".lstrip("_"), math.nan) for end in ("low", "high"))
        value = getattr(row, theory, math.nan)
        if not all(map(math.isfinite, (low, value, high))):
            return "-"
        return "yes" if low <= value <= high else "no"

    return Column(title, text)


def table_of(title: str, columns: tuple[Column[Row], ...], rows: pd.DataFrame, note: str = "") -> list[Table[Row]]:
    """A table of the rows, none if there are none."""
    return [] if rows.empty else [Table(title, columns, tuple(rows.itertuples(index=False)), note)]
