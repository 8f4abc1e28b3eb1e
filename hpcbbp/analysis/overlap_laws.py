"""Beyond the mean overlap: alpha_0, its linear continuation to zero, and how its spread falls with N."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from hpcbbp.analysis.fieller import Zero, zero_of_line
from hpcbbp.errors import InputError


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


@dataclass(frozen=True)
class Spread:
    """How the standard deviation over instances falls: ~ N^(-exponent).

    Attributes
    ----------
    exponent, low, high : float
    chi2 : float
        Of the power law, with len(sizes) - 2 degrees of freedom.
    """

    exponent: float
    low: float
    high: float
    chi2: float


def spread_law(samples: Mapping[int, Sequence[float]], level: float = 0.9) -> Spread:
    """Fit a power of N to sample variances.

    The logarithm of the sample variance of n normal numbers has bias digamma((n-1)/2) - log((n-1)/2) and variance
    trigamma((n-1)/2); intervals are right for normal scatter and too short for heavy tails.

    Raises
    ------
    InputError
        Fewer than 2 sizes, or fewer than 3 different, finite numbers of one N.
    """
    if len(samples) < 2:
        raise InputError(f"{len(samples)} sizes N: a power of N is fitted to at least 2")
    x, y, sigma = [], [], []
    for n, values in sorted(samples.items()):
        sample = np.asarray(values, dtype=float)
        if len(sample) < 3 or not np.isfinite(sample).all() or sample.std() == 0.0:
            raise InputError(f"N = {n}: at least 3 finite, different numbers are wanted, not {len(sample)}")
        half = (len(sample) - 1) / 2
        x.append(math.log(n))
        y.append(math.log(sample.var(ddof=1)) - float(special.digamma(half)) + math.log(half))
        sigma.append(math.sqrt(float(special.polygamma(1, half))))
    line, covariance = np.polyfit(x, y, 1, w=1 / np.array(sigma), cov="unscaled")
    chi2 = float((((np.array(y) - np.polyval(line, x)) / np.array(sigma)) ** 2).sum())
    exponent = -float(line[0]) / 2
    reach = float(stats.norm.ppf(0.5 + level / 2)) * math.sqrt(covariance[0, 0]) / 2
    return Spread(exponent, exponent - reach, exponent + reach, chi2)
