"""Which law the distance of the lowest eigenvalue from its limit follows: N^(-2/3), A/log N or A/(log N + B).

A sharp edge of the bulk is reached as N^(-2/3) (Tracy, Widom), a smooth one, rho ~ exp(-A/x), as 1/log N, with
corrections that a second constant takes up (arXiv:2510.18435; docs/finite-n.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from hpcbbp.analysis.fieller import Zero, zero_of_line
from hpcbbp.analysis.student import REJECTED, combined, p_value, quantile, smoothed_variances, surprise
from hpcbbp.errors import InputError

Array = NDArray[np.float64]

LAWS: dict[str, tuple[str, ...]] = {"power": ("c",), "log": ("A",), "shifted log": ("A", "B")}
"""Laws c N^(-2/3), A/log N, A/(log N + B), and their constants.

The last is fitted as 1/(b_0 + b_1 log N), A = 1/b_1, B = b_0/b_1, which is regular where the distances do not fall at
all (b_1 = 0). Where b_1 <= 0, in the fit or at an end of an interval, A and B are infinite: no decay is seen.
"""

_FEWEST = 3  # instances of one N: fewer have no standard error worth the name
_DRAWS = 1000
_FREEDOM = 30  # instances beyond one an N: with less, 90% intervals of skewed scatter cover 0.8


@dataclass(frozen=True)
class LawFit:
    """One law, fitted.

    Attributes
    ----------
    law : str
        A key of LAWS.
    constants, low, high : tuple of float
        In the order of LAWS[law].
    chi2 : float
        Sum of squared residuals over squared standard errors of the means, each taken for the normal deviate that
        is as improbable as it is by Student's law: with many instances at every N chi^2 as it is known.
    aic : float
        Akaike's information criterion, chi2 + 2 constants.
    weight : float
        Akaike weight among the laws fitted: how sure, if one of them is right.
    p_value : float
        Probability of a chi2 at least as large if this law is right and the scatter normal, by simulation with as
        many instances; small: the law is not right. At least 1/(draws + 1).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> distances = {n: n ** (-2 / 3) * (1 + 0.1 * rng.standard_normal(40)) for n in (100, 1000, 10000)}
    >>> fits = edge_laws(distances, draws=1000)
    >>> len(fits), round(sum(fit.weight for fit in fits), 6)
    (3, 1.0)
    """

    law: str
    constants: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    chi2: float
    aic: float
    weight: float
    p_value: float

    @property
    def rejected(self) -> bool:
        """Whether the data contradict the law: its constants and their intervals then mean nothing."""
        return self.p_value < REJECTED


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


@dataclass(frozen=True)
class _Data:
    """Distances of all sizes, (sizes,) arrays.

    N and means over instances; variances of the means from the instances of each N alone, and their degrees of
    freedom; variances and degrees of freedom for intervals, from other N too; weights of a fit.
    """

    n: Array
    means: Array
    own: Array
    own_freedom: Array
    variances: Array
    freedom: Array
    weights: Array


def _fit(law: str, data: _Data) -> Array:
    """Weighted least squares."""
    n, means = data.n, data.means
    if law != "shifted log":  # linear
        unit = _CURVES[law](n, 1.0)
        return np.array([data.weights * unit @ means / (data.weights * unit @ unit)])
    # 1/d is a line in log N. Its values at the two ends, both > 0, keep the fit away from the pole.
    along = np.log(n / n[0]) / np.log(n[-1] / n[0])
    scale = 1 / np.abs(means).max()
    ends = curve_fit(
        lambda t, first, last: 1 / (first + (last - first) * t), along, means,
        p0=np.clip(1 / np.maximum(means[[0, -1]], 1e-3 / scale), 0.1 * scale, 1e3 * scale),
        sigma=data.weights**-0.5, absolute_sigma=True, bounds=(1e-2 * scale, 1e4 * scale), max_nfev=2000,
    )[0]  # fmt: skip
    b_1 = (ends[1] - ends[0]) / np.log(n[-1] / n[0])
    return np.array([ends[0] - b_1 * np.log(n[0]), b_1])


def _slopes(law: str, fitted: Array, n: Array) -> Array:
    """Derivatives of a law's curve by what is fitted: (sizes, constants)."""
    if law != "shifted log":
        return _CURVES[law](n, 1.0)[:, None]
    curve = _shifted(n, *fitted)
    return np.column_stack([-(curve**2), -(curve**2) * np.log(n)])


def _constants(law: str, fitted: Array, pull: Array, data: _Data, level: float) -> list[Zero]:
    """Constants of LAWS with intervals; pull: what is fitted, by the means (constants, sizes)."""
    if law == "shifted log":
        return _decay(fitted, pull, data, level)
    error, freedom = combined(pull[0], data.variances, data.freedom)
    reach = quantile(level, freedom) * error
    return [Zero(fitted[0], fitted[0] - reach, fitted[0] + reach)]


