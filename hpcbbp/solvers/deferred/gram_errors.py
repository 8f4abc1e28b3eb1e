"""What is known of the errors of sums over samples, where the Gram matrix of the left queries comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ROUNDOFF = 8.0  # units of an entry of a Gram matrix, over the sizes of what it is a sum of
_LOST = 2.0  # quanta, over the root of the number of panels: five standard deviations
_FIXED = 2.0**-53


@dataclass(frozen=True)
class GramErrors:
    """Errors of a Gram matrix that comes from moments of single images.

    Parameters
    ----------
    unit : float
        Rounding of the arithmetic within panels.
    quantum : float
        A step of fixed point, times the square root of the number of panels.
    reach : float
        A bound of |D R_i|, for p > 1.
    """

    unit: float = _FIXED
    quantum: float = 0.0
    reach: float = 0.0

    def terms(self, W: Array, B: Array) -> Array:
        """sum_i |w_i| |D R_i| for block vectors W (r, k, p): what rounding of U_w acts on, (r,).

        With float32 sums its size if signs were random: their errors are large enough for bounds to be useless.
        """
        if W.shape[2] == 1:
            squares = np.maximum(B.diagonal(), 0.0)
            if self.random:
                return np.asarray(np.sqrt(W[:, :, 0] ** 2 @ squares))
            return np.asarray(np.abs(W[:, :, 0]) @ np.sqrt(squares))
        bounds: Array = self.reach * np.abs(W).sum(axis=(1, 2))
        return bounds

    @property
    def random(self) -> bool:
        """Whether signs count as random."""
        return self.unit > _FIXED

    def combined(self, own: float, y: Array, others: Array) -> float:
        """Terms of U - sum_i y_i U_i from terms of U and of the U_i."""
        return math.hypot(own, float(np.linalg.norm(y * others))) if self.random else float(own + y @ others)

    def unsure(self, terms: float, sizes: float, y: Array, p: int) -> float:
        """Error of |U - sum_i y_i U_i|^2, given sums of |y_i| times terms, and times lengths.

        For p = 1 both factors of an entry are sums over single images; else one is a left query itself.
        """
        rounded = _ROUNDOFF * self.unit * terms * (terms if p == 1 else sizes)
        return rounded + _LOST * self.quantum * p * (1.0 + float(y @ y))


class Finer(Protocol):
    """Sums over the remainder of a left query itself, in passes of their own. Both methods are collective."""

    enough: float
    """Times its error: a remainder longer than that is known well enough from moments."""

    def agreed(self, doubt: bool) -> bool:
        """What the first rank thinks, on every rank."""

    def remainder(self, G: Array, bound: float) -> tuple[Array, float, float]:
        """R^T D_q U of U = sum_q D_q R G_q with |U| <= bound: (k, parts, 1), |U|^2 and the error of the latter."""
