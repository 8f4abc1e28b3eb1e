"""A table: each column declared once, shown in a terminal or on a page, or taken as values for a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import pandas as pd

Row = TypeVar("Row")
Whole = TypeVar("Whole")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column.

    Attributes
    ----------
    title : str
        Over it, or its name in a file.
    value : callable
        A row's value.
    shown : callable
        The value as people read it.
    optional : bool
        Left out of a table where it says nothing in any row.
    """

    title: str
    value: Callable[[Row], Any]
    shown: Callable[[Any], str] = str
    optional: bool = False

    def text(self, row: Row) -> str:
        """A row's value as people read it."""
        return self.shown(self.value(row))


@dataclass(frozen=True)
class Table(Generic[Row]):
    """Rows of any kind and what is shown of them.

    Attributes
    ----------
    title, note : str
        One line each; may be empty.
    columns : tuple of Column
    rows : tuple
    """

    title: str
    columns: tuple[Column[Row], ...]
    rows: tuple[Row, ...]
    note: str = ""

    @property
    def titles(self) -> tuple[str, ...]:
        """What is over the columns."""
        return tuple(column.title for column in self._there)

    @property
    def cells(self) -> tuple[tuple[str, ...], ...]:
        """Every row as people read it."""
        return tuple(tuple(column.text(row) for column in self._there) for row in self.rows)

    @property
    def _there(self) -> tuple[Column[Row], ...]:
        return tuple(column for column in self.columns if not column.optional or any(map(column.text, self.rows)))


def of(part: Callable[[Whole], Row], column: Column[Row]) -> Column[Whole]:
    """Return the column of a part of each row."""
    return Column(column.title, lambda row: column.value(part(row)), column.shown, column.optional)


def frame(columns: Sequence[Column[Row]], rows: Iterable[Row]) -> pd.DataFrame:
    """Return the values of rows under the titles of columns, as pandas has tables."""
    import pandas as pd

    kept = list(rows)
    return pd.DataFrame({column.title: [column.value(row) for row in kept] for column in columns})


def words(*titles: str) -> tuple[Column[Sequence[str]], ...]:
    """Columns of rows that are texts already, in this order."""
    return tuple(Column(title, itemgetter(place)) for place, title in enumerate(titles))
