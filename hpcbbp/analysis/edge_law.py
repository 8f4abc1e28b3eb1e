"""Which law the distance of the lowest eigenvalue from its limit follows: N^(-2/3), A/log N or A/(log N + B).

A sharp edge of the bulk is reached as N^(-2/3) (Tracy, Widom), a smooth one, rho ~ exp(-A/x), as 1/log N, with
corrections that a second constant takes up (arXiv:2510.18435; docs/finite-n.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from scipy.stats import chi2 as chi2_law

from hpcbbp.errors import InputError

Array = NDArray[np.float64]

LAWS: dict[str, tuple[str, ...]] = {"power": ("c",), "log": ("A",), "shifted log": ("A", "B")}
"""Laws c N^(-2/3), A/log N, A/(log N + B), and their constants.

The last is fitted as 1/(b_0 + b_1 log N), A = 1/b_1, B = b_0/b_1, which is regular where the distances do not fall at
all (b_1 = 0). Where b_1 <= 0, in the fit or at an end of an interval, A and B are infinite: no decay is seen.
"""

_FEWEST = 3  # instances of one N: fewer have no standard error worth the name


@dataclass(frozen=True)
class LawFit:
    """One law, fitted.

    Attributes
    ----------
    law : str
        A key of LAWS.
    constants, low, high : tuple of float
        In the order of LAWS[law]; low and high are bootstrap percentiles.
    chi2 : float
        Sum of squared residuals over squared standard errors of the means.
    aic : float
        Akaike's information criterion, chi2 + 2 constants. The errors are taken as known, which needs no correction
        for few points.
    weight : float
        Akaike weight among the laws fitted: how sure, if one of them is right.
    p_value : float
        Probability of a chi2 at least as large if this law is right and the means normal; small: it is not. With a
        handful of instances of some N the true one is larger, their standard errors being uncertain.
    """

    law: str
    constants: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    chi2: float
    aic: float
    weight: float
    p_value: float


def _power(n: Array, c: float) -> Array:
    curve: Array = c * n ** (-2.0 / 3.0)
    return curve


def _log(n: Array, A: float) -> Array:
    curve: Array = A / np.log(n)
    return curve


def _shifted(n: Array, b_0: float, b_1: float) -> Array:
    curve: Array = 1.0 / (b_0 + b_1 * np.log(n))
    return curve


_CURVES: dict[str, Callable[..., Array]] = {"power": _power, "log": _log, "shifted log": _shifted}


def _fit(law: str, n: Array, means: Array, errors: Array) -> Array:
    """Weighted least squares."""
    if law != "shifted log":  # linear
        unit = _CURVES[law](n, 1.0) / errors
        return np.array([unit @ (means / errors) / (unit @ unit)])
    # 1/d is a line in log N. Its values at the two ends, both > 0, keep the fit away from the pole.
    along = np.log(n / n[0]) / np.log(n[-1] / n[0])
    scale = 1 / np.abs(means).max()
    ends = curve_fit(
        lambda t, first, last: 1 / (first + (last - first) * t), along, means,
        p0=np.clip(1 / np.maximum(means[[0, -1]], 1e-3 / scale), 0.1 * scale, 1e3 * scale),
        sigma=errors, absolute_sigma=True, bounds=(1e-2 * scale, 1e4 * scale), max_nfev=2000,
    )[0]  # fmt: skip
    b_1 = (ends[1] - ends[0]) / np.log(n[-1] / n[0])
    return np.array([ends[0] - b_1 * np.log(n[0]), b_1])


def _named(law: str, drawn: Array) -> Array:
    """Constants of LAWS from those fitted, row by row."""
    if law != "shifted log":
        return drawn
    b_0, b_1 = drawn.T
    falls = b_1 > 0
    slope = np.where(falls, b_1, 1.0)
    return np.column_stack([np.where(falls, 1 / slope, np.inf), np.where(falls, b_0 / slope, np.inf)])


def edge_laws(
    distances: Mapping[int, Sequence[float]], *, resamples: int = 400, level: float = 0.9, seed: int = 0
) -> list[LawFit]:
    """Fit the three laws to distances lambda_1 - lambda_-, best first.

    Parameters
    ----------
    distances : mapping of N to the distances of its instances
        At least 3 sizes N >= 10, at least 3 instances each, means > 0.
    resamples : int
        Bootstrap samples: instances are drawn again within each N.
    level : float
        Of the intervals.
    seed : int
        Of the bootstrap.

    Raises
    ------
    InputError
        Too few sizes or instances, numbers that are not finite, a level outside (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise InputError(f"level = {level}: intervals have a level between 0 and 1, such as 0.9")
    if len(distances) < 3:
        raise InputError(f"{len(distances)} sizes N: a law is fitted to at least 3")
    sizes = sorted(distances)
    samples = [np.asarray(distances[n], dtype=float) for n in sizes]
    for size, sample in zip(sizes, samples, strict=True):
        if size < 10 or len(sample) < _FEWEST or not np.isfinite(sample).all() or sample.std() == 0.0:
            raise InputError(
                f"N = {size}: at least {_FEWEST} finite, different distances of N >= 10 are wanted, not {len(sample)}"
            )
    n = np.array(sizes, dtype=float)
    means = np.array([sample.mean() for sample in samples])
    errors = np.array([sample.std(ddof=1) / np.sqrt(len(sample)) for sample in samples])
    if (means <= 0).any():
        raise InputError(
            f"N = {sizes[int(means.argmin())]}: the mean distance is {means.min():.3g}; laws of decay are > 0"
        )
    rng = np.random.default_rng(seed)
    again = np.array([[rng.choice(sample, len(sample)).mean() for sample in samples] for _ in range(resamples)])
    fits = []
    for law, names in LAWS.items():
        constants = _fit(law, n, means, errors)
        chi2 = float((((means - _CURVES[law](n, *constants)) / errors) ** 2).sum())
        aic = chi2 + 2 * len(names)
        drawn = np.array([_fit(law, n, row, errors) for row in again])
        ends = [(1 - level) / 2, (1 + level) / 2]
        low, high = np.quantile(_named(law, drawn), ends, axis=0, method="nearest")  # no mean with an infinity
        fits.append((law, _named(law, constants[None])[0], low, high, chi2, aic))
    best = min(fit[5] for fit in fits)
    weights = np.array([np.exp(-(fit[5] - best) / 2) for fit in fits])
    weights /= weights.sum()
    found = [
        LawFit(
            law,
            tuple(map(float, c)),
            tuple(map(float, low)),
            tuple(map(float, high)),
            chi2,
            aic,
            float(w),
            float(chi2_law.sf(chi2, len(n) - len(c))),
        )
        for (law, c, low, high, chi2, aic), w in zip(fits, weights, strict=True)
    ]
    return sorted(found, key=lambda fit: -fit.weight)
