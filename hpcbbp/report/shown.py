"""A table as a page shows it: constant columns in its title, long ones folded, numbers apart from words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hpcbbp.machine.table import Table
from hpcbbp.model.columns import MODEL

_LONG = 12
"""Rows from which on a table is folded on a screen, or its head stays in sight while it is scrolled."""

_PROSE = 20
"""Characters from which on a cell that begins with a word is broken into lines."""

_NUMBER = re.compile(r"[-+(]?[0-9.]")
_MODEL = {column.title for column in MODEL}


@dataclass(frozen=True)
class Shown:
    """A table of a page.

    Attributes
    ----------
    title, note : str
    titles : tuple of str
    cells : tuple of tuples of str
    kinds : tuple of str
        "number" or "words" for each column.
    """

    title: str
    note: str
    titles: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    kinds: tuple[str, ...]

    @property
    def long(self) -> bool:
        """Whether it has more rows than one looks at."""
        return len(self.cells) > _LONG

    @property
    def rows(self) -> tuple[tuple[tuple[str, str], ...], ...]:
        """Every cell with its kind: "number", "words", or "prose", which may take several lines."""
        return tuple(
            tuple((cell, "prose" if _is_prose(cell) else kind) for cell, kind in zip(row, self.kinds, strict=True))
            for row in self.cells
        )

    @property
    def wide(self) -> bool:
        """Whether paper needs smaller letters for it."""
        return len(self.titles) > 9 or max((sum(map(len, row)) for row in self.cells), default=0) > 90


def shown(made: Table[Any]) -> Shown:
    """Take columns of the model that say the same in all rows, several of them, out of a table and into its title."""
    titles, cells = made.titles, made.cells
    constant = [
        index for index, title in enumerate(titles)
        if title in _MODEL and titles.index(title) == index  # p of a test is another column
        and len(cells) > 1 and len({row[index] for row in cells}) == 1
    ]  # fmt: skip
    left = [index for index in range(len(titles)) if index not in constant]
    model = ", ".join(f"{titles[index]} = {cells[0][index]}" for index in constant)
    rows = tuple(tuple(row[index] for index in left) for row in cells)
    return Shown(
        title=f"{made.title}; {model}" if model else made.title,
        note=made.note,
        titles=tuple(titles[index] for index in left),
        cells=rows,
        kinds=tuple(_kind([row[place] for row in rows]) for place in range(len(left))),
    )


def _is_prose(cell: str) -> bool:
    return len(cell) >= _PROSE and not _NUMBER.match(cell)


def _kind(cells: list[str]) -> str:
    """Numbers are most of what is in the column."""
    said = [cell for cell in cells if cell not in ("-", "")]
    return "number" if 2 * sum(bool(_NUMBER.match(cell)) for cell in said) >= len(said) else "words"
