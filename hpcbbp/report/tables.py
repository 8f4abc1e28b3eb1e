"""The tables of an analysis: the same for a terminal and for a report."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import pandas as pd

from hpcbbp.analysis.analysis import Analysis
from hpcbbp.analysis.student import REJECTED
from hpcbbp.machine.table import Column, Table
from hpcbbp.machine.wording import decimals, number, whole, with_error
from hpcbbp.model.columns import MODEL, N

Row = Any
"""A row of a DataFrame, as itertuples gives it: its columns are attributes, and some tables lack some."""


def interval(row: Row, name: str, digits: int = 4) -> str:
    """0.913 [0.880, 0.951]; an end that is not bounded is infinite, and without a bound there is no number."""
    value = getattr(row, name, math.nan)
    if not math.isfinite(value):
        return "-"
    low, high = getattr(row, f"{name}_low"), getattr(row, f"{name}_high")
    if math.isinf(low) and math.isinf(high):
        return "not bounded"
    ends = [f"{end:.{digits}f}" if math.isfinite(end) else "inf" if end > 0 else "-inf" for end in (low, high)]
    return f"{value:.{digits}f} [{ends[0]}, {ends[1]}]"


def rejected(p_value: float) -> str:
    """What stands in the place of the constants of a law that its own data contradict."""
    return f"rejected (p = {p_value:.1g})"


def _decimals(title: str, name: str, digits: int) -> Column[Row]:
    return Column(title, attrgetter(name), decimals(digits))


def _interval(title: str, name: str, digits: int = 4) -> Column[Row]:
    return Column(title, lambda row: interval(row, name, digits))


def mean(title: str, name: str) -> Column[Row]:
    """A mean over seeds with its standard error."""
    return Column(title, lambda row: with_error(getattr(row, name), getattr(row, f"{name}_sem")))


def _table(title: str, columns: tuple[Column[Row], ...], rows: pd.DataFrame, note: str = "") -> list[Table[Row]]:
    return [] if rows.empty else [Table(title, columns, tuple(rows.itertuples(index=False)), note)]


ALPHA = _decimals("alpha", "alpha", 4)
OVERLAP2 = mean("m^2", "overlap2")
QUENCHED_OVERLAP2 = _decimals("quenched", "quenched_overlap2", 4)
THEORY_OVERLAP2 = _decimals("N = inf", "theory_overlap2", 4)
LAMBDA_STAR = _decimals("lambda*", "theory_lambda_star", 4)
LAMBDA_MINUS = _decimals("lambda_-", "theory_lambda_minus", 4)
_ALPHA_BBP = "theory_alpha_bbp"
_ALPHA_BBP_LIMIT = _decimals("alpha_BBP, N = inf", _ALPHA_BBP, 5)

_CURVES = (
    *MODEL,
    ALPHA,
    N,
    Column("seeds", lambda row: f"{row.seeds:.0f}" + (f" (+{row.unconverged:.0f})" if row.unconverged else "")),
    OVERLAP2,
    QUENCHED_OVERLAP2,
    THEORY_OVERLAP2,
    mean("m^2 lowest", "overlap2_1"),
    _decimals("median", "overlap2_1_median", 4),
    mean("lambda_1", "lambda_1"),
    _decimals("quenched", "quenched_lambda_1", 4),
    LAMBDA_STAR,
    LAMBDA_MINUS,
    _interval("phi", "phi", 3),
)


def curve_tables(curves: pd.DataFrame) -> list[Table[Row]]:
    """Averages over seeds at every point."""
    note = (
        "m^2: mean over the lowest p p* vectors; lowest: of the lowest vector alone; quenched: predicted from the "
        "projections of the same instances; (+k): k more did not converge and are left out"
    )
    return _table("Overlaps and eigenvalues", _CURVES, curves, note)


_DESCENTS = (
    *MODEL,
    Column("descent", attrgetter("descent")),
    ALPHA,
    N,
    Column("seeds", lambda row: f"{row.seeds:.0f}" + (f" (+{row.early:.0f})" if row.early else "")),
    mean("largest m^2", "largest_overlap2"),
    _decimals("median", "largest_overlap2_median", 4),
    _decimals("log10 gain", "log10_gain", 2),
    mean("last m^2", "overlap2_last"),
    _decimals("m^2 > 1/2", "recovered", 3),
)


def descent_tables(rows: pd.DataFrame) -> list[Table[Row]]:
    """Averages over seeds of descents at every point."""
    note = (
        "largest: of all steps; gain: of that over m^2 at the start; m^2 > 1/2: share of descents; (+n): ended early"
    )
    return _table("Gradient descent", _DESCENTS, rows, note)


_ALPHA_0 = (
    *MODEL,
    N,
    Column("instances", attrgetter("instances"), whole),
    Column("alpha", lambda row: f"{row.alpha_low:.3f}..{row.alpha_high:.3f}"),
    _interval("data", "data"),
    _interval("quenched", "quenched"),
    _decimals("theory, same alpha", "theory_in_window", 4),
    _decimals("tangent", "theory_alpha_0", 5),
    _decimals("alpha_BBP", _ALPHA_BBP, 5),
)


def _found(title: str, name: str, reason: str) -> Column[Row]:
    """An interval, or why there is none: tables without such a row lack the column, or have NaN in it."""

    def text(row: Row) -> str:
        why = getattr(row, reason, "")
        return f"none: {why}" if isinstance(why, str) and why else interval(row, name)

    return Column(title, text)


def _roughly(row: Row) -> str:
    """Of theory's alpha_BBP(N) where it is not trusted."""
    return " (roughly)" if math.isfinite(row.theory_alpha_bbp_n) and not row.trusted else ""


