"""Estimates from sizes of which some have a handful of instances: variances, degrees of freedom, tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Array = NDArray[np.float64]

REJECTED = 0.01
"""A law with a smaller p-value is rejected by the data that it was fitted to: its constants are no result."""


def smoothed_variances(n: Array, variances: Array, freedom: Array) -> Array:
    """Variances over instances as a power of N.

    Weights made of them hardly depend on the scatter of a size's own handful of instances: a mean whose instances
    happen to agree would pull the fit towards itself, and look sure of it too. Weights decide how good an estimate
    is, not whether its interval holds, so the power of N need not be right.

    Parameters
    ----------
    n, variances, freedom : (sizes,) arrays
        N, sample variances and their degrees of freedom.
    """
    expected = special.digamma(freedom / 2) - np.log(freedom / 2)  # of the logarithm of chi^2 over its freedom
    line = np.polyfit(np.log(n), np.log(variances) - expected, 1, w=np.sqrt(freedom))
    return np.asarray(np.exp(np.polyval(line, np.log(n))))


def combined(coefficients: Array, variances: Array, freedom: Array) -> tuple[float, float]:
    """Return the standard error of a sum of independent means, and its degrees of freedom.

    Parameters
    ----------
    coefficients, variances, freedom : (sizes,) arrays
        Of each mean: what it is multiplied with, its estimated variance, and that estimate's degrees of freedom.

    Notes
    -----
    F. E. Satterthwaite, Biometrics Bull. 2, 110 (1946).
    """
    shares = coefficients**2 * variances
    total = float(shares.sum())
    return float(np.sqrt(total)), float(total**2 / (shares**2 / freedom).sum())


def quantile(level: float, freedom: float) -> float:
    """Standard errors on either side of an estimate that make an interval of this level."""
    return float(stats.t.ppf(0.5 + level / 2, freedom))


def surprise(t: Array, freedom: Array) -> Array:
    """Squares of the normal deviates that are as improbable as these of Student's law, to 6%.

    Residuals in units of standard errors of 3 and of 400 instances are so made comparable.

    Notes
    -----
    D. L. Wallace, Ann. Math. Stat. 30, 1121 (1959).
    """
    scale = ((8 * freedom + 1) / (8 * freedom + 3)) ** 2
    return np.asarray(scale * freedom * np.log1p(t**2 / freedom))


def p_value(
    statistic: float, left: Array, errors: Array, freedom: Array, draws: int, rng: np.random.Generator
) -> float:
    """Chance of a sum of surprises as large, if the law is right and the scatter over instances normal.

    Parameters
    ----------
    statistic : float
        Sum of the surprises of the residuals in units of their own standard errors.
    left : (sizes, sizes) array
        What the fit leaves of errors of the means: residuals = left @ errors.
    errors, freedom : (sizes,) arrays
        Standard errors of the means, and their degrees of freedom.
    draws : int
        Simulations, in which standard errors scatter as they do in data. The p-value is at least 1/(draws + 1).
    rng : Generator
    """
    means = rng.standard_normal((draws, len(errors))) * errors
    measured = errors * np.sqrt(rng.chisquare(freedom, (draws, len(errors))) / freedom)
    drawn = surprise(means @ left.T / measured, freedom).sum(axis=1)
    return float((1 + (drawn >= statistic).sum()) / (draws + 1))
