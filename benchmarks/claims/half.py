"""Where half of the outliers of samples are seen, with an error by bootstrap."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hpcbbp import Problem
from hpcbbp.theory.sampled.average import fraction_of, known_overlap2

_BOOTSTRAP = 400


def fraction_seen_in(model: tuple[int, int, float], alpha: float, rows: pd.DataFrame) -> pd.Series[float]:
    """Fraction of the p p* outliers with at least half of the m^2 of theory, of each sample."""
    p, p_star, a = model
    outliers = p * p_star
    known = known_overlap2(Problem(p=p, p_star=p_star, alpha=alpha, a=a))
    if known is None:
        return pd.Series(0.0, index=rows.index)
    pairs = rows[[f"overlap2_{i + 1}" for i in range(outliers)]].to_numpy()
    return pd.Series([fraction_of(one[np.isfinite(one)], known, outliers) for one in pairs], index=rows.index)


def half_point_of(
    rows: pd.DataFrame, fraction: Callable[[float, pd.DataFrame], pd.Series[float]]
) -> tuple[float, float]:
    """alpha where the mean of `fraction` over samples is 1/2, and its standard deviation over bootstrap samples."""
    if rows.empty:
        raise LookupError("no samples")
    parts = list(rows.groupby("alpha"))
    alphas = np.array([alpha for alpha, _ in parts])
    seen = np.array([fraction(alpha, part).to_numpy() for alpha, part in parts])
    rng = np.random.default_rng(0)
    again = [_half(alphas, np.array([rng.choice(one, len(one)) for one in seen])) for _ in range(_BOOTSTRAP)]
    return _half(alphas, seen), float(np.nanstd(again))


def _half(alphas: NDArray[np.float64], seen: NDArray[np.float64]) -> float:
    """Where a curve of means passes 1/2, made monotonic and interpolated linearly; NaN if it does not."""
    curve = np.maximum.accumulate(seen.mean(axis=1)) + 1e-9 * np.arange(len(alphas))
    return float(np.interp(0.5, curve, alphas)) if curve[0] < 0.5 < curve[-1] else math.nan
