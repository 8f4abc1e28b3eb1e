"""A record and its line in a store: what must be in it, and the checksum that says that it still is.

A line is one JSON object whose last key is "sha256", of the bytes of the line before `, "sha256"`. A line of schema 1
has no checksum, or has one: it was written before there were any, or merged since.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from hpcbbp.campaign.point import Point
from hpcbbp.solvers.measured import Asked, Measured, NotNegative, Positive, Real, Text, Units, Whole, first_of

SCHEMA = 2
"""Version of a record's line; raised when a key changes its meaning. 2: every line has a checksum."""

_MARK = b', "sha256": "'
_TAIL = len(_MARK) + 64 + len(b'"}')
_KEY = re.compile(rb'"key": "([^"]*)"')
_SLACK = 1e-3
"""Of bounds that hold for unit vectors: never refuse what was computed for its rounding."""

_LISTS = ("residuals", "overlap2", "student_overlap2", "converged_flags", "teacher_overlaps", "student_overlaps")


class DamagedError(ValueError):
    """A line that is no record, or not the one that was written.

    Attributes
    ----------
    key : str or None
        Of the record that the line was, if it can be known.
    later : bool
        Whether it may be a line of a later hpcbbp instead.
    """

    def __init__(self, reason: str, key: str | None = None, *, later: bool = False) -> None:
        super().__init__(reason)
        self.key, self.later = key, later


class LaterError(ValueError):
    """A line of a later hpcbbp, by its checksum not a damaged one."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What every record has.

    Attributes
    ----------
    schema_ : int
        `schema` in JSON.
    key : str
        What was computed, in words.
    asked : Asked
        Its parameters, `point` in JSON; `point` here is the Point.
    hpcbbp, host : str
        Which version, and where.
    begin : float
        Seconds since 1970.
    wall_seconds : float
        Of `ranks` ranks.
    """

    schema_: Annotated[int, Field(alias="schema", ge=1, strict=True)]
    key: Text
    asked: Annotated[Asked, Field(alias="point")]
    hpcbbp: Text
    host: Text
    begin: Real
    wall_seconds: NotNegative
    ranks: Units

    @property
    def point(self) -> Point:
        """The instance."""
        return Point(**vars(self.asked))


@dataclass(frozen=True, kw_only=True)
class Failed(Kept):
    """An instance that was not solved, and why."""

    failed: Text


@dataclass(frozen=True, kw_only=True)
class Solved(Kept, Measured):
    """An instance that was solved: what is asked of records, of all that a line has (docs/campaigns.md).

    Attributes are those of Kept and Measured, and those of `hpcbbp solve --json` under their names there.
    """

    # field(): none of these may be missing, as it may where Measured is something else.
    seed: Whole = field()
    asked: Annotated[Asked, Field(alias="point")] = field()
    data: Text = field()
    method: Text = field()
    m: Whole = field()
    nev: Whole = field()
    overlap2: list[NotNegative]
    residuals: list[NotNegative]
    student_overlap2: list[NotNegative]
    teacher_overlaps: list[list[list[Real]]]
    student_overlaps: list[list[list[Real]]]
    converged: Whole
    tol: Positive
    reason: Text
    products: Whole
    seconds: NotNegative
    history: Any = None
    provenance: Any = None


Record = Solved | Failed
"""What is kept of an instance; the keys of its line are in docs/campaigns.md."""

_SOLVED, _FAILED = TypeAdapter(Solved), TypeAdapter(Failed)


def _contradiction(record: Solved) -> str:
    """What of a record's numbers does not fit the others; empty if all do."""
    asked, pairs = record.asked, len(record.eigenvalues)
    for name in ("p", "p_star", "a", "alpha", "n", "seed"):
        if getattr(record, name) != getattr(asked, name):
            return f"{name} = {getattr(record, name)!r} is not that of its point"
    for name in _LISTS:
        if len(getattr(record, name)) != pairs:
            return f"{len(getattr(record, name))} {name} of {pairs} pairs"
    if record.converged != sum(record.converged_flags):
        return f"converged = {record.converged}, but {sum(record.converged_flags)} of converged_flags"
    quenched = record.prediction
    if quenched is not None and len(quenched.eigenvalues) != len(quenched.overlap2):
        return f"quenched: {len(quenched.overlap2)} overlap2 of {len(quenched.eigenvalues)} eigenvalues"
    p, p_star = asked.p, asked.p_star
    return _wrong_overlap(record.overlap2, record.teacher_overlaps, p, p_star) or _wrong_overlap(
        record.student_overlap2, record.student_overlaps, p, p
    )


