"""What a store keeps of an instance: its type, and the checks that say that its numbers fit each other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from hpcbbp.dynamics import Schedule
from hpcbbp.errors import InputError
from hpcbbp.model.registry import is_own
from hpcbbp.model.words import Parts
from hpcbbp.solvers.fields import Flag, NotNegative, Positive, Real, Text, Units, Whole
from hpcbbp.solvers.measured import Measured, first_of
from hpcbbp.solvers.methods import METHODS, STORAGES
from hpcbbp.solvers.point import Point

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


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What every record has.

    Attributes
    ----------
    schema_ : int
        `schema` in JSON.
    key : str
        What was computed, in words.
    point : Point
        Its parameters.
    hpcbbp, host : str
        Which version, and where.
    begin : float
        Seconds since 1970.
    wall_seconds : float
        Of `ranks` ranks.

    Examples
    --------
    >>> one = next(iter(records.values()))
    >>> one.key == one.point.key, one.ranks
    (True, 1)
    """

    schema_: Annotated[int, Field(alias="schema", ge=1, strict=True)]
    key: Text
    point: Point
    hpcbbp: Text
    host: Text
    begin: Real
    wall_seconds: NotNegative
    ranks: Units


@dataclass(frozen=True, kw_only=True)
class Failed(Kept):
    """An instance that was not solved, and why.

    Examples
    --------
    >>> any(isinstance(one, Failed) for one in records.values())
    False
    """

    failed: Text


@dataclass(frozen=True, kw_only=True)
class Result(Kept):
    """An instance that has a result."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """Moments of a descent, at most some hundred of them, evenly spaced, with its first and last."""

    step: list[Whole]
    loss: list[Real]
    overlap2: list[NotNegative]
    norm2: list[NotNegative]
    gradient_norm: list[NotNegative]


@dataclass(frozen=True, kw_only=True)
class OnTheWay:
    """Lowest pairs of a Hessian on the way."""

    step: Whole
    eigenvalues: list[Real]
    residuals: list[NotNegative]
    converged: list[Flag]
    overlap2: list[NotNegative]
    student_overlap2: list[NotNegative]
    gradient_overlap: list[Real]
    reason: Text
    products: Whole


@dataclass(frozen=True, kw_only=True)
class Descended(Result):
    """An instance that was descended on.

    Attributes
    ----------
    made : int
        Steps, of those asked for.
    largest_overlap2, largest_step
        The largest m^2 of all steps, and the first that had it.
    course : Course
    hessians : list of OnTheWay
    reason : str
        Why it ended early, or nothing.

    Examples
    --------
    >>> any(isinstance(one, Descended) for one in records.values())
    False
    """

    data: Text
    m: Whole
    made: Whole
    largest_overlap2: NotNegative
    largest_step: Whole
    course: Course
    hessians: list[OnTheWay]
    reason: Text
    seconds: NotNegative
    provenance: Any = None


@dataclass(frozen=True, kw_only=True)
class Solved(Result, Measured):
    """An instance that was solved: what is asked of records, of all that a line has (docs/campaigns.md).

    Attributes are those of Kept and Measured, and those of `hpcbbp solve --json` under their names there.

    Examples
    --------
    >>> one = next(iter(records.values()))
    >>> type(one).__name__, len(one.eigenvalues), one.converged_flags
    ('Solved', 1, [True])
    """

    # field(): none of these may be missing, as it may where Measured is something else.
    seed: Whole = field()
    point: Point = field()
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


Record = Solved | Descended | Failed
"""What is kept of an instance; the keys of its line are in docs/campaigns.md."""

_SOLVED, _DESCENDED, _FAILED = TypeAdapter(Solved), TypeAdapter(Descended), TypeAdapter(Failed)


def _unknown(point: Point) -> str:
    """A name of its method, storage or model that is none; empty for names that are registered."""
    for name, known in (("method", tuple(METHODS)), ("storage", STORAGES)):
        if getattr(point, name) not in known:
            return f"point.{name}: one of {', '.join(known)} is wanted"
    words = {name: text for name, text in point.parts.unusual().items() if not is_own(text)}
    try:
        if point.descent is not None:
            Schedule.of(point.descent)
        spelled = Parts.given(**words).unusual()
    except InputError as error:
        return f"point: {error}"
    return "" if spelled == words else f"point: {words} is spelled {spelled}"


def _contradiction(record: Solved) -> str:
    """What of a record's numbers does not fit the others; empty if all do."""
    asked, pairs = record.point, len(record.eigenvalues)
    for name in ("p", "p_star", "a", "alpha", "n", "seed"):
        if getattr(record, name) != getattr(asked, name):
            return f"{name} = {getattr(record, name)!r} is not that of its point"
    for name, words in asdict(asked.parts).items():
        # A user's own part, MODULE:NAME in a point, has a name of its own in what was computed.
        if getattr(record, name) != words and (words is None or not is_own(words)):
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


def _wrong_course(record: Descended) -> str:
    """What of a descent's numbers does not fit the others; empty if all do."""
    course, most = record.course, record.point.p_star * (1 + _SLACK)
    lengths = {len(values) for values in vars(course).values()}
    if len(lengths) != 1 or not course.step or course.step[0] != 0 or course.step[-1] != record.made:
        return "a course that does not lead from step 0 to the last one made"
    if sorted(set(course.step)) != course.step:
        return "a course whose steps do not rise"
    if max(course.overlap2) > min(most, record.largest_overlap2 * (1 + _SLACK) + 1e-12):
        return f"m^2 = {max(course.overlap2)!r}, and {record.largest_overlap2!r} the largest"
    for at in record.hessians:
        if len({len(values) for values in vars(at).values() if isinstance(values, list)}) != 1:
            return f"lists of different lengths of the Hessian at step {at.step}"
    return ""


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
        made: TypeAdapter[Any] = _FAILED if "failed" in content else _DESCENDED if "course" in content else _SOLVED
        record = made.validate_python(content)
    except ValidationError as error:
        raise DamagedError(first_of(error)) from None
    wrong = _unknown(record.point)
    if not wrong and isinstance(record, Solved):
        wrong = _contradiction(record)
    if not wrong and isinstance(record, Descended):
        wrong = _wrong_course(record)
    if wrong:
        raise DamagedError(wrong)
    physics, _, words = record.key.partition(" ")
    if words != words_of(content["point"]) or not re.fullmatch("physics=[0-9]{1,9}", physics):
        raise DamagedError("its key is not that of its point")
    return record


def words_of(point: Mapping[str, Any]) -> str:
    """As Point.key has them."""
    return " ".join(f"{name}={value!r}" for name, value in point.items())
