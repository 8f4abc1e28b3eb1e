"""The tables of what was fitted, beside theory: the same for a terminal and for a report."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import attrgetter

import pandas as pd

from hpcbbp.analysis.analysis import Analysis
from hpcbbp.analysis.student import REJECTED
from hpcbbp.machine.table import Column, Table
from hpcbbp.machine.wording import number, whole
from hpcbbp.model.columns import MODEL, N
from hpcbbp.report.cells import Row, contains, decimals_of, interval, interval_of, mean, rejected, table_of
from hpcbbp.report.points import ALPHA, OVERLAP2
from hpcbbp.report.unbounded import ALPHA_0, CROSSINGS, EDGES, THRESHOLDS, explained
from hpcbbp.report.verdicts import FORMULAS

_ALPHA_BBP = "theory_alpha_bbp"
_ALPHA_BBP_LIMIT = decimals_of("alpha_BBP, N = inf", _ALPHA_BBP, 5)

_ALPHA_0 = (
    *MODEL,
    N,
    Column("instances", attrgetter("instances"), whole),
    Column("alpha", lambda row: f"{row.alpha_low:.3f}..{row.alpha_high:.3f}"),
    interval_of("data", "data"),
    interval_of("quenched", "quenched"),
    decimals_of("theory, same alpha", "theory_in_window", 4),
    contains("in the interval of data", "data", "theory_in_window"),
    decimals_of("tangent", "theory_alpha_0", 5),
    decimals_of("alpha_BBP", _ALPHA_BBP, 5),
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
    decimals_of("of the outliers seen", "seen", 3),
    decimals_of("predicted", "quenched_seen", 3),
    OVERLAP2,
    decimals_of("resonance", "resonance_overlap2", 4),
    mean("lambda (mean of the lowest p p*)", "lambda_mean"),
    decimals_of("resonance", "resonance_lambda", 4),
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
    contains("in the interval of seen", "half_seen", "theory_alpha_bbp_n"),
    _found("half of the samples informed (quenched)", "half_informed", "half_informed_reason"),
    _ALPHA_BBP_LIMIT,
)
_CROSSINGS = (
    *MODEL,
    Column("N", lambda row: f"{row.n:.0f}, {row.larger:.0f}"),
    _found("alpha", "alpha", "reason"),
    decimals_of("phi there", "phi", 3),
    _ALPHA_BBP_LIMIT,
)


def _limit(row: Row) -> str:
    return rejected(row.p_value) if row.rejected else f"{row.limit:.4f} [{row.low:.4f}, {row.high:.4f}]"


_LIMITS = (
    *MODEL,
    Column("distance from the limit", attrgetter("law")),
    Column("limit", _limit),
    contains("has alpha_BBP in it", "", _ALPHA_BBP),
    Column("chi^2", attrgetter("chi2"), "{:.2f}".format),
    Column("p-value", attrgetter("p_value"), "{:.2g}".format),
    Column("weight", attrgetter("weight"), "{:.3f}".format),
    _ALPHA_BBP_LIMIT,
)

_ALPHA_0_NOTE = (
    "quenched: of the predictions of the same instances; theory, same alpha: of m^2 at N = inf, which is what data "
    "of large N come to; tangent: alpha_0 itself"
)
_LIMITS_NOTE = (
    f"p-value: probability of so large a chi^2 if the law is right; rejected: below {REJECTED:g}; weight: Akaike's"
)
_EDGE_NOTE = (
    "p-value: probability of so large a chi^2 if the law is right, at least 1 in as many as were simulated; "
    f"rejected: below {REJECTED:g}; weight: Akaike weight, how sure the law is if one of the three is right"
)
_SPREAD_NOTE = f"p-value: probability of so large a chi^2 if a power of N is right; rejected: below {REJECTED:g}"


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
    Column("law", lambda row: f"none: {row.reason.split(';')[0]}" if row.reason else FORMULAS[row.law]),
    _fitted("c or A", _first),
    _fitted("B", lambda row: interval(row, "B", 2)),
    _fitted("chi^2", lambda row: f"{row.chi2:.1f}"),
    _fitted("p-value", lambda row: f"{row.p_value:.2g}"),
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

    return Column("p-value", text)


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
    sure = f"{100 * found.level:.6g}% intervals"
    low, high = found.window
    scatter = f"Spread over instances ~ N^(-exponent) ({sure})"
    return [
        *explained(
            table_of(
                f"alpha_0: m^2 continued to zero from {low:g} to {high:g} alpha_BBP ({sure})",
                _ALPHA_0, found.alpha_0, _ALPHA_0_NOTE,
            ),
            ALPHA_0,
        ),
        *table_of("Below alpha_BBP: the resonance", _SEEN, _below(found.curves), _SEEN_NOTE),
        *explained(table_of(f"Effective thresholds ({sure})", _THRESHOLDS, found.thresholds), THRESHOLDS),
        *explained(table_of(f"Crossings of phi ({sure})", _CROSSINGS, found.crossings), CROSSINGS),
        *table_of(
            f"phi = 1/2 continued to N = infinity ({sure} under each law)", _LIMITS, found.limits, _LIMITS_NOTE
        ),
        *explained(
            table_of(f"lambda_1 - lambda_- without outlier ({sure})", _EDGES, found.edges, _EDGE_NOTE), EDGES
        ),
        *table_of(scatter, _SPREADS, found.spreads, _SPREAD_NOTE),
    ]  # fmt: skip
