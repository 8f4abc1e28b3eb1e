"""Descents of a store as tables: one row an instance, and means over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import pandas as pd

from hpcbbp.campaign.kept import Descended

RECOVERED = 0.5
"""m^2 from which on a student has found the teacher."""

_POINT = ("p", "p_star", "a", "alpha", "n", "seed", "method", "storage", "descent", "hessian_every")


def courses(records: Iterable[object]) -> pd.DataFrame:
    """One row an instance that was descended on.

    Parameters
    ----------
    records : iterable
        As Store.read() gives them, or rows of such a table.

    Returns
    -------
    DataFrame
        The point, with the descent in words; made, reason: how far it came; overlap2_first, overlap2_last,
        largest_overlap2, largest_step: m^2 of the weights at the start, at the end, and the largest of all steps;
        loss_last: L/M; eigenvalue_first, vector2_first, eigenvalue_last, vector2_last: lowest pair of the first and
        the last Hessian on the way, m^2 of its vector (empty where there is none, or where it has not converged).

    Examples
    --------
    >>> len(courses(records.values()))  # none of them was descended on
    0
    """
    rows = []
    for record in records:
        if isinstance(record, Mapping) and "largest_overlap2" in record:
            rows.append(dict(record))
        if not isinstance(record, Descended):
            continue
        point, course = record.point, record.course
        row = {name: getattr(point, name) for name in _POINT} | {"parts": str(point.parts)}
        row |= {"made": record.made, "reason": record.reason, "loss_last": course.loss[-1] / max(record.m, 1)}
        row |= {"overlap2_first": course.overlap2[0], "overlap2_last": course.overlap2[-1]}
        row |= {"largest_overlap2": record.largest_overlap2, "largest_step": record.largest_step}
        for which, at in (("first", 0), ("last", -1)):
            known = record.hessians and record.hessians[at].converged[:1] == [True]
            row[f"eigenvalue_{which}"] = record.hessians[at].eigenvalues[0] if known else math.nan
            row[f"vector2_{which}"] = record.hessians[at].overlap2[0] if known else math.nan
        rows.append(row)
    return pd.DataFrame(rows)


MODEL = ("p", "p_star", "a", "parts", "descent", "n", "alpha")


def reached(table: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds of what `courses` has, one row a model, descent, N and alpha.

    Returns
    -------
    DataFrame
        seeds, early: descents that made all steps, which alone are averaged, and others; largest_overlap2,
        overlap2_last with _sem, _median; log10_gain: of largest_overlap2 over overlap2_first; recovered: share with
        largest_overlap2 above 1/2.
    """
    rows = []
    for values, group in table.groupby(list(MODEL), sort=True):
        whole = group[group["reason"] == ""]
        row = dict(zip(MODEL, values, strict=True)) | {"seeds": len(whole), "early": len(group) - len(whole)}
        for name in ("largest_overlap2", "overlap2_last"):
            row |= {
                name: whole[name].mean(),
                f"{name}_sem": whole[name].sem(),
                f"{name}_median": whole[name].median(),
            }
        gains = (whole["largest_overlap2"] / whole["overlap2_first"]).map(math.log10)
        row |= {"log10_gain": gains.mean(), "recovered": float((whole["largest_overlap2"] > RECOVERED).mean())}
        rows.append(row)
    return pd.DataFrame(rows)
