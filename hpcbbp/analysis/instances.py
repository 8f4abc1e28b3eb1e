"""Records of a campaign as a table with one row an instance: what was measured, beside its quenched prediction."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from hpcbbp.errors import InputError
from hpcbbp.solvers.eigenspaces import knows_best
from hpcbbp.solvers.measured import Measured, QuenchedRecord, measured
from hpcbbp.theory.named import known_overlap2_of
from hpcbbp.theory.sampled.average import fraction_of

MODEL = ["p", "p_star", "a", "parts"]
"""Columns that name a model; with alpha and n a point of the phase diagram at finite N."""

_SEARCHED = 8
"""phi is told where so many pairs more than the p p* outliers were computed: fewer, and the largest overlap may be
that of a vector nobody looked for."""


def instance_table(records: Iterable[object]) -> pd.DataFrame:
    """One row an instance that did not fail.

    Parameters
    ----------
    records : iterable
        As Store.read() gives them, or dictionaries as of Solution.to_dict().

    Returns
    -------
    DataFrame
        p, p_star, a, alpha, n, seed; parts: those of the model that are not the paper's, in words; method as a
        campaign file has it (stored, dice, deferred, dense) and its solver (krylov-schur, deferred, dense); whole:
        its lowest p p* pairs, or as many as were asked for, converged (all else is NaN if not; averages over p p*
        pairs are NaN too where fewer were asked for).
        lambda_1, overlap2_1: lowest eigenvalue and m^2 of its vector; lambda_mean, overlap2: averages over the lowest
        p p* pairs; first: the largest overlap is that of the lowest eigenvalue (1, 0; NaN where too few vectors were
        computed to know, or where an older hpcbbp left it to the basis of a null space:
        hpcbbp.solvers.eigenspaces). The same of the instance's own quenched prediction, with 0 for the overlap of
        outliers that it does not predict:
        quenched_lambda_1, quenched_overlap2_1, quenched_overlap2,
        quenched_first, quenched_informed (an outlier is predicted), quenched_outliers (how many are), quenched_edge.
        seen, quenched_seen: how many of the lowest p p* vectors have at least half of the m^2 that theory gives the
        outlier (resonance, below alpha_BBP), a fraction; NaN where there is neither, or fewer vectors.

    Examples
    --------
    >>> table = instance_table(records.values())
    >>> len(table), bool((table.overlap2_1 >= 0).all())
    (12, True)
    """
    rows = [_row(record) for record in measured(records)]
    if not rows:
        raise InputError("no instance to analyse: the store holds none that was solved")
    return pd.DataFrame(rows).sort_values([*MODEL, "alpha", "n", "seed"], ignore_index=True)


def _row(record: Measured) -> dict[str, Any]:
    outliers = record.outliers
    asked = outliers if record.nev is None else min(outliers, record.nev)
    flags = record.converged_flags[:asked]
    whole = len(flags) == asked and all(flags)
    row: dict[str, Any] = {name: getattr(record, name) for name in (*MODEL, "alpha", "n", "seed")}
    row |= {"method": record.means, "solver": record.method, "whole": whole}
    found = dict.fromkeys(("lambda_1", "lambda_mean", "overlap2_1", "overlap2", "first"), math.nan)
    if whole:
        found = {
            "lambda_1": record.eigenvalues[0],
            "lambda_mean": float(np.mean(record.eigenvalues[:outliers])) if asked == outliers else math.nan,
            "overlap2_1": record.overlap2[0],
            "overlap2": float(np.mean(record.overlap2[:outliers])) if asked == outliers else math.nan,
            "first": _first(record),
        }
    known = known_overlap2_of((record.p, record.p_star, record.a, record.parts), record.alpha)
    row |= found | _predicted(record.prediction, outliers)
    predicted = None if record.prediction is None else record.prediction.overlap2
    for name, m2 in (
        ("seen", record.overlap2 if whole and asked == outliers else None),
        ("quenched_seen", predicted),
    ):
        row[name] = math.nan if m2 is None or known is None else fraction_of(m2[:outliers], known, outliers)
    return row


def _first(record: Measured) -> float:
    if record.searched < min(record.outliers + _SEARCHED, record.p * record.n) or not all(record.converged_flags):
        return math.nan
    known = knows_best(record)
    return math.nan if known is None else float(known)


def _predicted(quenched: QuenchedRecord | None, outliers: int) -> dict[str, float]:
    names = ("lambda_1", "overlap2_1", "overlap2", "first", "informed", "outliers", "edge")
    if quenched is None:
        return {f"quenched_{name}": math.nan for name in names}
    m2 = quenched.overlap2
    values = (
        quenched.lambda_1,
        m2[0] if m2 else 0.0,
        sum(m2[:outliers]) / outliers,
        float(bool(m2) and m2[0] == max(m2)),
        float(bool(m2)),
        len(m2),
        quenched.edge,
    )
    return {f"quenched_{name}": float(value) for name, value in zip(names, values, strict=True)}
