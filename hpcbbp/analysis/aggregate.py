"""Means, medians, quantiles and errors over seeds, beside the quenched average and theory at N = infinity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hpcbbp.analysis.instances import MODEL
from hpcbbp.analysis.phi import binomial_interval
from hpcbbp.theory.named import Model, known_spectrum_of, resonance_of

QUANTILES = {"q10": 0.1, "median": 0.5, "q90": 0.9}


def curves(instances: pd.DataFrame, level: float = 0.9) -> pd.DataFrame:
    """One row a (p, p_star, a, parts, n, alpha): averages over seeds beside theory.

    Parameters
    ----------
    instances : DataFrame
        As instance_table gives it.
    level : float
        Of the intervals of phi.

    Returns
    -------
    DataFrame
        seeds: instances whose pairs (the lowest p p*, if so many were asked for) all converged, which alone are
        averaged; unconverged: the others.
        overlap2_1: m^2 of the lowest vector; overlap2: over the lowest p p* vectors of an instance (at N = infinity
        the outlier is p p*-fold degenerate; at finite N it is split by ~ N^(-1/2)); both with _sem, _std, _q10,
        _median, _q90. lambda_1: lowest eigenvalue, below the mean of a split outlier; lambda_mean: mean of the lowest
        p p*; with _sem and _std. *_sem: standard errors over seeds, empty for a single one. phi with phi_low,
        phi_high (Wilson's) and phi_seeds. quenched_*: averages of the predictions of the same instances.
        theory_overlap2, theory_lambda_star (empty without outlier), theory_lambda_minus: N = infinity.
        resonance_overlap2, resonance_lambda: of the outlier below alpha_BBP. seen: fraction of the p p* outliers, as
        instance_table has it.

    Examples
    --------
    >>> from hpcbbp.analysis.instances import instance_table
    >>> curves(instance_table(records.values()))["n"].tolist()
    [100, 100, 200, 200]
    """
    rows = []
    for model, n, alpha, group in _points(instances):
        whole = group[group["whole"]]
        row: dict[str, Any] = dict(zip(MODEL, model, strict=True))
        row |= {"n": n, "alpha": alpha, "seeds": len(whole), "unconverged": len(group) - len(whole)}
        for name in ("overlap2", "overlap2_1", "lambda_1", "lambda_mean"):
            row |= {name: whole[name].mean(), f"{name}_sem": whole[name].sem(), f"{name}_std": whole[name].std()}
            if name.startswith("overlap2"):
                row |= {f"{name}_{key}": whole[name].quantile(q) for key, q in QUANTILES.items()}
        row |= _phi(whole["first"].dropna(), level)
        row["seen"] = whole["seen"].mean()
        for name in ("lambda_1", "overlap2_1", "overlap2", "first", "informed", "seen", "edge"):
            row[f"quenched_{'phi' if name == 'first' else name}"] = whole[f"quenched_{name}"].mean()
        rows.append(row | _limit(model, alpha))
    return pd.DataFrame(rows)


def _points(instances: pd.DataFrame) -> list[tuple[Model, int, float, pd.DataFrame]]:
    return [
        (model, n, alpha, group)
        for model, of_model in models(instances)
        for n, of_n in parts(of_model, "n")
        for alpha, group in parts(of_n, "alpha")
    ]


def _phi(first: pd.Series[float], level: float) -> dict[str, float]:
    if first.empty:
        return {"phi": np.nan, "phi_low": np.nan, "phi_high": np.nan, "phi_seeds": 0}
    low, high = binomial_interval(int(first.sum()), len(first), level)
    return {"phi": first.mean(), "phi_low": low, "phi_high": high, "phi_seeds": len(first)}


def _limit(model: Model, alpha: float) -> dict[str, float]:
    at, below = known_spectrum_of(model, alpha), resonance_of(model, alpha)
    return {
        "theory_overlap2": at.mean_overlap2(int(model[0]) * model[1]),
        "theory_lambda_star": np.nan if at.lambda_star is None else at.lambda_star,
        "theory_lambda_minus": at.lambda_minus,
        "resonance_overlap2": np.nan if below.overlap2 is None else below.overlap2,
        "resonance_lambda": np.nan if below.lambda_r is None else below.lambda_r,
    }


def models(table: pd.DataFrame) -> list[tuple[Model, pd.DataFrame]]:
    """Parts of a table by model, (p, p_star, a, parts)."""
    return [
        ((int(p), int(p_star), float(a), str(words)), some)
        for p, some_p in parts(table, "p")
        for p_star, some_p_star in parts(some_p, "p_star")
        for a, some_a in parts(some_p_star, "a")
        for words, some in parts(some_a, "parts")
    ]


def parts(table: pd.DataFrame, column: str) -> list[tuple[Any, pd.DataFrame]]:
    """Parts of a table by the values of a column, ascending."""
    if table.empty:  # and without columns
        return []
    return [(value, table[table[column] == value]) for value in sorted(set(table[column].tolist()))]
