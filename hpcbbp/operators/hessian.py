"""The Hessian of the loss at the student's weights: H = sum_mu D_mu (x) x_mu x_mu^T, never formed.

Vectors of R^(pN) are ordered by input dimension first: entry (k, i) stands at i p + k, so that the part of
one rank, reshaped to (n_local, p), is a block of columns for the data matrix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator

from hpcbbp.data.base import DataMatrix
from hpcbbp.errors import InputError
from hpcbbp.machine import petsc
from hpcbbp.model.curvature import Curvature

Array = NDArray[np.float64]

ORDINARY = 300  # |log2| of sizes whose squares, and rounding errors squared, are far from the ends of float64
_FLOAT32 = 24  # |log2| of D and x; sums of D x^2 v over 2^40 of them are below 2^127
_TOP = 1000  # beyond it numbers of the product itself lose digits or overflow


class Hessian:
    """Symmetric operator on R^(pN), known by its products: V -> X^T (D (X V)).

    Parameters
    ----------
    data : DataMatrix
        X, of any maker.
    curvature : Curvature
        D_mu of this rank's samples.

    Attributes
    ----------
    products : int
        Products made so far.
    quick : bool
        Whether products are made in float32 arithmetic, if the data have that (DataMatrix.quick_product).
    failure : BaseException or None
        What ended a product that PETSc called.
    """

    def __init__(self, data: DataMatrix, curvature: Curvature) -> None:
        rows = len(data.rows)
        if curvature.vector.shape[0] != rows:
            raise ValueError(f"curvatures of {curvature.vector.shape[0]} samples, the data have {rows} on this rank")
        self.data = data
        self.curvature = curvature
        self.p = int(curvature.vector.shape[1])
        self.products = 0
        self.quick = False
        self.failure: BaseException | None = None

    @property
    def size(self) -> int:
        """Order p N of the matrix."""
        return self.p * self.data.n

    @property
    def local_size(self) -> int:
        """Entries of a vector that this rank owns."""
        return self.p * len(self.data.columns)

    def apply(self, v: Array) -> Array:
        """H v; v and the result are this rank's part, (local_size,). Collective."""
        self.products += 1
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
        if not exponent <= _TOP:  # NaN for inf times zero
            raise InputError(_OVERFLOW.format(2.0**exponent if exponent < 1023 else math.inf))
        return exponent

    def ordinary(self) -> bool:
        """Whether X, D and their products are far from the ends of float32. Collective."""
        return all(abs(exponent) < _FLOAT32 for exponent in self._exponents())

    def _exponents(self) -> tuple[float, float]:
        """log2 of the largest |D| and of the largest entry of X, -inf for zero, inf for what is not finite."""
        group, largest = self.data.group, self.curvature.largest()
        finite = group.smallest(float(math.isfinite(largest)))
        size, entry = group.largest(largest if math.isfinite(largest) else 0.0), group.largest(self.data.largest)
        if min(size, entry) <= 0 and finite:
            return -math.inf, -math.inf
        return math.log2(size) if finite else math.inf, math.log2(entry) if entry > 0 else 0.0

    def linear_operator(self) -> LinearOperator:
        """H for scipy (eigsh and friends); one process only."""
        if self.data.group.size > 1:
            raise ValueError(f"a scipy operator lives in one process, the data are on {self.data.group.size} ranks")
        return LinearOperator((self.size, self.size), matvec=self.apply, rmatvec=self.apply, dtype=np.float64)

    @contextmanager
    def petsc_matrix(self, apply: Callable[[Array], Array] | None = None) -> Iterator[Any]:
        """H as a PETSc shell (Python) matrix, destroyed at the end of the block. Collective.

        Parameters
        ----------
        apply : callable, optional
            Product in place of this one's (Scaled.apply).
        """
        from petsc4py import PETSc

        local, size = self.local_size, self.size
        matrix = PETSc.Mat().create(comm=self.data.group.comm or PETSc.COMM_SELF)
        try:
            matrix.setSizes([[local, size], [local, size]])
            matrix.setType(PETSc.Mat.Type.PYTHON)
            matrix.setPythonContext(_ShellContext(self, apply or self.apply))
            matrix.setUp()
            matrix.setOption(PETSc.Mat.Option.SYMMETRIC, True)
            yield matrix
        finally:
            petsc.destroy(matrix)


