"""Records as a table for pandas: one row an eigenpair."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import pandas as pd

from hpcbbp.campaign.courses import courses
from hpcbbp.campaign.kept import Record, Solved
from hpcbbp.errors import InputError
from hpcbbp.machine.files import csv_text, write_file
from hpcbbp.machine.optional import require
from hpcbbp.machine.table import Column, frame


@dataclass(frozen=True)
class Pair:
    """One eigenpair of a record; place 0 is the lowest."""

    record: Solved
    place: int

    @property
    def predicted(self) -> tuple[float, float] | tuple[None, None]:
        """Eigenvalue and m^2 of this pair in the quenched prediction, if it predicts such an outlier."""
        quenched = self.record.prediction
        if quenched is None or self.place >= len(quenched.eigenvalues):
            return None, None
        return quenched.eigenvalues[self.place], quenched.overlap2[self.place]


def _asked(name: str) -> Column[Pair]:
    return Column(name, attrgetter(f"record.point.{name}"))


def _whole(name: str) -> Column[Pair]:
    return Column(name, attrgetter(f"record.{name}"))


def _each(name: str, values: str) -> Column[Pair]:
    of = attrgetter(values)
    return Column(name, lambda pair: of(pair.record)[pair.place])


def _quenched(name: str) -> Column[Pair]:
    return Column(f"quenched_{name}", lambda pair: getattr(pair.record.prediction, name, None))


PAIRS: tuple[Column[Pair], ...] = (
    *map(_asked, ("p", "p_star", "a", "alpha", "n", "seed", "method", "storage", "tol")),
    Column("parts", lambda pair: str(pair.record.point.parts)),
    Column("pair", lambda pair: pair.place + 1),
    _each("eigenvalue", "eigenvalues"),
    _each("residual", "residuals"),
    _each("overlap2", "overlap2"),
    _each("student_overlap2", "student_overlap2"),
    _each("converged", "converged_flags"),
    Column("quenched_eigenvalue", lambda pair: pair.predicted[0]),
    Column("quenched_overlap2", lambda pair: pair.predicted[1]),
    *map(_quenched, ("edge", "edge_scale", "lambda_1")),
    *map(_whole, ("m", "reason", "products", "seconds", "wall_seconds", "ranks", "hpcbbp", "host", "begin")),
    Column("solver", attrgetter("record.method")),
)


def pairs(records: Iterable[Record]) -> pd.DataFrame:
    """One row an eigenpair of every instance that did not fail.

    Parameters
    ----------
    records : iterable of Record
        As Store.read() gives them.

    Returns
    -------
    DataFrame
        The point, with its method as a campaign file has it; pair (1: lowest), eigenvalue, residual, overlap2,
        student_overlap2, converged; the instance's own quenched prediction of this pair (quenched_eigenvalue and
        quenched_overlap2, empty where it predicts no such outlier) and of its edge (quenched_edge,
        quenched_edge_scale, quenched_lambda_1); then how it was computed, with its solver (krylov-schur, deferred,
        dense).

    Examples
    --------
    >>> table = pairs(records.values())
    >>> len(table), sorted(table.n.unique().tolist())
    (12, [100, 200])
    """
    solved = (record for record in records if isinstance(record, Solved))
    table = frame(PAIRS, (Pair(record, place) for record in solved for place in range(len(record.eigenvalues))))
    numbers = [name for name in table.columns if name.startswith("quenched_")]
    return table.astype(dict.fromkeys(numbers, float))


def _csv(table: pd.DataFrame) -> bytes:
    return csv_text(table).encode()


def _parquet(table: pd.DataFrame) -> bytes:
    require("a .parquet file", "export")
    stream = io.BytesIO()
    table.to_parquet(stream, index=False)
    return stream.getvalue()


def _hdf5(table: pd.DataFrame) -> bytes:
    """One dataset a column in the group /pairs: readable without pandas."""
    require("an .h5 file", "files")
    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        group = file.create_group("pairs")
        for name in table.columns:
            column = table[name]
            plain = column.to_numpy()
            if plain.dtype.kind not in "biuf":
                group.create_dataset(name, data=column.astype(str).to_list(), dtype=h5py.string_dtype())
            else:
                group.create_dataset(name, data=plain)
    return stream.getvalue()


WRITERS: dict[str, Callable[[pd.DataFrame], bytes]] = {".csv": _csv, ".parquet": _parquet, ".h5": _hdf5}


def write_pairs(records: Iterable[Record], path: Path) -> int:
    """Write the table of pairs, or of descents where there are these alone; the ending of the file says how.

    Returns the number of rows.

    Raises
    ------
    InputError
        Another ending, no records, or a file that cannot be written.

    Examples
    --------
    >>> write_pairs(records.values(), Path("pairs.csv"))
    12
    """
    if path.suffix not in WRITERS:
        raise InputError(f"{path}: the name of an exported file ends in one of {', '.join(WRITERS)}")
    kept = list(records)
    table = pairs(kept)
    if table.empty:
        table = courses(kept)
    if table.empty:
        raise InputError("no results to export: the store holds no instance that was solved")
    write_file(path, WRITERS[path.suffix](table))
    return len(table)