_SEEN = (
    *MODEL,
    N,
    ALPHA,
    _decimals("of the outliers seen", "seen", 3),
    _decimals("predicted", "quenched_seen", 3),
    OVERLAP2,
    _decimals("resonance", "resonance_overlap2", 4),
    mean("lambda (mean of the lowest p p*)", "lambda_mean"),
    _decimals("resonance", "resonance_lambda", 4),
)
_SEEN_NOTE = "seen: with at least half of the resonance's m^2; predicted: from the projections of the same instances"


def _below(curves: pd.DataFrame) -> pd.DataFrame:
    """Points where theory has a resonance, and instances whose p p* lowest pairs are known."""
    return curves.dropna(subset=["seen", "resonance_overlap2"]).sort_values([*_MODEL, "n", "alpha"])


_MODEL = ["p", "p_star", "a", "parts"]
_THRESHOLDS = (
    *MODEL,
    N,
    _found("phi = 1/2", "half_phi", "half_phi_reason"),
    _found("half of the outliers seen", "half_seen", "half_seen_reason"),
    _found("predicted", "half_quenched_seen", "half_quenched_seen_reason"),
    Column("alpha_BBP(N)", lambda row: number(row.theory_alpha_bbp_n, 4) + _roughly(row)),
    _found("half of the samples informed (quenched)", "half_informed", "half_informed_reason"),
    _ALPHA_BBP_LIMIT,
)
_CROSSINGS = (
    *MODEL,
    Column("N", lambda row: f"{row.n:.0f}, {row.larger:.0f}"),
    _found("alpha", "alpha", "reason"),
    _decimals("phi there", "phi", 3),
    _ALPHA_BBP_LIMIT,
)


def _limit(row: Row) -> str:
    return rejected(row.p_value) if row.rejected else f"{row.limit:.4f} [{row.low:.4f}, {row.high:.4f}]"


_LIMITS = (
    *MODEL,
    Column("distance from the limit", attrgetter("law")),
    Column("limit", _limit),
    Column("chi^2", attrgetter("chi2"), "{:.2f}".format),
    Column("p", attrgetter("p_value"), "{:.2g}".format),
    Column("weight", attrgetter("weight"), "{:.3f}".format),
    _ALPHA_BBP_LIMIT,
)

