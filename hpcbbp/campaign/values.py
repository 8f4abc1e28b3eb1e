"""What the values of a campaign file may be: numbers, times, ranges of alpha, seeds; how many instances they make."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator

from hpcbbp.errors import InputError, shown
from hpcbbp.machine.rng import check_seed

MOST_POINTS = 1_000_000
"""Instances of a campaign file at most: a million take a few seconds to list, and 0.7 GB."""

MOST_UNITS, MOST_N, MOST_RANKS = 10**9, 10**15, 10**8
MOST_ALPHA = 1e12
LEAST_SECONDS, MOST_SECONDS = 1e-3, 1e10

ALPHA_FORM = 'as 1.5, "1.1 alpha_bbp", "0.5..1.5 alpha_bbp in 9" or "0.8..2.0 in 7"'

_RANGE = re.compile(r"([0-9.eE+-]+?)\.\.([0-9.eE+-]+)( alpha_bbp)?(?: in ([0-9]+))?")
_VALUE = re.compile(r"([0-9.eE+-]+) alpha_bbp")
_SEEDS = re.compile(r"([0-9]{1,30})\.\.([0-9]{1,30})")
_TIME = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+) ?(s|min|h|d)")
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def plain(text: str) -> str:
    """A text, as it is where a line can hold it."""
    return text if text.isprintable() and len(text) <= 80 else shown(text)


def listed(value: Any) -> Any:
    """A value for a list of one."""
    return value if isinstance(value, list) else [value]


def number(value: Any) -> float:
    """A float; neither a truth value nor text, which pydantic would take."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number is wanted")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("too large") from None


def whole(value: Any) -> Any:
    """10^5 may be written 1e5."""
    if not (isinstance(value, float) and value.is_integer()):
        return value
    if abs(value) > MOST_N:
        raise ValueError(f"at most {MOST_N}")
    return int(value)


def seconds_in_words(text: str) -> float | None:
    """Seconds of "90 min", "2 h", "1.5 d"; None if that is no time."""
    found = _TIME.fullmatch(text.strip())
    return None if found is None else float(found[1]) * _SECONDS[found[2]]


def _seconds(value: Any) -> float:
    found = seconds_in_words(value) if isinstance(value, str) else number(value)
    if found is None:
        raise ValueError('a time is a number of seconds, or as "90 min", "2 h", "1 d"')
    return found


def _alpha(value: Any) -> float | str:
    return value if isinstance(value, str) else number(value)


def _count(value: Any) -> int:
    count = whole(value)
    if isinstance(count, bool) or not isinstance(count, int):
        raise ValueError('a number of instances, a table of them as {400 = 24}, or a range of seeds as "0..9"')
    return count


