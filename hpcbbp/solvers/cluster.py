"""The cluster of the outliers: which pairs are eigenpairs of their own, and means that need no such pair.

The p p* outliers differ by N^(-1/2) alone, so a Krylov method knows their span long before it knows each of them.
Means over the span are good by then. With R = H Q - Q Theta of an orthonormal basis Q of k Ritz vectors, delta below
all but the k lowest eigenvalues, the tangents T of the angles between their span and that of the k lowest vectors
have a norm |T|_F of at most |R|_F / delta (Davis and Kahan; Parlett, The Symmetric Eigenvalue Problem, chapter 11),
and Ritz values less eigenvalues add up to -tr(R^T T): at most |R|_F^2 / delta. What is behind the k lowest is taken
to begin where the next Ritz value, less its residual, is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ROUNDING = 1e-13  # of the largest known value, for what float64 leaves of values and residuals


@dataclass(frozen=True)
class Known:
    """Ritz pairs in ascending order: values, residual norms and m^2, (r,) each."""

    values: Array
    residuals: Array
    overlap2: Array

    def then(self, other: Known) -> Known:
        """These, and others behind them."""
        return Known(*(np.concatenate(pair) for pair in zip(_parts(self), _parts(other), strict=True)))


def _parts(known: Known) -> tuple[Array, Array, Array]:
    return known.values, known.residuals, known.overlap2


@dataclass(frozen=True)
class Cluster:
    """Means over the lowest p p* pairs.

    Attributes
    ----------
    pairs : int
        p p*.
    eigenvalue, overlap2 : float
        Means of lambda and m^2. The mean eigenvalue is not below that of the p p* lowest eigenvalues.
    eigenvalue_error, overlap2_error : float or None
        Bounds on what the means still miss, if no eigenvalue but the p p* lowest lies below the next Ritz value less
        its residual; None where that is not known, or is too near.

    Examples
    --------
    >>> known = Known(np.array([-1.1, -1.0, -0.8]), np.array([1e-8, 1e-8, 1e-8]), np.array([0.6, 0.4, 0.0]))
    >>> mean = cluster_of(known, 2)
    >>> round(mean.eigenvalue, 3), round(mean.overlap2, 3), mean.overlap2_error < 1e-6
    (-1.05, 0.5, True)
    """

    pairs: int
    eigenvalue: float
    eigenvalue_error: float | None
    overlap2: float
    overlap2_error: float | None


def cluster_of(known: Known, pairs: int) -> Cluster | None:
    """Means over the first `pairs` of known Ritz pairs; None for fewer, or if they are not ascending."""
    if len(known.values) < pairs or (np.diff(known.values) < 0).any():
        return None
    values, size = known.values[:pairs], float(np.linalg.norm(known.residuals[:pairs]))
    error, sine = None, math.inf
    if len(known.values) > pairs:
        delta = float(known.values[pairs] - known.residuals[pairs] - values[-1])
        if delta > 0:
            rounding = _ROUNDING * float(np.abs(known.values).max())
            error = size**2 / delta / pairs + rounding
            sine = size / delta + _ROUNDING
    return Cluster(
        pairs, float(values.mean()), error, float(known.overlap2[:pairs].mean()), sine if sine < 1 else None
    )


def separated(known: Known, pairs: int) -> list[bool]:
    """Whether the residual of each of the first pairs keeps it apart from every other known Ritz value.

    A pair that is not may be a mixture of eigenvectors of the cluster, and its m^2 their weighted mean. One that is
    has an eigenvalue of its own, and a vector as good as its residual over the distance to the next; of eigenvalues
    that nothing is known of this says nothing.
    """
    distances = np.abs(np.subtract.outer(known.values, known.values))
    np.fill_diagonal(distances, math.inf)
    apart = distances > np.add.outer(known.residuals, known.residuals)
    return [bool(row.all()) for row in apart[:pairs]]
