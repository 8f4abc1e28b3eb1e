"""Records of a campaign as a table with one row an instance: what was measured, beside its quenched prediction."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from hpcbbp.errors import InputError
from hpcbbp.solvers.eigenspaces import knows_best

MODEL = ["p", "p_star", "a"]
"""Columns that name a model; with alpha and n a point of the phase diagram at finite N."""

_SEARCHED = 8
"""phi is told where so many pairs more than the p p* outliers were computed: fewer, and the largest overlap may be
that of a vector nobody looked for."""


def instance_table(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One row an instance that did not fail.

    Parameters
    ----------
    records : iterable of dict
        As Store.read() gives them, or Solution.to_dict().

    Returns
    -------
    DataFrame
        p, p_star, a, alpha, n, seed; method as a campaign file has it (stored, dice, deferred, dense) and its solver
        (krylov-schur, deferred, dense); whole: its lowest p p* pairs, or as many as were asked for, converged (all
        else is NaN if not; averages over p p* pairs are NaN too where fewer were asked for).
        lambda_1, overlap2_1: lowest eigenvalue and m^2 of its vector; lambda_mean, overlap2: averages over the lowest
        p p* pairs; first: the largest overlap is that of the lowest eigenvalue (1, 0; NaN where too few vectors were
        computed to know, or where an older hpcbbp left it to the basis of a null space:
        hpcbbp.solvers.eigenspaces). The same of the instance's own quenched prediction, with 0 for the overlap of
        outliers that it does not predict:
        quenched_lambda_1, quenched_overlap2_1, quenched_overlap2,
        quenched_first, quenched_informed (an outlier is predicted), quenched_edge.
    """
    rows = [_row(record) for record in records if "failed" not in record]
    if not rows:
        raise InputError("no instance to analyse: the store holds none that was solved")
    return pd.DataFrame(rows).sort_values([*MODEL, "alpha", "n", "seed"], ignore_index=True)


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    outliers = int(record["p"]) * int(record["p_star"])
    asked = min(outliers, int(record.get("nev", outliers)))
    flags = record["converged_flags"][:asked]
    whole = len(flags) == asked and all(flags)
    row: dict[str, Any] = {name: record[name] for name in (*MODEL, "alpha", "n")}
    row |= {"seed": record.get("seed", -1), "method": _method(record), "solver": record.get("method", "")}
    row["whole"] = whole
    measured = dict.fromkeys(("lambda_1", "lambda_mean", "overlap2_1", "overlap2", "first"), math.nan)
    if whole:
        measured = {
            "lambda_1": record["eigenvalues"][0],
            "lambda_mean": float(np.mean(record["eigenvalues"][:outliers])) if asked == outliers else math.nan,
            "overlap2_1": record["overlap2"][0],
            "overlap2": float(np.mean(record["overlap2"][:outliers])) if asked == outliers else math.nan,
            "first": _first(record, outliers),
        }
    return row | measured | _predicted(record.get("quenched"), outliers)


def _method(record: Mapping[str, Any]) -> str:
    """What a campaign file calls it: krylov-schur goes with an X that is stored and with one that is not."""
    if "point" in record:
        return str(record["point"]["method"])
    solver, data = str(record.get("method", "")), str(record.get("data", ""))
    return {"StoredData": "stored", "DiceData": "dice"}.get(data, solver) if solver == "krylov-schur" else solver


def _first(record: Mapping[str, Any], outliers: int) -> float:
    searched = record.get("pairs_searched", len(record["overlap2"]))
    if searched < min(outliers + _SEARCHED, record["p"] * record["n"]) or not all(record["converged_flags"]):
        return math.nan
    known = knows_best(record)
    return math.nan if known is None else float(known)


def _predicted(quenched: Mapping[str, Any] | None, outliers: int) -> dict[str, float]:
    names = ("lambda_1", "overlap2_1", "overlap2", "first", "informed", "edge")
    if quenched is None or quenched["edge"] is None:
        return {f"quenched_{name}": math.nan for name in names}
    m2 = quenched["overlap2"]
    values = (
        quenched["lambda_1"],
        m2[0] if m2 else 0.0,
        sum(m2[:outliers]) / outliers,
        float(bool(m2) and m2[0] == max(m2)),
        float(bool(m2)),
        quenched["edge"],
    )
    return {f"quenched_{name}": float(value) for name, value in zip(names, values, strict=True)}
