"""A record and its line in a store: what must be in it, and the checksum that says that it still is.

A line is one JSON object whose last key is "sha256", of the bytes of the line before `, "sha256"`. A line of schema 1
has no checksum, or has one: it was written before there were any, or merged since.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError
from pydantic_core import from_json

Record = dict[str, Any]
"""What is kept of an instance; the keys are in docs/campaigns.md."""

SCHEMA = 2
"""Version of a record's line; raised when a key changes its meaning. 2: every line has a checksum."""

_MARK = b', "sha256": "'
_TAIL = len(_MARK) + 64 + len(b'"}')
_KEY = re.compile(rb'"key": "([^"]*)"')
_SLACK = 1e-3
"""Of bounds that hold for unit vectors: never refuse what was computed for its rounding."""

_LISTS = ("residuals", "overlap2", "student_overlap2", "converged_flags", "teacher_overlaps", "student_overlaps")

Whole = Annotated[int, Field(ge=0, lt=2**64)]
Units = Annotated[int, Field(ge=1, lt=2**31)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
NotNegative = Annotated[FiniteFloat, Field(ge=0)]


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


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Model(_Strict):
    p: Units
    p_star: Units
    a: Positive
    alpha: Positive
    n: Units
    seed: Whole


class _Point(_Model):
    method: Literal["stored", "dice", "deferred", "dense"]
    storage: Literal["float64", "float32", "int16"]
    nev: Units | None
    tol: Positive


class _Quenched(_Strict):
    edge: FiniteFloat
    edge_scale: FiniteFloat
    lambda_1: FiniteFloat
    eigenvalues: list[FiniteFloat]
    overlap2: list[FiniteFloat]


class _NotPredicted(_Strict):
    edge: None
    reason: str


class _Space(_Strict):
    pair: Units
    dimension: Units
    overlap2: NotNegative


class _Common(_Strict):
    schema_: Annotated[int, Field(alias="schema", ge=1)]
    key: str
    point: _Point
    hpcbbp: str
    host: str
    begin: FiniteFloat
    wall_seconds: NotNegative
    ranks: Units


class _Failed(_Common):
    failed: str


class _Solved(_Common, _Model):
    data: str
    method: str
    m: Whole
    eigenvalues: list[FiniteFloat]
    residuals: list[NotNegative]
    overlap2: list[NotNegative]
    student_overlap2: list[NotNegative]
    teacher_overlaps: list[list[list[FiniteFloat]]]
    student_overlaps: list[list[list[FiniteFloat]]]
    converged: Whole
    converged_flags: list[bool]
    nev: Whole
    tol: Positive
    reason: str
    products: Whole
    seconds: NotNegative
    largest_overlap_pair: Units | None = None
    largest_overlap_space: _Space | None = None
    pairs_searched: Whole | None = None
    quenched: Annotated[_Quenched | _NotPredicted, Field(union_mode="left_to_right")] | None = None


def _contradiction(record: Mapping[str, Any]) -> str:
    """What of a record's numbers does not fit the others; empty if all do."""
    point, pairs = record["point"], len(record["eigenvalues"])
    for name in ("p", "p_star", "a", "alpha", "n", "seed"):
        if record[name] != point[name]:
            return f"{name} = {record[name]!r} is not that of its point"
    for name in _LISTS:
        if len(record[name]) != pairs:
            return f"{len(record[name])} {name} of {pairs} pairs"
    if record["converged"] != sum(record["converged_flags"]):
        return f"converged = {record['converged']}, but {sum(record['converged_flags'])} of converged_flags"
    quenched = record.get("quenched") or {}
    if len(quenched.get("eigenvalues", ())) != len(quenched.get("overlap2", ())):
        return f"quenched: {len(quenched['overlap2'])} overlap2 of {len(quenched['eigenvalues'])} eigenvalues"
    p, p_star = point["p"], point["p_star"]
    return _wrong_overlap(record["overlap2"], record["teacher_overlaps"], p, p_star) or _wrong_overlap(
        record["student_overlap2"], record["student_overlaps"], p, p
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


def check(record: Mapping[str, Any]) -> None:
    """Raise DamagedError, with the first thing that is wrong, for what is no record of an instance."""
    solved = "failed" not in record
    try:
        (_Solved if solved else _Failed).model_validate(record)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][:3])
        raise DamagedError(f"{where}: {first['msg']}") from None
    wrong = _contradiction(record) if solved else ""
    if wrong:
        raise DamagedError(wrong)
    physics, _, words = record["key"].partition(" ")
    if words != _words(record["point"]) or not re.fullmatch("physics=[0-9]{1,9}", physics):
        raise DamagedError("its key is not that of its point")


def _words(point: Mapping[str, Any]) -> str:
    """As Point.key has them."""
    return " ".join(f"{name}={value!r}" for name, value in point.items())


def to_line(record: Mapping[str, Any]) -> bytes:
    """Return the line of a record, with its checksum and newline.

    Raises
    ------
    DamagedError
        For what is no record.
    """
    kept = {**record, "schema": SCHEMA}  # what is read from a line of schema 1 gets a checksum too
    check(kept)
    try:
        body = json.dumps(kept, allow_nan=False).encode()[:-1]
    except ValueError:
        raise DamagedError("it holds a number that is not finite") from None
    return body + _MARK + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def from_line(line: bytes) -> Record:
    """Return the record of a line, without its checksum.

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
        record = _parsed(body + b"}", line)
        _check_schema(record, line, sealed=True)
    else:
        record = _parsed(line, line)
        _check_schema(record, line, sealed=False)
    try:
        check(record)
    except DamagedError as error:
        raise DamagedError(str(error), _claimed(line)) from None
    return record


def _check_schema(record: Record, line: bytes, *, sealed: bool) -> None:
    schema = record.get("schema")
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
    if not str(record.get("key")).startswith("physics=1 "):
        raise DamagedError("its key is not that of its point", _claimed(line))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def _parsed(text: bytes, line: bytes) -> Record:
    try:
        record = from_json(text, allow_inf_nan=False)
    except ValueError:
        whole = line.endswith(b"}")
        raise DamagedError("it is not JSON" if whole else "it is cut short", _claimed(line)) from None
    if not isinstance(record, dict):
        raise DamagedError("it is no JSON object")
    return record


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
