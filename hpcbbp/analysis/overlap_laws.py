"""Beyond the mean overlap: alpha_0, its linear continuation to zero, and how its spread falls with N."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hpcbbp.analysis.fieller import Zero, zero_of_line
from hpcbbp.analysis.student import REJECTED, quantile
from hpcbbp.errors import InputError

Array = NDArray[np.float64]


def alpha_0(alpha: Sequence[float], overlap2: Sequence[float], level: float = 0.9) -> Zero:
    """Return where the straight line through m^2 of instances reaches zero (arXiv:2510.18435), with its interval.

    Parameters
    ----------
    alpha, overlap2 : sequences
        One number an instance, all in the window over which the line is taken: above alpha_BBP, and short, for m^2
        bends.
    level : float
        Of the interval: Fieller's, with the scatter of instances around the line as error.

    Raises
    ------
    InputError
        Fewer than 2 different alphas or 3 instances, or numbers that are not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> alpha = np.repeat([2.0, 3.0, 4.0], 20)
    >>> zero = alpha_0(alpha, 0.1 * (alpha - 1.0) + 0.01 * rng.standard_normal(60))
    >>> abs(zero.value - 1.0) < 0.2, zero.low < zero.value < zero.high
    (True, True)
    """
    x, y = np.asarray(alpha, dtype=float), np.asarray(overlap2, dtype=float)
    if len(x) < 3 or len(set(x)) < 2 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError(f"{len(x)} instances at {len(set(x))} alpha in the window: at least 3 at 2 are wanted")
    centre = x.mean()  # the coefficients of x - centre are independent
    line = np.polyfit(x - centre, y, 1)
    freedom = len(x) - 2
    scatter2 = float(((y - np.polyval(line, x - centre)) ** 2).sum()) / freedom
    covariance = scatter2 * np.diag([1 / len(x), 1 / ((x - centre) ** 2).sum()])
    found = zero_of_line(float(line[1]), float(line[0]), covariance, level=level, freedom=freedom)
    return Zero(found.value + centre, found.low + centre, found.high + centre)


_FREEDOM = 15  # instances beyond one an N: with less, intervals are those of noise


@dataclass(frozen=True)
class Spread:
    """How the scatter over instances falls: ~ N^(-exponent).

    Attributes
    ----------
    exponent, low, high : float
    chi2 : float
        Of the power law, with len(sizes) - 2 degrees of freedom.
    p_value : float
        Chance of a chi2 as large if the power law is right, by Fisher's F, for errors are estimated; not a
        number where two sizes leave nothing to test.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> abs(spread_law({n: n**-0.5 * rng.standard_normal(100) for n in (100, 1000, 10000)}).exponent - 0.5) < 0.1
    True
    """

    exponent: float
    low: float
    high: float
    chi2: float
    p_value: float

    @property
    def rejected(self) -> bool:
        """Whether the data contradict a power of N: the exponent then means nothing."""
        return self.p_value < REJECTED


def _scatter(sample: Array) -> tuple[float, float]:
    """Logarithm of Gini's mean difference, the mean |x_i - x_j|, and its variance by the jackknife."""
    count, unit = len(sample), float(np.abs(sample).max())
    ordered, rank = np.sort(sample / unit - sample.mean() / unit), np.arange(count)
    below = np.cumsum(ordered)
    apart = ordered * (2 * rank + 2 - count) - 2 * below + below[-1]  # sum over j of |x_i - x_j|
    total = float(apart.sum()) / 2
    left = total - apart
    if left.min() <= 1e-9 * total:
        raise InputError("all instances but one are the same to rounding")
    without = np.log(left * 2 / ((count - 1) * (count - 2)))
    return math.log(unit) + math.log(2 * total / (count * (count - 1))), (count - 1) * float(without.var())


def spread_law(samples: Mapping[int, Sequence[float]], level: float = 0.9) -> Spread:
    """Fit a power of N to the scatter over instances.

    Scatter is Gini's mean difference, which is a multiple of the standard deviation as long as the distribution keeps
    its shape. Unlike the standard deviation it has no bias with few instances, and few outliers do not make it: where
    tails are heavy intervals of sample variances are far too short. Its relative error in a sample of n is taken as
    that of all sizes together, by the jackknife, over (n - 1)^(1/2).

    Raises
    ------
    InputError
        Fewer than 2 sizes, fewer than 3 different, finite numbers of one N or all but one the same, or fewer than 15
        more numbers than sizes.

    Notes
    -----
    B. Efron, C. Stein, Ann. Stat. 9, 586 (1981): the jackknife's variance is that of data or larger.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = spread_law({n: n**-0.5 * rng.standard_normal(100) for n in (100, 1000, 10000)})
    >>> found.low < 0.5 < found.high
    True
    """
    if len(samples) < 2:
        raise InputError(f"{len(samples)} sizes N: a power of N is fitted to at least 2")
    found = []
    for n, values in sorted(samples.items()):
        sample = np.asarray(values, dtype=float)
        if len(sample) < 3 or not np.isfinite(sample).all() or len(set(sample)) < 3:
            raise InputError(f"N = {n}: at least 3 finite, different numbers are wanted, not {len(set(sample))}")
        try:
            found.append((math.log(n), *_scatter(sample), len(sample) - 1))
        except InputError as error:
            raise InputError(f"N = {n}: {error}") from None
    x, y, variances, freedom = np.array(found).T
    if freedom.sum() < _FREEDOM:
        enough = _FREEDOM + len(found)
        raise InputError(
            f"{freedom.sum() + len(found):.0f} instances at {len(found)} N: intervals hold from {enough} on"
        )
    shape = float(variances * freedom @ freedom / freedom.sum())  # relative variance of one more instance
    y = y + shape / freedom / 2  # the mean of a logarithm is below the logarithm of the mean
    line, covariance = np.polyfit(x, y, 1, w=np.sqrt(freedom / shape), cov="unscaled")
    chi2 = float(((y - np.polyval(line, x)) ** 2 * freedom / shape).sum())
    tested = len(x) - 2
    p_value = float(stats.f.sf(chi2 / tested, tested, freedom.sum())) if tested else math.nan
    reach = quantile(level, freedom.sum()) * math.sqrt(covariance[0, 0])
    return Spread(-float(line[0]), -float(line[0]) - reach, -float(line[0]) + reach, chi2, p_value)
