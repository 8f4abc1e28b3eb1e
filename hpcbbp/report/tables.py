"""The tables of an analysis as text: the same for a terminal and for a report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hpcbbp.analysis.analysis import Analysis
from hpcbbp.machine.wording import number, with_error


@dataclass(frozen=True)
class TextTable:
    """A table ready to be shown.

    Attributes
    ----------
    title, note : str
        One line each; the note may be empty.
    columns : tuple of str
    rows : tuple of tuples of str
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


Row = Mapping[Any, Any]

_MODEL = ("p", "p*", "a")


def _model(row: Row) -> tuple[str, ...]:
    return f"{row['p']:.0f}", f"{row['p_star']:.0f}", f"{row['a']:g}"


def interval(row: Row, name: str, digits: int = 4) -> str:
    """0.913 [0.880, 0.951]; an end that is not bounded is infinite, and without a bound there is no number."""
    if name not in row or not math.isfinite(row[name]):
        return "-"
    if math.isinf(row[f"{name}_low"]) and math.isinf(row[f"{name}_high"]):
        return "not bounded"
    ends = [
        f"{row[name + end]:.{digits}f}"
        if math.isfinite(row[name + end])
        else "inf"
        if row[name + end] > 0
        else "-inf"
        for end in ("_low", "_high")
    ]
    return f"{row[name]:.{digits}f} [{ends[0]}, {ends[1]}]"


def curve_tables(curves: pd.DataFrame) -> list[TextTable]:
    """Averages over seeds at every point."""
    rows = tuple(
        (
            *_model(row),
            f"{row['alpha']:.4f}",
            f"{row['n']:.0f}",
            f"{row['seeds']:.0f}" + (f" (+{row['unconverged']:.0f})" if row["unconverged"] else ""),
            with_error(row["overlap2"], row["overlap2_sem"]),
            number(row["quenched_overlap2"], 4),
            number(row["theory_overlap2"], 4),
            with_error(row["overlap2_1"], row["overlap2_1_sem"]),
            number(row["overlap2_1_median"], 4),
            with_error(row["lambda_1"], row["lambda_1_sem"]),
            number(row["quenched_lambda_1"], 4),
            number(row["theory_lambda_star"], 4),
            number(row["theory_lambda_minus"], 4),
            interval(row, "phi", 3),
        )
        for row in curves.to_dict("records")
    )
    columns = (
        *_MODEL, "alpha", "N", "seeds", "m^2", "quenched", "N = inf", "m^2 lowest", "median", "lambda_1", "quenched",
        "lambda*", "lambda_-", "phi",
    )  # fmt: skip
    note = (
        "m^2: mean over the lowest p p* vectors; lowest: of the lowest vector alone; quenched: predicted from the "
        "projections of the same instances; (+k): k more did not converge and are left out"
    )
    return [TextTable("Overlaps and eigenvalues", columns, rows, note)] if rows else []


def law_tables(found: Analysis) -> list[TextTable]:
    """What was fitted, with intervals, beside theory."""
    sure = f"{100 * found.level:.0f}% intervals"
    makers = (_alpha_0_tables, _threshold_tables, _crossing_tables, _limit_tables, _edge_tables, _spread_tables)
    return [made for maker in makers for made in maker(found, sure)]


def _alpha_0_tables(found: Analysis, sure: str) -> list[TextTable]:
    if found.alpha_0.empty:
        return []
    rows = tuple(
        (
            *_model(row), f"{row['n']:.0f}", f"{row['instances']:.0f}",
            f"{row['alpha_low']:.3f}..{row['alpha_high']:.3f}", interval(row, "data"), interval(row, "quenched"),
            number(row["theory_in_window"], 4), number(row["theory_alpha_0"], 5), number(row["theory_alpha_bbp"], 5),
        )
        for row in found.alpha_0.to_dict("records")
    )  # fmt: skip
    columns = (*_MODEL, "N", "instances", "alpha", "data", "quenched", "theory, same alpha", "tangent", "alpha_BBP")
    low, high = found.window
    title = f"alpha_0: m^2 continued to zero from {low:g} to {high:g} alpha_BBP ({sure})"
    return [TextTable(title, columns, rows)]


