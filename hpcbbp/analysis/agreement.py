"""Simulation beside theory at every point: differences in units of their standard errors, and which are small enough.

Quenched predictions are of the same instances, so that it is the mean of the differences that has an error, not two
means. What is infinite in theory has the error of theory itself, which is that of numerical equations.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hpcbbp.analysis.aggregate import models, parts
from hpcbbp.analysis.instances import MODEL
from hpcbbp.analysis.student import quantile
from hpcbbp.theory.named import Model, known_spectrum_of

Array = NDArray[np.float64]

COMPARED = ("overlap2_quenched", "lambda_1_quenched", "overlap2_limit", "lambda_mean_limit")
"""What is compared: m^2 and lambda_1 with quenched predictions, m^2 and the mean lambda with N = infinity."""


def agreement(instances: pd.DataFrame, level: float = 0.9) -> pd.DataFrame:
    """One row a (p, p_star, a, parts, n, alpha): simulation minus theory.

    Parameters
    ----------
    instances : DataFrame
        As instance_table gives it; those that did not converge are left out.
    level : float
        Of the intervals that decide what agrees: Student's, for errors are estimated from the seeds themselves.

    Returns
    -------
    DataFrame
        seeds; quenched_overlap2, quenched_lambda_1 and their *_sem: means of the predictions and their standard
        errors over seeds; theory_error: that of the values at N = infinity. For each name of COMPARED *_difference,
        *_sem (its standard error), *_errors (their ratio) and *_within (1: zero lies within the interval of the
        difference, widened by theory's error; 0: it does not). All of these are NaN where nothing can be compared:
        fewer than two instances, no scatter, no outlier in theory, or, of the quenched m^2, an instance in which
        fewer than p p* outliers are predicted, for nothing is known then of the m^2 that vectors of the bulk have.
    """
    rows = []
    for model, of_model in models(instances):
        for n, of_n in parts(of_model, "n"):
            for alpha, group in parts(of_n, "alpha"):
                row: dict[str, Any] = dict(zip(MODEL, model, strict=True))
                whole = group[group["whole"]]
                row |= {"n": n, "alpha": alpha, "seeds": len(whole)}
                rows.append(row | _compared(model, float(alpha), whole, level))
    return pd.DataFrame(rows)


def _compared(model: Model, alpha: float, group: pd.DataFrame, level: float) -> dict[str, float]:
    outliers, limit = int(model[0]) * model[1], known_spectrum_of(model, alpha)
    row: dict[str, float] = {"theory_error": limit.error}
    for name in ("quenched_overlap2", "quenched_lambda_1"):
        predictions: Any = group[name]
        row[name], row[f"{name}_sem"] = float(predictions.mean()), float(predictions.sem())
    predicted = group["quenched_outliers"].ge(outliers).all()
    m2 = group["overlap2"] - group["quenched_overlap2"] if predicted else group["overlap2"] * math.nan
    star = math.nan if limit.lambda_star is None else limit.lambda_star
    limit2 = math.nan if limit.lambda_star is None else limit.mean_overlap2(outliers)
    distances = {
        "overlap2_quenched": (m2, 0.0),
        "lambda_1_quenched": (group["lambda_1"] - group["quenched_lambda_1"], 0.0),
        "overlap2_limit": (group["overlap2"] - limit2, limit.error),
        "lambda_mean_limit": (group["lambda_mean"] - star, limit.error),
    }  # fmt: skip
    for name, (values, error) in distances.items():
        row |= _judged(name, values.to_numpy(float), error, level)
    return row


def _judged(name: str, differences: Array, error: float, level: float) -> dict[str, float]:
    """Of the differences of one point's instances."""
    found = dict.fromkeys((f"{name}_difference", f"{name}_sem", f"{name}_errors", f"{name}_within"), math.nan)
    if len(differences) < 2 or not np.isfinite(differences).all():
        return found
    with np.errstate(over="ignore", invalid="ignore"):  # a damaged store may hold any finite number
        mean, sem = float(differences.mean()), float(differences.std(ddof=1) / math.sqrt(len(differences)))
    if not 0.0 < sem < math.inf:
        return found
    within = abs(mean) <= quantile(level, len(differences) - 1) * sem + error
    return dict(zip(found, (mean, sem, mean / sem, float(within)), strict=True))