def _wrong_overlap(squares: list[float], overlaps: list[list[list[float]]], rows: int, columns: int) -> str:
    """m^2 is the sum of the squares of p x p* overlaps of unit vectors, and at most their number."""
    for square, matrix in zip(squares, overlaps, strict=True):
        total = 0.0
        for row in matrix:
            if len(row) != columns:
                return f"overlaps that are not {rows} x {columns}"
            for value in row:
                total += value * value
        if len(matrix) != rows:
            return f"overlaps that are not {rows} x {columns}"
        if square > rows * columns * (1 + _SLACK):
            return f"m^2 = {square!r}: at most {rows * columns}, the number of directions"
        if abs(square - total) > _SLACK * (square + _SLACK):
            return f"m^2 = {square!r} is not the sum of its squared overlaps"
    return ""


def checked(content: Mapping[str, Any]) -> Record:
    """The record of a line's content; DamagedError, with the first thing that is wrong, for what is none."""
    record: Record
    try:
        record = (_FAILED if "failed" in content else _SOLVED).validate_python(content)
    except ValidationError as error:
        raise DamagedError(first_of(error)) from None
    wrong = _contradiction(record) if isinstance(record, Solved) else ""
    if wrong:
        raise DamagedError(wrong)
    physics, _, words = record.key.partition(" ")
    if words != _words(content["point"]) or not re.fullmatch("physics=[0-9]{1,9}", physics):
        raise DamagedError("its key is not that of its point")
    return record


def _words(point: Mapping[str, Any]) -> str:
    """As Point.key has them."""
    return " ".join(f"{name}={value!r}" for name, value in point.items())


def to_line(content: Mapping[str, Any]) -> bytes:
    """Return the line of a record's content, with its checksum and newline.

    Raises
    ------
    DamagedError
        For what is no record.
    """
    return written(content)[1]


def written(content: Mapping[str, Any]) -> tuple[Record, bytes]:
    """Return a record, and its line, as to_line."""
    kept = {**content, "schema": SCHEMA}
    return checked(kept), _sealed(kept)


def _sealed(content: Mapping[str, Any]) -> bytes:
    try:
        body = json.dumps(content, allow_nan=False).encode()[:-1]
    except ValueError:
        raise DamagedError("it holds a number that is not finite") from None
    return body + _MARK + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def copied(line: bytes) -> bytes:
    """Return a whole record's line for another store: as it is; of an earlier schema, with ours and a checksum."""
    sealed = line[-_TAIL : -_TAIL + len(_MARK)] == _MARK
    content = from_json(line[:-_TAIL] + b"}" if sealed else line, allow_inf_nan=False)
    if sealed and content["schema"] == SCHEMA:
        return line + b"\n"
    return _sealed({**content, "schema": SCHEMA})


def from_line(line: bytes) -> Record:
    """Return the record of a line.

    Raises
    ------
    LaterError
        For a line of a later hpcbbp.
    DamagedError
        For any other line.
    """
    if line[-_TAIL : -_TAIL + len(_MARK)] == _MARK:
        body, digest = line[:-_TAIL], line[-_TAIL + len(_MARK) : -2]
        if hashlib.sha256(body).hexdigest().encode() != digest or line[-2:] != b'"}':
            raise DamagedError("its checksum does not fit", _claimed(line))
        content = _parsed(body + b"}", line)
        _check_schema(content, line, sealed=True)
    else:
        content = _parsed(line, line)
        _check_schema(content, line, sealed=False)
    try:
        return checked(content)
    except DamagedError as error:
        raise DamagedError(str(error), _claimed(line)) from None


def _check_schema(content: Mapping[str, Any], line: bytes, *, sealed: bool) -> None:
    schema = content.get("schema")
    if type(schema) is not int or schema < 1:
        raise DamagedError("it has no schema", _claimed(line))
    if schema > SCHEMA and sealed:
        raise LaterError(f"schema {schema}")
    if schema > SCHEMA:
        raise DamagedError(f"schema {schema}", _claimed(line), later=True)
    if sealed:
        return
    if schema > 1:
        raise DamagedError("it has no checksum", _claimed(line))
    try:
        json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise DamagedError("a key is there twice", _claimed(line)) from None
    if not str(content.get("key")).startswith("physics=1 "):
        raise DamagedError("its key is not that of its point", _claimed(line))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def _parsed(text: bytes, line: bytes) -> dict[str, Any]:
    try:
        content = from_json(text, allow_inf_nan=False)
    except ValueError:
        whole = line.endswith(b"}")
        raise DamagedError("it is not JSON" if whole else "it is cut short", _claimed(line)) from None
    if not isinstance(content, dict):
        raise DamagedError("it is no JSON object")
    return content


def _claimed(line: bytes) -> str | None:
    """Key of a damaged line where it and the point agree, or where the point is lost."""
    found = _KEY.search(line)
    if found is None:
        return None
    key = found[1].decode("ascii", errors="replace")
    try:
        point = from_json(line, allow_inf_nan=False)["point"]
        return key if key.partition(" ")[2] == _words(point) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return key


def looks_like_one(line: bytes) -> bool:
    """Whether a damaged line was a record once: any two of its first words are there."""
    words = (b'{"schema"', b'"key": "', b"physics=", b'"point"', b" p_star=", b'"hpcbbp"')
    return sum(word in line for word in words) >= 2