def _threshold_tables(found: Analysis, sure: str) -> list[TextTable]:
    if found.thresholds.empty:
        return []
    rows = tuple(
        (*_model(row), f"{row['n']:.0f}", interval(row, "half_phi"), interval(row, "half_informed"),
         number(row["theory_alpha_bbp"], 5))
        for row in found.thresholds.to_dict("records")
    )  # fmt: skip
    columns = (*_MODEL, "N", "phi = 1/2", "half of the samples informed (quenched)", "alpha_BBP, N = inf")
    return [TextTable(f"Effective thresholds ({sure})", columns, rows)]


def _crossing_tables(found: Analysis, sure: str) -> list[TextTable]:
    if found.crossings.empty:
        return []
    rows = tuple(
        (*_model(row), f"{row['n']:.0f}, {row['larger']:.0f}", interval(row, "alpha"), number(row["phi"], 3),
         number(row["theory_alpha_bbp"], 5))
        for row in found.crossings.to_dict("records")
    )  # fmt: skip
    columns = (*_MODEL, "N", "alpha", "phi there", "alpha_BBP, N = inf")
    return [TextTable(f"Crossings of phi ({sure})", columns, rows)]


def _limit_tables(found: Analysis, sure: str) -> list[TextTable]:
    if found.limits.empty:
        return []
    rows = tuple(
        (*_model(row), row["law"], f"{row['limit']:.4f} [{row['low']:.4f}, {row['high']:.4f}]", f"{row['chi2']:.2f}",
         f"{row['weight']:.3f}", number(row["theory_alpha_bbp"], 5))
        for row in found.limits.to_dict("records")
    )  # fmt: skip
    columns = (*_MODEL, "distance from the limit", "limit", "chi^2", "weight", "alpha_BBP, N = inf")
    return [TextTable(f"phi = 1/2 continued to N = infinity ({sure} under each law)", columns, rows)]


def _edge_tables(found: Analysis, sure: str) -> list[TextTable]:
    if found.edges.empty:
        return []
    formulas = {"power": "c N^(-2/3)", "log": "A/log N", "shifted log": "A/(log N + B)"}
    rows = []
    for row in found.edges.to_dict("records"):
        start = (*_model(row), f"{row['alpha']:.4f}", row["edge"])
        if row["reason"]:
            rows.append((*start, f"none: {row['reason'].split(';')[0]}", "-", "-", "-", "-", "-"))
            continue
        law = formulas[row["law"]]
        none = "no decay seen" if math.isinf(row["first"]) else ""
        rows.append(
            (*start, law, none or interval(row, "first"), interval(row, "B", 2), f"{row['chi2']:.1f}",
             f"{row['p_value']:.2g}", f"{row['weight']:.3f}")
        )  # fmt: skip
    columns = (*_MODEL, "alpha", "edge", "law", "c or A", "B", "chi^2", "p", "weight")
    note = (
        "p: probability of so large a chi^2 if the law is right; weight: Akaike weight, how sure the law is if one "
        "of the three is right"
    )
    return [TextTable(f"lambda_1 - lambda_- without outlier ({sure} by bootstrap)", columns, tuple(rows), note)]


def _spread_tables(found: Analysis, sure: str) -> list[TextTable]:
    if found.spreads.empty:
        return []
    rows = tuple(
        (*_model(row), f"{row['alpha']:.4f}", f"{row['sizes']:.0f}",
         *("-" if f"{name}_exponent" not in row or not math.isfinite(row[f"{name}_exponent"])
           else f"{row[f'{name}_exponent']:.3f} [{row[f'{name}_low']:.3f}, {row[f'{name}_high']:.3f}]"
           for name in ("overlap2", "lambda")))
        for row in found.spreads.to_dict("records")
    )  # fmt: skip
    columns = (*_MODEL, "alpha", "sizes", "of m^2", "of lambda (mean of the lowest p p*)")
    return [TextTable(f"Spread over instances ~ N^(-exponent) ({sure} for normal scatter)", columns, rows)]
