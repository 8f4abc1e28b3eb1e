"""The tables of instances in docs/results, and what claims ask of them."""

from __future__ import annotations

import json
import lzma
import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from claims.pages import ROOT
from hpcbbp.analysis.analysis import Analysis, analyse
from hpcbbp.theory import transition

FOLDER = ROOT / "docs" / "results"

Model = tuple[int, int, float]
SHARP, SMOOTH, RETRIEVAL = (2, 1, 0.7), (2, 1, 1.5), (1, 1, 1.0)
"""(p, p*, a) of most figures."""

Values = Callable[[], Sequence[str]]


def instances_file(name: str) -> Any:
    return FOLDER / f"{name}.jsonl.xz"


def write_records(name: str, records: Iterable[dict[str, Any]]) -> int:
    """One instance a line; returns the number of bytes."""
    text = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    packed = lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)
    instances_file(name).write_bytes(packed)
    return len(packed)


@cache
def records(name: str) -> list[dict[str, Any]]:
    """Instances of a named figure, as hpcbbp.analysis takes them."""
    with lzma.open(instances_file(name), "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@cache
def found(name: str) -> Analysis:
    return analyse(records(name))


@cache
def table(name: str) -> pd.DataFrame:
    """A table of a script of benchmarks/."""
    return pd.read_csv(FOLDER / f"{name}.csv.xz")


def write_table(name: str, rows: pd.DataFrame) -> None:
    """Rows of other points, which the file may have, stay."""
    rows.to_csv(FOLDER / f"{name}.csv.xz", index=False, float_format="%.9g")


def some(rows: pd.DataFrame, **where: float | str) -> pd.DataFrame:
    """Rows where columns have these values; alpha to 2e-6, since campaigns round it."""
    for name, value in where.items():
        column = rows[name]
        same = column == value if isinstance(value, str) or name != "alpha" else (column - value).abs() < 2e-6
        rows = rows[same]
    return rows


def one(rows: pd.DataFrame, **where: float | str) -> Any:
    """The one row of a table where columns have these values."""
    left = some(rows, **where)
    if len(left) != 1:
        raise LookupError(f"{len(left)} rows with {where}")
    return left.iloc[0]


def times_bbp(model: Model, factor: float) -> float:
    """alpha as campaigns have it, a multiple of alpha_BBP rounded to 1e-6."""
    return round(factor * transition(*model).alpha_bbp, 6)


def bracket(value: float, error: float, digits: int = 4) -> str:
    """0.0822(226); the value alone without an error."""
    if not math.isfinite(error):
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f}({round(error * 10**digits)})"


def interval(row: Any, name: str, digits: int = 3) -> str:
    """0.913 [0.880, 0.951]; - for an end that is not bounded."""
    bounds = [row[f"{name}_{side}"] for side in ("low", "high")]
    ends = [f"{end:.{digits}f}" if math.isfinite(end) else "-" for end in bounds]
    return f"{row[name]:.{digits}f} [{ends[0]}, {ends[1]}]"


def at_least(value: float, digits: int) -> str:
    """Rounded up: "less than" holds."""
    return f"{math.ceil(value * 10**digits) / 10**digits:.{digits}f}"


def mean_of(values: Any, digits: int = 4) -> str:
    """Mean with its standard error."""
    values = np.asarray(values, dtype=float)
    if not len(values):
        raise LookupError("no instances")
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return bracket(float(values.mean()), error, digits)


def power(n: float) -> str:
    """N as pages set it: 3000, $10^4$, $3 \\cdot 10^4$."""
    exponent = math.floor(math.log10(n) + 1e-9)
    digit = n / 10**exponent
    if n < 1e4 or digit != round(digit):
        return f"{n:.0f}"
    return rf"$10^{exponent}$" if digit == 1 else rf"${digit:.0f} \cdot 10^{exponent}$"


def times_ten(value: float) -> str:
    """Two digits, as pages set them: $2.5 \\cdot 10^{-4}$."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return rf"${mantissa} \cdot 10^{{{int(exponent)}}}$"


def say(*values: Callable[[], str]) -> Values:
    """Several values of a claim, each computed when asked for."""
    return lambda: [value() for value in values]