_FORMULAS = {"power": "c N^(-2/3)", "log": "A/log N", "shifted log": "A/(log N + B)"}
_EDGE_NOTE = (
    "p: probability of so large a chi^2 if the law is right, at least 1 in as many as were simulated; rejected: p < "
    f"{REJECTED:g}; weight: Akaike weight, how sure the law is if one of the three is right"
)
_SPREAD_NOTE = f"p: probability of so large a chi^2 if a power of N is right; rejected: p < {REJECTED:g}"


def _fitted(title: str, text: Callable[[Row], str]) -> Column[Row]:
    """Of an edge's law: a dash where none was fitted."""
    return Column(title, lambda row: "-" if row.reason else text(row))


def _first(row: Row) -> str:
    if row.rejected:
        return rejected(row.p_value)
    return "no decay seen" if math.isinf(row.first) else interval(row, "first")


_EDGES = (
    *MODEL,
    ALPHA,
    Column("edge", attrgetter("edge")),
    Column("law", lambda row: f"none: {row.reason.split(';')[0]}" if row.reason else _FORMULAS[row.law]),
    _fitted("c or A", _first),
    _fitted("B", lambda row: interval(row, "B", 2)),
    _fitted("chi^2", lambda row: f"{row.chi2:.1f}"),
    _fitted("p", lambda row: f"{row.p_value:.2g}"),
    _fitted("weight", lambda row: f"{row.weight:.3f}"),
)


def _exponent(title: str, name: str) -> Column[Row]:
    def text(row: Row) -> str:
        why, p_value = getattr(row, f"{name}_reason", ""), getattr(row, f"{name}_p_value", math.nan)
        if isinstance(why, str) and why:
            return f"none: {why}"
        if p_value < REJECTED:
            return rejected(p_value)
        value = getattr(row, f"{name}_exponent", math.nan)
        if not math.isfinite(value):
            return "-"
        return f"{value:.3f} [{getattr(row, f'{name}_low'):.3f}, {getattr(row, f'{name}_high'):.3f}]"

    return Column(title, text)


def _chance(name: str) -> Column[Row]:
    """Of a power law; a dash where two sizes leave nothing to test."""

    def text(row: Row) -> str:
        value = getattr(row, f"{name}_p_value", math.nan)
        return f"{value:.2g}" if math.isfinite(value) else "-"

    return Column("p", text)


_SPREADS = (
    *MODEL,
    ALPHA,
    Column("sizes", attrgetter("sizes"), whole),
    _exponent("of m^2", "overlap2"),
    _chance("overlap2"),
    _exponent("of lambda (mean of the lowest p p*)", "lambda"),
    _chance("lambda"),
)


def law_tables(found: Analysis) -> list[Table[Row]]:
    """What was fitted, with intervals, beside theory."""
    sure = f"{100 * found.level:.0f}% intervals"
    low, high = found.window
    scatter = f"Spread over instances ~ N^(-exponent) ({sure})"
    return [
        *_table(
            f"alpha_0: m^2 continued to zero from {low:g} to {high:g} alpha_BBP ({sure})", _ALPHA_0, found.alpha_0
        ),
        *_table("Below alpha_BBP: the resonance", _SEEN, _below(found.curves), _SEEN_NOTE),
        *_table(f"Effective thresholds ({sure})", _THRESHOLDS, found.thresholds),
        *_table(f"Crossings of phi ({sure})", _CROSSINGS, found.crossings),
        *_table(f"phi = 1/2 continued to N = infinity ({sure} under each law)", _LIMITS, found.limits),
        *_table(f"lambda_1 - lambda_- without outlier ({sure})", _EDGES, found.edges, _EDGE_NOTE),
        *_table(scatter, _SPREADS, found.spreads, _SPREAD_NOTE),
    ]
