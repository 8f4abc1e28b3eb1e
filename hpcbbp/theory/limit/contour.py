r"""Averages beyond a smooth edge: along yhat = |yhat| exp(-i psi), y = |y| exp(i phi), where nothing is singular.

E of docs/theory.md (5) has the denominator a + (1 - gamma) y + gamma c yhat, which vanishes at some y > 0 for every
real gamma > 1. Turned so, both terms that vary have a negative imaginary part for gamma in the upper half-plane, and
below it as long as arg(gamma - 1) > -phi: the averages there are the analytic continuation from Im gamma > 0, that is
Im g < 0, where g(x + i0) is. arXiv:2510.18435 has the averages; the continuation is ours (docs/theory.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.theory.limit.bulk import Averages, averages
from hpcbbp.theory.limit.quadrature import chi2_rule

_TEACHER, _STUDENT = 1.0, 0.7  # of y, which must pass a pole, and of yhat
_NEGLIGIBLE = 1e-18  # weights, which sum to 1


def angle(k: float, most: float) -> float:
    """Angle by which chi2_k may be turned: the weights grow like exp(k angle^2 / 4)."""
    return 0.0 if k == math.inf else min(most, 2.1 * most / math.sqrt(k))


def turned(model: Averages, teacher: float, student: float) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """yhat, y and weights of all pairs of nodes, (K,) each, with y turned by at most `teacher`, yhat by `student`."""
    k = model.p if model.kinds[0][0] == 3.0 else math.inf  # without d1 there are infinitely many units
    yhat, w_hat = chi2_rule(k, model.a, -angle(k, student))
    y, w = chi2_rule(model.p_star, model.a, angle(model.p_star, teacher))
    weights = w_hat[:, None] * w[None, :]
    keep = np.abs(weights) > _NEGLIGIBLE
    return (
        np.broadcast_to(yhat[:, None], weights.shape)[keep],
        np.broadcast_to(y[None, :], weights.shape)[keep],
        weights[keep],
    )


@dataclass(frozen=True)
class Continued:
    """Averages at one complex g = -p gamma / 2.

    Attributes
    ----------
    gamma, g : complex
    bulk, teacher : (2,) arrays
        <t[E^j]> and <y t[E^j]>, j = 1, 2.
    signal, signal_slope : complex
        S of docs/theory.md (7), and dS/dgamma.
    products : (3,) array
        <E_0^2>, <E_0 E_1>, <E_1^2> of the two kinds of eigenvalues of D; E_0 is 0 for p = 1, E_1 for p = inf.
    """

    gamma: complex
    g: complex
    bulk: NDArray[np.complex128]
    teacher: NDArray[np.complex128]
    signal: complex
    signal_slope: complex
    products: NDArray[np.complex128]

    def z(self, alpha: float) -> complex:
        """z(g): docs/theory.md (1)."""
        return complex(1.0 / self.g + alpha * self.bulk[0])

    def overlap2(self, alpha: float) -> complex:
        """z'/(z' - theta'): docs/theory.md (4)."""
        slope = -1.0 / self.g**2 + alpha * self.bulk[1]
        return complex(slope / (slope - alpha * self.teacher[1]))


class Continuation:
    """Averages of one model beyond its smooth edge."""

    def __init__(self, model: Averages) -> None:
        self.model = model
        self.angle = angle(model.p_star, _TEACHER)
        self._yhat, self._y, self._weights = turned(model, _TEACHER, _STUDENT)

    def at(self, gamma: complex) -> Continued:
        """All averages at one gamma with arg(gamma - 1) > -angle."""
        y, a, p = self._y, self.model.a, self.model.p
        bulk, teacher = np.zeros(2, dtype=np.complex128), np.zeros(2, dtype=np.complex128)
        signal, slope = 0j, 0j
        found: dict[float, NDArray[Any]] = {1.0: np.zeros(1), 3.0: np.zeros(1)}
        for c, share in self.model.kinds:
            B, weights = c * self._yhat, share * self._weights
            inverse = 1.0 / (a + (1.0 - gamma) * y + gamma * B)
            E = found[c] = (2.0 / p) * (B - y) * inverse
            term = weights * y * (a + B) * inverse**2
            signal += term.sum()
            slope += 2.0 * (term * (y - B) * inverse).sum()
            for j in range(2):
                weights = weights * E
                bulk[j] += weights.sum()
                teacher[j] += weights @ y
        products = np.array([(self._weights * found[c] * found[d]).sum() for c, d in ((1, 1), (1, 3), (3, 3))])
        unit = 2.0 / self.model.p_star
        return Continued(
            gamma, -0.5 * p * gamma, bulk, teacher, unit * gamma * signal, unit * (signal + gamma * slope), products
        )


@lru_cache(maxsize=64)
def continuation(p: float, p_star: int, a: float) -> Continuation:
    """The averages of a model beyond its edge, built once; its values have been checked."""
    return Continuation(averages(p, p_star, a))
