"""What an analysis says for and against theory, counted: comparisons with their intervals, and laws with tests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hpcbbp.analysis.analysis import Analysis
from hpcbbp.analysis.instances import MODEL
from hpcbbp.analysis.student import REJECTED, quantile


@dataclass(frozen=True)
class Comparison:
    """How often one quantity lies within its intervals of theory.

    Attributes
    ----------
    what, theory : str
        As in "m^2", "its quenched prediction".
    place : str
        What is counted: "point", "size".
    within, of : int
    outside : tuple of str
        Where it does not, the farthest first.
    finite : bool
        Whether theory is that of the same N, so that chance puts a share of 1 - level outside, and little else once
        N is large: docs/theory.md (13) is low by 1 to 3 per cent, lambda_1 of p p* > 1 copies by some 0.1 N^(-1/2),
        and at smooth edges it differs by up to half of the edge's scale (docs/results.md, figure 3).
    """

    what: str
    theory: str
    place: str
    within: int
    of: int
    outside: tuple[str, ...]
    finite: bool


@dataclass(frozen=True)
class Law:
    """How often a law was tested, and rejected by its own data."""

    what: str
    rejected: int
    of: int


_TITLES = {"p": "p = ", "p_star": "p* = ", "a": "a = ", "parts": "", "n": "N = ", "alpha": "alpha = "}


def where(row: Mapping[Any, Any], names: Sequence[str]) -> str:
    """Of a row, a = 1.5, N = 400, alpha = 2.5: what is asked for of it, and is not empty."""
    values = {name: row[name] for name in names}
    shown = {name: f"{value:.5g}" if isinstance(value, float) else str(value) for name, value in values.items()}
    return ", ".join(_TITLES[name] + shown[name] for name in names if shown[name])


_DIFFERENCES = (
    ("overlap2_quenched", "m^2", "its quenched prediction", True),
    ("lambda_1_quenched", "lambda_1", "its quenched prediction", True),
    ("overlap2_limit", "m^2", "its value at N = infinity", False),
    ("lambda_mean_limit", "the mean lambda", "the outlier at N = infinity", False),
)


def comparisons(found: Analysis) -> list[Comparison]:
    """What could be compared with theory; nothing where nothing could."""
    made = []
    model = [name for name in MODEL if found.curves[name].nunique() > 1]
    for name, what, theory, finite in _DIFFERENCES:
        known = found.agreement.dropna(subset=[f"{name}_within"])
        far = known[known[f"{name}_within"] == 0]
        beyond = [
            abs(t) / quantile(found.level, seeds - 1)
            for t, seeds in zip(far[f"{name}_errors"], far["seeds"], strict=True)
        ]
        far = far.assign(beyond=beyond).sort_values("beyond", ascending=False)
        places = tuple(where(row, [*model, "n", "alpha"]) for row in far.to_dict("records"))
        made.append(Comparison(what, theory, "point", len(known) - len(far), len(known), places, finite))
    at = found.alpha_0
    made.append(_contained("alpha_0", "theory over the same alpha", at, "data", "theory_in_window", finite=False))
    at = found.thresholds
    at = at[at["trusted"].astype(bool)] if "half_seen" in at else at.iloc[:0]
    what = "the threshold of what is seen"
    made.append(_contained(what, "alpha_BBP(N)", at, "half_seen", "theory_alpha_bbp_n", finite=True))
    return [each for each in made if each.of]


def _contained(what: str, theory: str, rows: pd.DataFrame, name: str, value: str, *, finite: bool) -> Comparison:
    """Of intervals with both ends: one without says nothing."""
    within, outside = 0, []
    model = [column for column in MODEL if not rows.empty and rows[column].nunique() > 1]
    for row in rows.to_dict("records"):
        low, high, at = row[f"{name}_low"], row[f"{name}_high"], row[value]
        if all(map(math.isfinite, (low, high, at))):
            within += low <= at <= high
            outside += [] if low <= at <= high else [where(row, [*model, "n"])]
    return Comparison(what, theory, "size", within, within + len(outside), tuple(outside), finite)


def laws(found: Analysis) -> list[Law]:
    """Every law that was tested."""
    made = []
    if not found.edges.empty and "law" in found.edges:
        fitted = found.edges[found.edges["reason"] == ""]
        for law, rows in fitted.groupby("law", sort=False):
            made.append(Law(f"the law {FORMULAS[str(law)]} of the edge", int(rows["rejected"].sum()), len(rows)))
    if not found.limits.empty:
        for law, rows in found.limits.groupby("law", sort=False):
            made.append(Law(f"the law {law} of phi = 1/2", int(rows["rejected"].sum()), len(rows)))
    if "half_phi" in found.thresholds:
        tried = found.thresholds[
            found.thresholds["half_phi_reason"].fillna("").ne("") | found.thresholds["half_phi"].notna()
        ]
        tried = tried[~tried["half_phi_reason"].fillna("").str.contains("does not pass")]
        made.append(Law("a logistic curve for phi", int(tried["half_phi"].isna().sum()), len(tried)))
    for name, what in (("overlap2", "m^2"), ("lambda", "lambda")):
        if f"{name}_p_value" in found.spreads:
            p_values = found.spreads[f"{name}_p_value"].dropna()
            made.append(
                Law(f"a power of N for the spread of {what}", int((p_values < REJECTED).sum()), len(p_values))
            )
    return [each for each in made if each.of]


FORMULAS = {"power": "c N^(-2/3)", "log": "A/log N", "shifted log": "A/(log N + B)"}
"""The laws of the edge, hpcbbp.analysis.edge_law.LAWS, as people read them."""
