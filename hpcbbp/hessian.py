"""The Hessian of the loss at the student's weights: H = sum_mu D_mu (x) x_mu x_mu^T, never formed.

Vectors of R^(pN) are ordered by input dimension first: entry (k, i) stands at i p + k, so that the part of
one rank, reshaped to (n_local, p), is a block of columns for the data matrix.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator

from hpcbbp import petsc
from hpcbbp.data.base import DataMatrix
from hpcbbp.problem import Curvature

Array = NDArray[np.float64]


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
        return self.data.curvature_product(block, self.curvature).reshape(-1)

    def linear_operator(self) -> LinearOperator:
        """H for scipy (eigsh and friends); one process only."""
        if self.data.group.size > 1:
            raise ValueError(f"a scipy operator lives in one process, the data are on {self.data.group.size} ranks")
        return LinearOperator((self.size, self.size), matvec=self.apply, rmatvec=self.apply, dtype=np.float64)

    @contextmanager
    def petsc_matrix(self) -> Iterator[Any]:
        """H as a PETSc shell (Python) matrix, destroyed at the end of the block. Collective."""
        from petsc4py import PETSc

        local, size = self.local_size, self.size
        matrix = PETSc.Mat().create(comm=self.data.group.comm or PETSc.COMM_SELF)
        try:
            matrix.setSizes([[local, size], [local, size]])
            matrix.setType(PETSc.Mat.Type.PYTHON)
            matrix.setPythonContext(_ShellContext(self))
            matrix.setUp()
            matrix.setOption(PETSc.Mat.Option.SYMMETRIC, True)
            yield matrix
        finally:
            petsc.destroy(matrix)


class _ShellContext:
    """What PETSc calls: y = H x."""

    def __init__(self, hessian: Hessian) -> None:
        self.hessian = hessian

    def mult(self, matrix: Any, x: Any, y: Any) -> None:
        """Y = H x."""
        try:
            y.getArray()[:] = self.hessian.apply(x.getArray(readonly=True))
        except BaseException as error:
            self.hessian.failure = error
            raise

    multTranspose = mult  # PETSc's name; H is symmetric
