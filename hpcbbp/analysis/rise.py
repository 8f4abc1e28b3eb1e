"""Where a curve from a floor to a ceiling is 1/2: phi of finite N need not run from 0 to 1."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import expit, xlog1py, xlogy
from scipy.stats import chi2 as chi2_law

from hpcbbp.analysis.fieller import Zero

Array = NDArray[np.float64]

_NEAR = 0.005  # floor and ceiling stay so far from 1/2
_STEP = 0.02  # of the window: the first step away from the estimate
_STEEPEST = 20.0  # slope of the logarithmic odds, in units of the inverse of the smallest step in alpha


@dataclass(frozen=True)
class Rise:
    """A logistic curve from a floor below 1/2 to a ceiling above it.

    Attributes
    ----------
    half : float
        alpha where it is 1/2.
    slope : float
        Of the logarithmic odds of (phi - floor)/(ceiling - floor).
    floor, ceiling : float
        In [0, 1/2) and (1/2, 1].
    deviance : float
        From the counts.
    freedom : int
        Alphas minus 2, and minus the constants among floor and ceiling that are not at their bounds 0 and 1.
    """

    half: float
    slope: float
    floor: float
    ceiling: float
    deviance: float
    freedom: int

    @property
    def p_value(self) -> float:
        """Chance of a deviance as large, if phi is such a curve; 1 where nothing is left to test."""
        return float(chi2_law.sf(self.deviance, self.freedom)) if self.freedom > 0 else 1.0

    def __call__(self, alpha: Array) -> Array:
        """phi(alpha)."""
        below, above = 0.5 - self.floor, self.ceiling - 0.5
        return self.floor + (below + above) * expit(self.slope * (alpha - self.half) + math.log(below / above))


class RisingCurve:
    """Likelihood of counts under rising curves, in which the half point is one of the constants.

    Parameters
    ----------
    alpha, yes, trials : (alphas,) arrays
        At least two different alphas; yes need not be whole.
    """

    def __init__(self, alpha: Array, yes: Array, trials: Array) -> None:
        self._low, self._width = float(alpha.min()), float(np.ptp(alpha))
        self._x, self._yes, self._no, self._seen = (alpha - self._low) / self._width, yes, trials - yes, yes / trials
        self._saturated = float((xlogy(yes, self._seen) + xlog1py(self._no, -self._seen)).sum())
        steepest = math.log(_STEEPEST / float(np.diff(np.unique(self._x)).min()))
        self._bounds = [(math.log(0.3), steepest), (_NEAR, 0.5), (_NEAR, 0.5)]
        best = min((self._minimum(start) for start in self._starts()), key=lambda one: one[0])
        self._deviance, self._half, self._rest = best

    def _value(self, half: float, rest: Array) -> tuple[float, Array]:
        """Deviance with its derivatives by half, log slope, 1/2 - floor, ceiling - 1/2; alphas from 0 to 1."""
        slope, below, above = math.exp(rest[0]), rest[1], rest[2]
        part = expit(slope * (self._x - half) + math.log(below / above))
        phi = np.clip(0.5 - below + (below + above) * part, 1e-12, 1 - 1e-12)
        value = 2 * (self._saturated - float((xlogy(self._yes, phi) + xlog1py(self._no, -phi)).sum()))
        by_phi = 2 * (self._no / (1 - phi) - self._yes / phi)
        by_odds = by_phi * (below + above) * part * (1 - part)
        total = by_odds.sum()
        by_below, by_above = (by_phi * (part - 1)).sum() + total / below, (by_phi * part).sum() - total / above
        return value, np.array([-slope * total, (by_odds * slope * (self._x - half)).sum(), by_below, by_above])

    def _minimum(self, start: Array, fixed: float | None = None) -> tuple[float, float, Array]:
        """Deviance, half point and the rest at the minimum near a start, with the half point free or fixed."""
        ends = [(-1.0, 2.0) if fixed is None else (fixed, fixed), *self._bounds]

        def value(constants: Array) -> tuple[float, Array]:
            return self._value(float(constants[0]), constants[1:])

        found = minimize(value, start, jac=True, method="L-BFGS-B", bounds=ends)
        return max(float(found.fun), 0.0), float(found.x[0]), found.x[1:]

    def _starts(self) -> list[Array]:
        """Where the fractions pass 1/2: gently and steeply, from 0 to 1 and between the extremes of the fractions."""
        above = self._seen > 0.5
        first = self._x[above].min() if above.any() else 1.0
        last = self._x[~above].max() if (~above).any() else 0.0
        seen = np.clip([0.5 - self._seen.min(), self._seen.max() - 0.5], 0.02, 0.5)
        steep = min(math.log(25.0), self._bounds[0][1])
        middle, gentle = (first + last) / 2, math.log(6.0)
        return [np.array([middle, slope, *ends]) for slope in (gentle, steep) for ends in ((0.5, 0.5), seen)]

    def fit(self) -> Rise:
        """Most likely curve."""
        log_slope, below, above = map(float, self._rest)
        inside = sum(side < 0.5 - 1e-6 for side in (below, above))
        half, slope = self._low + self._half * self._width, math.exp(log_slope) / self._width
        return Rise(half, slope, 0.5 - below, 0.5 + above, self._deviance, len(self._x) - 2 - inside)

    def half_point(self, level: float) -> Zero:
        """Half point with the interval outside of which the profile likelihood is too small by its chi^2."""
        threshold = math.sqrt(float(chi2_law.ppf(level, 1)))
        low, high = (self._end(far, threshold) for far in (-1.0, 2.0))
        found = [self._low + end * self._width for end in (self._half, low, high)]
        return Zero(*found)

    def _end(self, far: float, threshold: float) -> float:
        """End of the interval on the side of far; infinite if the likelihood does not exclude far."""
        infinite = math.copysign(math.inf, far)
        there = min(self._minimum(start, far)[0] for start in self._starts()[1::2])
        if math.sqrt(max(there - self._deviance, 0.0)) <= threshold:
            return infinite
        rest, known = self._rest, {self._half: -threshold}

        def excess(half: float) -> float:
            nonlocal rest  # the next half point is near, and so is the rest
            if half not in known:
                deviance, _, rest = self._minimum(np.array([half, *rest]), half)
                known[half] = math.sqrt(max(deviance - self._deviance, 0.0)) - threshold
            return known[half]

        step = math.copysign(_STEP, far)
        near, beyond = self._half, self._half + step
        while excess(beyond) <= 0:
            step *= 2
            near, beyond = beyond, beyond + step
            if abs(beyond) > 10 * abs(far):
                return infinite
        return float(brentq(excess, near, beyond, xtol=1e-4, rtol=1e-4))
