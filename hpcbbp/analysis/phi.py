"""phi(alpha, N), the fraction of instances whose lowest vector knows the teacher best, and its thresholds.

For its half point phi of each N is taken as a logistic curve from a floor to a ceiling; for crossings as logistic
over the window given, a line for its logarithmic odds (a binomial generalised linear model, by statsmodels). Where
counts contradict that nothing is told but this.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

from hpcbbp.analysis.fieller import Zero, zero_of_line
from hpcbbp.analysis.rise import Rise, RisingCurve
from hpcbbp.analysis.student import REJECTED
from hpcbbp.errors import InputError

Array = NDArray[np.float64]

Counts = Sequence[tuple[float, float, int]]
"""alpha, instances in which the lowest vector knows best (need not be whole), instances."""


def binomial_interval(successes: int, trials: int, level: float = 0.9) -> tuple[float, float]:
    """Wilson's interval of a fraction.

    Examples
    --------
    >>> low, high = binomial_interval(8, 10)
    >>> round(low, 2), round(high, 2)
    (0.54, 0.93)
    """
    found = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
    return float(found.low), float(found.high)


@dataclass(frozen=True)
class LogisticFit:
    """Logarithmic odds of phi as a line in alpha.

    Attributes
    ----------
    intercept, slope : float
    covariance : (2, 2) array
    deviance : float
        From the counts, of the line that fits them best; chi^2 with `freedom` degrees of freedom if phi is logistic.
    freedom : int
        Alphas minus 2.
    """

    intercept: float
    slope: float
    covariance: Array
    deviance: float = 0.0
    freedom: int = 0

    @property
    def p_value(self) -> float:
        """Chance of a deviance as large, if phi is logistic; 1 where two alphas leave nothing to test."""
        return float(stats.chi2.sf(self.deviance, self.freedom)) if self.freedom else 1.0

    def __call__(self, alpha: Array) -> Array:
        """phi(alpha)."""
        return np.asarray(1.0 / (1.0 + np.exp(-(self.intercept + self.slope * alpha))))


def logistic_fit(counts: Counts) -> LogisticFit:
    """Fit phi of one N.

    Half an instance is added on both sides of every count (Jeffreys' prior of a fraction), so that a curve that
    jumps from 0 to 1 between two alphas has a slope.

    Raises
    ------
    InputError
        Fewer than two different alphas, or impossible counts.

    Examples
    --------
    >>> logistic_fit([(1.0, 2, 20), (2.0, 10, 20), (3.0, 18, 20)]).slope > 0
    True
    """
    alpha, yes, all_of_them = _columns(counts)
    design = np.column_stack([np.ones_like(alpha), alpha])
    with np.errstate(divide="ignore", over="ignore"), warnings.catch_warnings():
        # Through two points a line goes exactly, which statsmodels takes for separation; counts added forbid that.
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        found: Any = GLM(np.column_stack([yes + 0.5, all_of_them - yes + 0.5]), design, family=Binomial()).fit()
        # The counts as they are tell whether a line fits: half an instance is much where phi is 0 or 1 for certain.
        counted: Any = GLM(np.column_stack([yes, all_of_them - yes]), design, family=Binomial()).fit()
    intercept, slope = map(float, found.params)
    return LogisticFit(intercept, slope, np.asarray(found.cov_params()), float(counted.deviance), len(alpha) - 2)


def _columns(counts: Counts) -> Array:
    """Checked: alpha, successes, instances."""
    table = np.array(counts, dtype=float).reshape(-1, 3)
    if len(set(table[:, 0])) < 2:
        raise InputError(f"phi at {len(set(table[:, 0]))} alpha: a curve needs at least 2")
    if (
        not np.isfinite(table).all()
        or (table[:, 2] < 1).any()
        or ((table[:, 1] < 0) | (table[:, 1] > table[:, 2])).any()
    ):
        raise InputError("counts of phi: from 0 to the number of instances, which is at least 1")
    return table.T


def rising_fit(counts: Counts) -> Rise:
    """Fit phi of one N by a logistic curve from a floor below 1/2 to a ceiling above it.

    Half an instance is added on both sides of every count, as in logistic_fit.

    Raises
    ------
    InputError
        Fewer than two different alphas, or impossible counts.
    """
    return _rising_curve(counts).fit()


def _rising_curve(counts: Counts) -> RisingCurve:
    alpha, yes, all_of_them = _columns(counts)
    return RisingCurve(alpha, yes + 0.5, all_of_them + 1.0)


def half_point(counts: Counts, level: float = 0.9) -> Zero:
    """Return the alpha where phi = 1/2: the effective threshold alpha_BBP(N) of data.

    The curve is that of rising_fit, the interval that of its profile likelihood: half points that some floor, ceiling
    and slope make likely enough.

    Raises
    ------
    InputError
        As rising_fit; or no such curve fits.

    Examples
    --------
    >>> abs(half_point([(1.0, 2, 20), (2.0, 10, 20), (3.0, 18, 20)]).value - 2.0) < 0.1
    True
    """
    curve = _rising_curve(counts)
    p_value = curve.fit().p_value
    if p_value < REJECTED:
        raise InputError(f"no logistic curve between a floor and a ceiling fits phi (p = {p_value:.1g})")
    return curve.half_point(level)


@dataclass(frozen=True)
class Crossing:
    """Where phi of two N is the same.

    Attributes
    ----------
    n, larger : int
        The two N.
    alpha : Zero
        Not a number where there is a reason.
    phi : float
        At the crossing.
    reason : str
        Why there is no crossing: counts that no logistic line fits.
    """

    n: int
    larger: int
    alpha: Zero
    phi: float
    reason: str = ""


def crossings(curves: Mapping[int, Counts], level: float = 0.9) -> list[Crossing]:
    """Crossings of phi of successive N, ascending.

    Parameters
    ----------
    curves : mapping of N to its counts
    level : float

    Raises
    ------
    InputError
        As logistic_fit.

    Examples
    --------
    >>> few, many = [(1.0, 5, 20), (3.0, 15, 20)], [(1.0, 2, 20), (3.0, 18, 20)]
    >>> [(at.n, at.larger) for at in crossings({100: few, 200: many})]
    [(100, 200)]
    """
    fits = [(n, logistic_fit(curves[n])) for n in sorted(curves)]
    found = []
    for (n, first), (larger, second) in pairwise(fits):
        (p_value, at_fault) = min((first.p_value, n), (second.p_value, larger))
        if p_value < REJECTED:
            nowhere = Zero(math.nan, math.nan, math.nan)
            reason = f"phi of N = {at_fault} is not logistic (p = {p_value:.1g})"
            found.append(Crossing(n, larger, nowhere, math.nan, reason))
            continue
        at = zero_of_line(
            second.intercept - first.intercept,
            second.slope - first.slope,
            first.covariance + second.covariance,
            level=level,
        )
        phi = float(first(np.array(at.value))) if math.isfinite(at.value) else math.nan
        found.append(Crossing(n, larger, at, phi))
    return found


@dataclass(frozen=True)
class Extrapolation:
    """Effective thresholds continued to N = infinity.

    Attributes
    ----------
    law : {"N^(-1/3)", "1/log N"}
        What the distance from the limit is proportional to: the critical window of a continuous transition, and the
        label extremes of a smooth edge.
    limit, low, high : float
    chi2 : float
    weight : float
        Akaike weight of the law among the two (they have as many constants).
    p_value : float
        Chance of a chi2 as large, if this law is right.
    """

    law: str
    limit: float
    low: float
    high: float
    chi2: float
    weight: float
    p_value: float

    @property
    def rejected(self) -> bool:
        """Whether the thresholds contradict the law: its limit then means nothing."""
        return self.p_value < REJECTED


def extrapolate(
    sizes: Sequence[int], values: Sequence[float], errors: Sequence[float], level: float = 0.9
) -> list[Extrapolation]:
    """Weighted straight lines of thresholds against N^(-1/3) and against 1/log N; the better one first.

    Parameters
    ----------
    sizes, values, errors : sequences
        N, effective thresholds and their standard errors: at least 3.
    level : float

    Raises
    ------
    InputError
        Fewer than 3 sizes, or errors that are not positive and finite.

    Examples
    --------
    >>> extrapolate([100, 1000, 10000], [2.0, 1.8, 1.7], [0.05, 0.05, 0.05])[0].limit < 1.7
    True
    """
    n, y, sigma = (np.asarray(part, dtype=float) for part in (sizes, values, errors))
    if len(n) < 3 or (n < 3).any() or not (np.isfinite(y).all() and np.isfinite(sigma).all() and (sigma > 0).all()):
        raise InputError(f"thresholds at {len(n)} N: an extrapolation needs at least 3, each with a finite error")
    quantile = float(stats.norm.ppf(0.5 + level / 2))
    found = []
    for law, x in (("N^(-1/3)", n ** (-1 / 3)), ("1/log N", 1 / np.log(n))):
        line, covariance = np.polyfit(x, y, 1, w=1 / sigma, cov="unscaled")
        chi2 = float((((y - np.polyval(line, x)) / sigma) ** 2).sum())
        half = quantile * math.sqrt(covariance[1, 1])
        found.append((law, float(line[1]), half, chi2))
    best = min(chi2 for *_, chi2 in found)
    total = sum(math.exp(-(chi2 - best) / 2) for *_, chi2 in found)
    fits = [
        Extrapolation(
            law,
            limit,
            limit - half,
            limit + half,
            chi2,
            math.exp(-(chi2 - best) / 2) / total,
            float(stats.chi2.sf(chi2, len(n) - 2)),
        )
        for law, limit, half, chi2 in found
    ]
    return sorted(fits, key=lambda fit: fit.chi2)
