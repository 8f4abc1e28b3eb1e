"""Columns by which tables name a model, a size and how it was solved: of any row with attributes of these names."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from hpcbbp.machine.table import Column
from hpcbbp.machine.wording import general, whole

MODEL: tuple[Column[Any], ...] = (
    Column("p", attrgetter("p"), whole),
    Column("p*", attrgetter("p_star"), whole),
    Column("a", attrgetter("a"), general),
    Column("model", attrgetter("parts"), optional=True),
)
N: Column[Any] = Column("N", attrgetter("n"), whole)
METHOD: Column[Any] = Column("method", attrgetter("method"))