def _decay(fitted: Array, pull: Array, data: _Data, level: float) -> list[Zero]:
    """A = 1/b_1 and B = b_0/b_1: infinite as far as b_1 <= 0 is not excluded."""
    (b_0, b_1), covariance = fitted, pull * data.variances @ pull.T
    error, freedom = combined(pull[1], data.variances, data.freedom)
    reach = quantile(level, freedom) * error
    if b_1 + reach <= 0:
        return [Zero(math.inf, math.inf, math.inf)] * 2
    A = Zero(1 / b_1 if b_1 > 0 else math.inf, 1 / (b_1 + reach), 1 / (b_1 - reach) if b_1 > reach else math.inf)
    if b_1 > reach:  # the zero of b_1 x - b_0
        _, freedom = combined(pull[0] - b_0 / b_1 * pull[1], data.variances, data.freedom)
        signs = np.array([[1, -1], [-1, 1]])
        return [A, zero_of_line(-b_0, b_1, covariance * signs, level=level, freedom=freedom)]
    B, low = (b_0 / b_1 if b_1 > 0 else math.inf), -math.inf
    if b_0 > 0:  # from B up to infinity: 1/B is the zero of b_0 x - b_1
        signs = np.array([[1, -1], [-1, 1]])
        inverse = zero_of_line(-b_1, b_0, covariance[::-1, ::-1] * signs, level=level, freedom=freedom)
        low = 1 / inverse.high if 0 < inverse.high < math.inf else -math.inf
    return [A, Zero(B, low, math.inf)]


def _read(distances: Mapping[int, Sequence[float]]) -> _Data:
    if len(distances) < 3:
        raise InputError(f"{len(distances)} sizes N: a law is fitted to at least 3")
    sizes = sorted(distances)
    samples = [np.asarray(distances[n], dtype=float) for n in sizes]
    for size, sample in zip(sizes, samples, strict=True):
        if size < 10 or len(sample) < _FEWEST or not np.isfinite(sample).all() or sample.std() == 0.0:
            raise InputError(
                f"N = {size}: at least {_FEWEST} finite, different distances of N >= 10 are wanted, not {len(sample)}"
            )
    n, counts = np.array(sizes, dtype=float), np.array([len(sample) for sample in samples], dtype=float)
    means = np.array([sample.mean() for sample in samples])
    if (means <= 0).any():
        raise InputError(
            f"N = {sizes[int(means.argmin())]}: the mean distance is {means.min():.3g}; laws of decay are > 0"
        )
    if (counts - 1).sum() < _FREEDOM:
        raise InputError(
            f"{counts.sum():.0f} instances at {len(sizes)} N: intervals hold from {_FREEDOM + len(sizes)} on"
        )
    scatter = np.array([sample.var(ddof=1) for sample in samples])
    freedom = np.asarray(counts - 1, dtype=float)
    smooth = smoothed_variances(n, scatter, freedom)
    # What is smoothed has the freedom of all sizes. Where it is larger, few instances agree by chance, or are skewed.
    larger, shared = np.maximum(scatter, smooth), np.where(smooth > scatter, freedom.sum(), freedom)
    return _Data(n, means, scatter / counts, freedom, larger / counts, shared, counts / smooth)


def edge_laws(
    distances: Mapping[int, Sequence[float]], *, draws: int = 4000, level: float = 0.9, seed: int = 0
) -> list[LawFit]:
    """Fit the three laws to distances lambda_1 - lambda_-, best first.

    Weights are the inverse variances of the means, with the variance over instances smoothed over N. Intervals are
    Student's: of the variance of each size itself, or of the smoothed one where that is larger, as it is by chance
    where few instances agree; degrees of freedom are Satterthwaite's. What is not linear is so by first derivatives,
    B by Fieller's theorem.

    Parameters
    ----------
    distances : mapping of N to the distances of its instances
        At least 3 sizes N >= 10, at least 3 instances each and 30 more in all than there are sizes, means > 0.
    draws : int
        Simulations for the p-values, at least 1000.
    level : float
        Of the intervals.
    seed : int
        Of the simulations.

    Raises
    ------
    InputError
        Too few sizes, instances or draws, numbers that are not finite, a level outside (0, 1).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> distances = {n: n ** (-2 / 3) * (1 + 0.1 * rng.standard_normal(40)) for n in (100, 1000, 10000)}
    >>> edge_laws(distances, draws=1000)[0].law
    'power'
    """
    if not 0.0 < level < 1.0:
        raise InputError(f"level = {level}: intervals have a level between 0 and 1, such as 0.9")
    if draws < _DRAWS:
        raise InputError(f"draws = {draws}: p-values near {REJECTED:g} need at least {_DRAWS}")
    data, rng = _read(distances), np.random.default_rng(seed)
    errors = np.sqrt(data.own)
    fits = []
    for law in LAWS:
        fitted = _fit(law, data)
        slopes = _slopes(law, fitted, data.n)
        root = np.sqrt(data.weights)
        pull = np.linalg.pinv(root[:, None] * slopes) * root
        residuals = data.means - _CURVES[law](data.n, *fitted)
        chi2 = float(surprise(residuals / errors, data.own_freedom).sum())
        p = p_value(chi2, np.eye(len(errors)) - slopes @ pull, errors, data.own_freedom, draws, rng)
        fits.append((law, _constants(law, fitted, pull, data, level), chi2, chi2 + 2 * len(LAWS[law]), p))
    best = min(aic for *_, aic, _ in fits)
    total = sum(math.exp(-(aic - best) / 2) for *_, aic, _ in fits)
    found = [
        LawFit(
            law,
            tuple(float(at.value) for at in constants),
            tuple(float(at.low) for at in constants),
            tuple(float(at.high) for at in constants),
            chi2,
            aic,
            math.exp(-(aic - best) / 2) / total,
            p,
        )
        for law, constants, chi2, aic, p in fits
    ]
    return sorted(found, key=lambda fit: -fit.weight)
