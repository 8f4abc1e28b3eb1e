"""Estimates without a bound, explained where they stand: what that means, and what would bound them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeVar

from hpcbbp.machine.table import Table
from hpcbbp.report.cells import UNBOUNDED

Row = TypeVar("Row")

_END = re.compile(r"\[-inf,|, inf\]")

ALPHA_0 = (
    "the slope of m^2 against alpha does not differ enough from zero, so that its line may reach zero anywhere on a "
    "side without a bound (Fieller); more seeds bound it, or more alpha towards both ends of the window"
)
THRESHOLDS = (
    "the counts exclude no half point on a side without a bound; more seeds bound it, or alpha further out there"
)
CROSSINGS = (
    "the two curves do not differ enough in steepness, so that they may cross anywhere on a side without a bound "
    "(Fieller); more seeds bound it, or more alpha around the crossing"
)
EDGES = (
    "the distances do not exclude that they stop falling with N, where the constant is infinite; more seeds bound "
    "it, or N further apart"
)


def without_bound(made: Table[Row]) -> int:
    """How many cells of a table hold an estimate that lacks a bound on one side or on both."""
    return sum(cell == UNBOUNDED or bool(_END.search(cell)) for row in made.cells for cell in row)


def explained(tables: list[Table[Row]], why: str) -> list[Table[Row]]:
    """The tables, with the reason in the note of each that has an estimate without a bound."""
    said = []
    for made in tables:
        cells = [cell for row in made.cells for cell in row]
        words = [f'"{UNBOUNDED}"'] if UNBOUNDED in cells else []
        words += ["an end inf or -inf"] if any(map(_END.search, cells)) else []
        note = [made.note] if made.note else []
        note += [f"{' or '.join(words)}: {why}"] if words else []
        said.append(replace(made, note="; ".join(note)))
    return said
