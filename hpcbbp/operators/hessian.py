"""The Hessian of the loss at the student's weights: H = sum_mu D_mu (x) x_mu x_mu^T, never formed.

Vectors of R^(pN) are ordered by input dimension first: entry (k, i) stands at i p + k, so that the part of
one rank, reshaped to (n_local, p), is a block of columns for the data matrix.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hpcbbp.data.base import DataMatrix
from hpcbbp.errors import InputError
from hpcbbp.model.curvature import Curvature
from hpcbbp.operators.base import Operator
from hpcbbp.operators.units import TOP, overflow

Array = NDArray[np.float64]

_FLOAT32 = 24  # |log2| of D and x; sums of D x^2 v over 2^40 of them are below 2^127


class Hessian(Operator):
    """Symmetric operator on R^(pN), known by its products: V -> X^T (D (X V)).

    Parameters
    ----------
    data : DataMatrix
        X, of any maker.
    curvature : Curvature
        D_mu of this rank's samples.

    Examples
    --------
    >>> from hpcbbp import Problem, gaussian_instance
    >>> H = gaussian_instance(Problem(p=2, p_star=1, alpha=3.0, a=1.5), n=100).hessian
    >>> H.size, H.linear_operator().shape
    (200, (200, 200))
    """

    data: DataMatrix

    remedy = "scale X and the weights so that |x_mu| is near 1, |w| near sqrt(N)"

    def __init__(self, data: DataMatrix, curvature: Curvature) -> None:
        rows, columns = len(data.rows), data.columns
        if curvature.vector.shape[0] != rows:
            raise ValueError(f"curvatures of {curvature.vector.shape[0]} samples, the data have {rows} on this rank")
        self.data, self.fixed = data, data.fixed
        self.curvature = curvature
        self.p = p = int(curvature.vector.shape[1])
        super().__init__(p * data.n, data.group, range(p * columns.start, p * columns.stop), "the Hessian")

    @property
    def part(self) -> tuple[int, ...]:
        """(n_local, p)."""
        return len(self.data.columns), self.p

    def _product(self, v: Array) -> Array:
        block = np.reshape(v, (-1, self.p))
        product = self.data.quick_product if self.quick else self.data.curvature_product
        return product(block, self.curvature).reshape(-1)

    def exponent(self) -> float:
        """log2 of a bound on the terms D x^2 that H is a sum of; -inf if they are zero. Collective.

        Raises
        ------
        InputError
            For inf, NaN and numbers whose products overflow.
        """
        size, entry = self._exponents()
        exponent = size + 2 * entry
        if not exponent <= TOP:  # NaN for inf times zero
            raise InputError(overflow(self, 2.0**exponent if exponent < 1023 else math.inf))
        return exponent

    def may_be_quick(self) -> bool:
        """Whether the data have such products, and X, D and these are far from the ends of float32. Collective."""
        quick = self.group.smallest(float(self.data.quick)) > 0
        return quick and all(abs(exponent) < _FLOAT32 for exponent in self._exponents())

    def _exponents(self) -> tuple[float, float]:
        """log2 of the largest |D| and of the largest entry of X, -inf for zero, inf for what is not finite."""
        group, largest = self.group, self.curvature.largest()
        finite = group.smallest(float(math.isfinite(largest)))
        size, entry = group.largest(largest if math.isfinite(largest) else 0.0), group.largest(self.data.largest)
        if min(size, entry) <= 0 and finite:
            return -math.inf, -math.inf
        return math.log2(size) if finite else math.inf, math.log2(entry) if entry > 0 else 0.0

    def vanishes(self, v: Array) -> bool:
        """Whether a product that came out zero is zero by underflow alone. Collective."""
        data, D = self.data, self.curvature
        along = np.abs(data.project(np.reshape(v, (-1, self.p)))).max(initial=0.0)
        with np.errstate(divide="ignore"):
            curved = np.log2(np.abs(D.weight)) + 2 * np.log2(np.abs(D.vector).max(axis=1, initial=0.0))
            curved = np.maximum(curved, np.log2(np.abs(D.diagonal).max(axis=1, initial=0.0)))
            size = float(curved.max(initial=-math.inf)) + 2 * float(np.log2(along))
        return -math.inf < data.group.largest(size) < -TOP
