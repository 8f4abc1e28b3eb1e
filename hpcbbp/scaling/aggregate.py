"""Means and errors over seeds, beside theory at N = infinity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from hpcbbp.theory import spectrum


def overlap_curves(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """One row a (p, p_star, a, n, alpha): averages over seeds beside theory.

    Parameters
    ----------
    records : sequence of dict
        As Solution.to_dict gives them.

    Returns
    -------
    DataFrame
        seeds: instances whose lowest p p* pairs all converged, which alone are averaged; unconverged: the others.
        overlap2 and lambda_mean: m^2 and eigenvalue, averaged over the lowest p p* pairs of an instance (at
        N = infinity the outlier is p p*-fold degenerate; at finite N it is split by ~ N^(-1/2)); lambda_1: the
        lowest eigenvalue, which lies below the mean of a split outlier; *_sem: standard errors over seeds, empty
        for a single one. theory_overlap2, theory_lambda_star (empty without outlier), theory_lambda_minus.
    """
    rows = []
    for record in records:
        lowest = record["p"] * record["p_star"]
        flags = record["converged_flags"][:lowest]
        whole = len(flags) == lowest and all(flags)
        rows.append(
            {
                **{name: record[name] for name in ("p", "p_star", "a", "n", "alpha")},
                "whole": whole,
                "overlap2": float(np.mean(record["overlap2"][:lowest])) if whole else np.nan,
                "lambda_1": record["eigenvalues"][0] if whole else np.nan,
                "lambda_mean": float(np.mean(record["eigenvalues"][:lowest])) if whole else np.nan,
            }
        )
    curves = []
    for _, group in pd.DataFrame(rows).groupby(["p", "p_star", "a", "n", "alpha"]):
        p, p_star, n = (int(group[name].iloc[0]) for name in ("p", "p_star", "n"))
        a, alpha = (float(group[name].iloc[0]) for name in ("a", "alpha"))
        theory = spectrum(p, p_star, a, alpha)
        curves.append(
            {
                "p": p,
                "p_star": p_star,
                "a": a,
                "n": n,
                "alpha": alpha,
                "seeds": int(group["whole"].sum()),
                "unconverged": int((~group["whole"]).sum()),
                "overlap2": group["overlap2"].mean(),
                "overlap2_sem": group["overlap2"].sem(),
                "theory_overlap2": theory.overlap2,
                "lambda_1": group["lambda_1"].mean(),
                "lambda_1_sem": group["lambda_1"].sem(),
                "lambda_mean": group["lambda_mean"].mean(),
                "lambda_mean_sem": group["lambda_mean"].sem(),
                "theory_lambda_star": np.nan if theory.lambda_star is None else theory.lambda_star,
                "theory_lambda_minus": theory.lambda_minus,
            }
        )
    return pd.DataFrame(curves)