def _seeds(value: Any) -> int | str | dict[int, int]:
    """Checked as far as it goes without knowing the N of the grid."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return _count(value)
    counts: dict[int, int] = {}
    for name, count in value.items():
        try:
            n = whole(float(name))
        except ValueError:
            n = name
        if not isinstance(n, int):
            raise ValueError(f"the table's key {shown(name)} is no N: as 1000 or 1e5")
        if n in counts:
            raise ValueError(f"N = {n} twice")
        counts[n] = _count(count)
    return counts


def _pairs(value: Any) -> Any:
    pairs = whole(value)
    if pairs != "all" and (isinstance(pairs, bool) or not isinstance(pairs, int) or not 1 <= pairs <= MOST_N):
        raise ValueError(f'a whole number from 1 to {MOST_N}, or "all"')
    return pairs


def among(*names: str) -> PlainValidator:
    """One of these names: what was registered says which there are."""

    def known(value: Any) -> str:
        if value not in names:
            raise ValueError(f"one of {', '.join(names)} is wanted")
        return str(value)

    return PlainValidator(known)


Number = Annotated[float, BeforeValidator(number), Field(allow_inf_nan=False)]
Units = Annotated[
    list[Annotated[int, Field(ge=1, le=MOST_UNITS, strict=True)]], BeforeValidator(listed), Field(min_length=1)
]
Sizes = Annotated[
    list[Annotated[int, BeforeValidator(whole), Field(ge=2, le=MOST_N, strict=True)]],
    BeforeValidator(listed),
    Field(min_length=1),
]
Constants = Annotated[list[Annotated[Number, Field(gt=0)]], BeforeValidator(listed), Field(min_length=1)]
Names = Annotated[
    list[Annotated[str, Field(max_length=1000, strict=True)]], BeforeValidator(listed), Field(min_length=1)
]
Numbers = Annotated[list[Number], BeforeValidator(listed), Field(min_length=1)]
Count = Annotated[int, BeforeValidator(whole), Field(ge=1, le=MOST_UNITS, strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Alphas = Annotated[list[Annotated[float | str, PlainValidator(_alpha)]], BeforeValidator(listed), Field(min_length=1)]
Seeds = Annotated[int | str | dict[int, int], PlainValidator(_seeds)]
Pairs = Annotated[int | Literal["all"], PlainValidator(_pairs)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=LEAST_SECONDS, le=MOST_SECONDS, allow_inf_nan=False)]
Interval = Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=MOST_SECONDS, allow_inf_nan=False)]
Ranks = Annotated[int, Field(ge=1, le=MOST_RANKS, strict=True)]


@dataclass(frozen=True)
class AlphaRange:
    """What an entry of `alpha` stands for: `count` values from low to high, in units of alpha_BBP or not."""

    entry: float | str
    low: float
    high: float
    count: int
    in_units: bool

    @classmethod
    def of(cls, entry: float | str) -> AlphaRange:
        """Of a number, "1.1 alpha_bbp", "0.8..2.0 in 7"; InputError for anything else."""
        if not isinstance(entry, str):
            return cls(entry, entry, entry, 1, in_units=False)
        single, spread = _VALUE.fullmatch(entry.strip()), _RANGE.fullmatch(entry.strip())
        try:
            if single is not None:
                return cls(entry, float(single[1]), float(single[1]), 1, in_units=True)
            if spread is not None:
                # Nobody has that many: the digits of a number that is refused below need not all be read.
                count = int((spread[4] or "9")[:18])
                made = cls(entry, float(spread[1]), float(spread[2]), count, in_units=bool(spread[3]))
                if made.low < made.high and count >= 2:
                    return made
        except ValueError:  # of float: 1e5.0
            pass
        raise InputError(f"alpha = {_quoted(entry)}: {ALPHA_FORM}")

    def values(self, unit: float) -> list[float]:
        """Its values, rounded to 1e-6; unit is alpha_BBP where it is in units of that."""
        step = (self.high - self.low) / max(self.count - 1, 1)
        return [self._checked(unit * (self.low + step * i)) for i in range(self.count)]

    def _checked(self, value: float) -> float:
        if not (math.isfinite(value) and 0 < value <= MOST_ALPHA):
            raise InputError(f"alpha = {_quoted(self.entry)}: alpha must be finite, > 0 and at most {MOST_ALPHA:g}")
        if round(value, 6) == 0:
            raise InputError(f"alpha = {_quoted(self.entry)}: alphas are rounded to 1e-6, which makes {value:g} zero")
        return round(value, 6)


def _quoted(entry: float | str) -> str:
    return f'"{shown(entry)[1:-1]}"' if isinstance(entry, str) else str(entry)


def seed_range(text: str) -> range:
    """Return the seeds of "0..9"; InputError if there are none."""
    found = _SEEDS.fullmatch(text.strip())
    if found is None:
        raise InputError(f'seeds = {_quoted(text)}: a number of instances, or a range of seeds as "0..9"')
    first, last = check_seed(int(found[1])), check_seed(int(found[2]))
    if last < first:
        raise InputError(f'seeds = {_quoted(text)}: no seed from {first} to {last}; as "0..9", the first one first')
    return range(first, last + 1)
