"""Where a line with uncertain coefficients vanishes: alpha_0, thresholds and crossings are all of this kind."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Zero:
    """Zero of a line.

    Attributes
    ----------
    value : float
    low, high : float
        Confidence interval; infinite on a side that the data do not bound.

    Examples
    --------
    >>> flat = zero_of_line(-1.0, 0.1, np.diag([0.01, 1.0]))  # a slope that may be zero
    >>> flat.high
    inf
    """

    value: float
    low: float
    high: float


def zero_of_line(
    intercept: float, slope: float, covariance: Array, *, level: float = 0.9, freedom: float = math.inf
) -> Zero:
    """Return the zero of intercept + slope x with Fieller's interval, which is exact for normal coefficients.

    The interval is the set of x at which the line, |intercept + slope x|, is smaller than its own uncertainty. It is
    finite only where the slope differs from 0 at the level asked for.

    Parameters
    ----------
    intercept, slope : float
    covariance : (2, 2) array
        Of the two.
    level : float
        Of the interval.
    freedom : float
        Degrees of freedom of the covariance (Student's law); infinite: it is known.

    Notes
    -----
    E. C. Fieller, J. R. Stat. Soc. B 16, 175 (1954).

    Examples
    --------
    >>> zero = zero_of_line(-1.0, 2.0, np.diag([0.01, 0.01]))
    >>> zero.value, zero.low < 0.5 < zero.high
    (0.5, True)
    """
    value = -intercept / slope if slope else math.nan
    quantile2 = float(stats.t.ppf(0.5 + level / 2, freedom)) ** 2
    (v00, v01), (_, v11) = covariance
    # (intercept + slope x)^2 <= quantile2 (v00 + 2 x v01 + x^2 v11)
    A = slope**2 - quantile2 * v11
    B = 2 * (intercept * slope - quantile2 * v01)
    C = intercept**2 - quantile2 * v00
    root2 = B**2 - 4 * A * C
    if A <= 0:
        return Zero(value, -math.inf, math.inf)
    root = math.sqrt(max(root2, 0.0))  # below 0 by rounding alone
    return Zero(value, float((-B - root) / (2 * A)), float((-B + root) / (2 * A)))
