"""What was to be run and what was: counts of instances, and those that are in no average."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from hpcbbp.campaign.store import Descended, Failed, Record, Result
from hpcbbp.machine.table import Column, Table, of
from hpcbbp.machine.wording import duration, general
from hpcbbp.model.columns import METHOD, MODEL, N
from hpcbbp.solvers.point import Point


@dataclass
class RunRow:
    """Instances of one model, size and method.

    Attributes
    ----------
    p, p_star, a, parts, n, method
        As in Point.
    wanted, done, failed : int
    core_seconds : float
        Of those done and failed.
    """

    p: int
    p_star: int
    a: float
    parts: str
    n: int
    method: str
    wanted: int = 0
    done: int = 0
    failed: int = 0
    core_seconds: float = 0.0


_RUN: tuple[Column[RunRow], ...] = (
    *MODEL,
    N,
    METHOD,
    Column("wanted", attrgetter("wanted")),
    Column("done", attrgetter("done")),
    Column("failed", attrgetter("failed")),
    Column("core time", attrgetter("core_seconds"), duration),
)


def run_table(records: Iterable[Record], points: Sequence[Point]) -> Table[RunRow]:
    """What was to be run and what was: instances by model, size and method."""
    rows: dict[tuple[object, ...], RunRow] = {}
    by_key = {record.key: record for record in records}
    for point in points:
        kind = (point.p, point.p_star, point.a, str(point.parts), point.n, point.method)
        row = rows.setdefault(kind, RunRow(*kind))
        row.wanted += 1
        record = by_key.get(point.key)
        if record is not None:
            row.done += isinstance(record, Result)
            row.failed += isinstance(record, Failed)
            row.core_seconds += record.wall_seconds * record.ranks
    return Table("Instances", _RUN, tuple(rows.values()))


@dataclass(frozen=True)
class Trouble:
    """An instance that is in no average, and why; failed: it has no result at all."""

    point: Point
    why: str
    failed: bool = False


_TROUBLES: tuple[Column[Trouble], ...] = (
    *(of(attrgetter("point"), column) for column in MODEL),
    Column("alpha", attrgetter("point.alpha"), general),
    of(attrgetter("point"), N),
    Column("seed", attrgetter("point.seed")),
    of(attrgetter("point"), METHOD),
    Column("why", attrgetter("why")),
)


def troubles(records: Iterable[Record]) -> Table[Trouble]:
    """Instances that failed, or whose lowest p p* pairs did not all converge."""
    rows = []
    for record in records:
        if isinstance(record, Failed):
            rows.append(Trouble(record.point, f"failed: {record.failed}", failed=True))
        elif isinstance(record, Descended):
            rows += [Trouble(record.point, record.reason)] if record.reason else []
        elif not all(record.converged_flags[: record.outliers]):
            rows.append(Trouble(record.point, record.reason))
    count = "1 instance" if len(rows) == 1 else f"{len(rows)} instances"
    return Table(f"{count}, left out of every average", _TROUBLES, tuple(rows))