_OVERFLOW = (
    "products with the Hessian overflow ({:.1e}): X or the curvatures hold inf, NaN or numbers too large; scale X "
    "and the weights so that |x_mu| is near 1, |w| near sqrt(N)"
)


class Scaled:
    """H / unit: where H is far from 1 in size, in units in which squares of its numbers neither overflow nor vanish.

    The unit, a power of two, is chosen at the first product that is not zero; 1 for ordinary sizes, so that nothing
    about them changes.

    Attributes
    ----------
    unit : float
    size : float
        Of the first product that is not zero.
    """

    def __init__(self, hessian: Hessian) -> None:
        self.hessian, self.unit, self.size = hessian, 1.0, 0.0
        self._known = self._zero = False

    def apply(self, v: Array) -> Array:
        """H v / unit; see Hessian.apply. Collective."""
        image = self.hessian.apply(v)
        if not self._known:
            self._choose(v, image)
        return image if self.unit == 1.0 else image / self.unit

    def refuse_other_units(self) -> None:
        """Raise InputError if a solver that was given a number in the units of H (a target) has others."""
        if self.unit != 1.0:
            raise InputError(
                f"a target for eigenvalues of the order of {self.size:.0e}: scale X and the weights so that they "
                "are nearer to 1, or leave the target out"
            )

    def _choose(self, v: Array, image: Array) -> None:
        mine = float(np.abs(image).max(initial=0.0)) if np.isfinite(image).all() else math.inf
        size = self.hessian.data.group.largest(mine)
        if size > 2.0**_TOP:
            raise InputError(_OVERFLOW.format(size))
        if size < 2.0**-_TOP and not self._zero:
            if size > 0 or self._vanishes(v):
                raise InputError(
                    f"products with the Hessian underflow ({size:.1e}): numbers below 1e-308 have no digits; "
                    "scale X and the weights so that |x_mu| is near 1, |w| near sqrt(N)"
                )
            self._zero = True  # H is zero as far as this v can tell
        if size > 0:
            self._known, self.size = True, size
            exponent = math.frexp(size)[1]
            if abs(exponent) > ORDINARY:
                self.unit = 2.0**exponent

    def _vanishes(self, v: Array) -> bool:
        """Whether a product that came out zero is zero by underflow alone. Collective."""
        data, D = self.hessian.data, self.hessian.curvature
        along = np.abs(data.project(np.reshape(v, (-1, self.hessian.p)))).max(initial=0.0)
        with np.errstate(divide="ignore"):
            curved = np.log2(np.abs(D.weight)) + 2 * np.log2(np.abs(D.vector).max(axis=1, initial=0.0))
            curved = np.maximum(curved, np.log2(np.abs(D.diagonal).max(axis=1, initial=0.0)))
            size = float(curved.max(initial=-math.inf)) + 2 * float(np.log2(along))
        return -math.inf < data.group.largest(size) < -_TOP


class _ShellContext:
    """What PETSc calls: y = H x."""

    def __init__(self, hessian: Hessian, apply: Callable[[Array], Array]) -> None:
        self.hessian, self.apply = hessian, apply

    def mult(self, matrix: Any, x: Any, y: Any) -> None:
        """Y = H x."""
        try:
            y.getArray()[:] = self.apply(x.getArray(readonly=True))
        except BaseException as error:
            self.hessian.failure = error
            raise

    multTranspose = mult  # PETSc's name; H is symmetric
