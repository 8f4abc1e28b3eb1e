r"""Averages over chi-square variables by a rule that adapts, also where integrands are nearly singular.

With x = exp(t) the rational functions that are averaged have their singularities at |Im t| = pi, however
small the loss constant a, and the densities of chi2_k / k decay for |Im t| < pi/2: the trapezoidal rule in t
converges geometrically at a rate that does not depend on a, where Gauss-Laguerre rules of hundreds of nodes
are wrong by 1e-2. For k = 1 the left tail exp(t/2) is long; t = u - exp(u0 - u) shortens it
double-exponentially (with u0 so far left that the integrand is constant there). The step is reduced until
probes agree.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_TAIL = 42.0  # what adds less than exp(-42), 6e-19, of the largest term is left out
_AGREE = 1e-12  # of two successive rules, in every probe, relative; the finer one is then right to rounding


def _rule(k: int, a: float, step: float, angle: float = 0.0) -> tuple[NDArray[Any], NDArray[Any]]:
    # Fine over (-60 .. 8) for k = 1, and over a few standard deviations sqrt(2/k) of log x for large k.
    u0 = min(np.log(a), 0.0) - 4.0
    u = step * np.arange(np.floor((u0 - 6.0) / step), np.ceil(6.0 / step) + 1.0)
    shift = np.exp(u0 - u)
    t = u - shift
    rotated = t + 1j * angle if angle else t
    log_weight = 0.5 * k * (rotated - np.expm1(rotated)) + np.log1p(shift)
    # Third moments and third inverse powers of a + x live further out than the weight itself.
    size = log_weight.real
    scores = (size + 3.0 * np.maximum(t, 0.0), size - 3.0 * np.log(a + np.exp(t)))
    keep = np.logical_or.reduce([score > score.max() - _TAIL for score in scores])
    # Normalised by its own sum: log Gamma(k/2) would bring in the rounding of a large number for large k.
    weight = np.exp(log_weight[keep])
    return np.exp(rotated[keep]), weight / weight.sum()


def _probes(a: float, x: NDArray[Any], w: NDArray[Any]) -> NDArray[Any]:
    """Averages known, or of the kind wanted: moments 1 to 3, and inverse powers of a + x and a + 3x."""
    forms = [x, x**2, x**3]
    for c in (1.0, 3.0):
        inverse = 1.0 / (a + c * x)
        ratio = x * inverse
        forms += [inverse, ratio * inverse, inverse**3, ratio**3]
    return np.array([np.dot(w, f) for f in forms])


def _read_only(values: NDArray[Any]) -> NDArray[Any]:
    values.setflags(write=False)
    return values


@lru_cache(maxsize=256)
def chi2_rule(k: float, a: float, angle: float = 0.0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Nodes and weights for averages over x ~ chi2_k / k of functions that vary on scales of a and above.

    Parameters
    ----------
    k : int or inf
        Degrees of freedom, >= 1; x = 1 for infinitely many.
    a : float
        Smallest scale of the functions (poles at x <= -a / 3), > 0.
    angle : float
        Integrate along x = |x| exp(i angle), |angle| < pi/2: the same average of an analytic function, away from
        poles on the other side. The weights grow like exp(k angle^2 / 4), so angle <~ 2 k^(-1/2).

    Returns
    -------
    x, w : arrays
        <f> = sum w f(x), to a few units of rounding for the functions that theory needs. Read-only: they are kept.

    Raises
    ------
    ArithmeticError
        If the rule does not settle (seen only for a < 1e-29).
    """
    if k == np.inf:
        return _read_only(np.ones(1)), _read_only(np.ones(1))
    step = 0.5 * min(1.0, np.sqrt(2.0 / k))
    last = None
    for _ in range(8):
        x, w = _rule(int(k), a, step, angle)
        probes = _probes(a, x, w)
        if last is not None and np.all(np.abs(probes - last) <= _AGREE * np.abs(probes)):
            return _read_only(x), _read_only(w)
        last = probes
        step *= 0.7
    raise ArithmeticError(f"quadrature over chi2_{k}/{k} did not settle at a = {a}")
