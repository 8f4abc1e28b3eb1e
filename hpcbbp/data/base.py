"""The interface every data matrix X has: products with X and with its transpose."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, shown, whole_number
from hpcbbp.machine.ranks import Group
from hpcbbp.model.curvature import Curvature
from hpcbbp.model.parts import refuse_masked
from hpcbbp.model.problem import MOST, check_dimension

Array = NDArray[np.float64]


def check_sizes(n: int, m: int) -> tuple[int, int]:
    """Return N and M as Python's integers; InputError unless N >= 2 and M >= 1."""
    samples = whole_number(m)
    if samples is None or not 1 <= samples <= MOST:
        raise InputError(f"M = {shown(m)}: the number of samples is a whole number, at least one")
    return check_dimension(n), samples


def largest_entry(local: NDArray[Any]) -> float:
    """Largest entry in size, without a copy; NaN if there is one."""
    return abs(float(np.maximum(local.max(), -local.min()))) if local.size else 0.0


def ready(array: NDArray[Any]) -> NDArray[Any]:
    """C-contiguous and writable, as the compiled kernels are specialised for; no copy if it is already."""
    return np.require(array, requirements=("C", "W"))


class DataMatrix(ABC):
    """X, an M x N matrix whose rows are the samples x_mu, known by its products alone.

    Vectors of both sides are distributed over the ranks of the group by rows (Group.owned): an N-side array
    is (n_local, b), an M-side array (m_local, b), b columns at a time, float64. All products are collective.
    A subclass writes _project and _adjoint (and _curvature_product where it can do better than their
    composition); the checks are made here, once.

    Parameters
    ----------
    n, m : int
        Dimension N and number of samples M.
    group : Group
        The ranks that hold X together.

    Examples
    --------
    >>> class Given(DataMatrix):
    ...     def __init__(self, X, group):
    ...         super().__init__(X.shape[1], len(X), group)
    ...         self.X = X
    ...     def _project(self, V):
    ...         return self.X @ V
    ...     def _adjoint(self, U):
    ...         return self.X.T @ U
    >>> X = Given(np.ones((6, 3)), Group())
    >>> X.project(np.ones((3, 1))).ravel().tolist()
    [3.0, 3.0, 3.0, 3.0, 3.0, 3.0]
    """

    largest: float = 1.0
    """Largest entry of this rank's part in size, or a bound on it: by how much products may over- or underflow."""

    quick: bool = False
    """Whether there is a quick_product that is quicker than curvature_product."""

    storage: str = "float64"
    """Numbers that X, or what is known of it, is kept in."""

    fixed: bool = True
    """Whether X is the same whatever is asked of it."""

    source: DataMatrix | None = None
    """The X that this one is a rounded copy of, where that is not what X is meant to be."""

    def __init__(self, n: int, m: int, group: Group) -> None:
        self.n, self.m = check_sizes(n, m)
        self.group = group

    def __repr__(self) -> str:
        """Shape and ranks; never the entries."""
        return f"{type(self).__name__}(N={self.n}, M={self.m}, ranks={self.group.size})"

    @property
    def rows(self) -> range:
        """Samples of this rank."""
        return self.group.owned(self.m)

    @property
    def columns(self) -> range:
        """Coordinates of R^N of this rank."""
        return self.group.owned(self.n)

    def project(self, V: Array) -> Array:
        """X V: (n_local, b) -> (m_local, b)."""
        return self._project(self._checked(V, len(self.columns), "N"))

    def adjoint(self, U: Array) -> Array:
        """X^T U: (m_local, b) -> (n_local, b)."""
        return self._adjoint(self._checked(U, len(self.rows), "M"))

    def curvature_product(self, V: Array, D: Curvature) -> Array:
        """X^T (D (X V)), D acting sample by sample: (n_local, p) -> (n_local, p)."""
        return self._curvature_product(self._checked_with(D, V), D)

    def quick_product(self, V: Array, D: Curvature) -> Array:
        """As curvature_product, in float32 arithmetic where data have that.

        Good to some 2e-7 of |X^T D X V| for Gaussian X. X and D have to be of ordinary sizes (Hessian.ordinary).
        """
        return self._quick_product(self._checked_with(D, V), D)

    def _checked_with(self, D: Curvature, V: Array) -> Array:
        V = self._checked(V, len(self.columns), "N")
        if D.vector.shape != (len(self.rows), V.shape[1]):
            raise ValueError(f"D has shape {D.vector.shape}, V and X want {(len(self.rows), V.shape[1])}")
        return V

    @staticmethod
    def _checked(block: Array, rows: int, side: str) -> Array:
        refuse_masked(block, f"a block on the {side} side of X")
        if block.ndim != 2 or block.shape[0] != rows:
            raise ValueError(f"block of shape {block.shape} on the {side} side of X, where this rank has {rows} rows")
        return np.asarray(block, dtype=np.float64)

    @abstractmethod
    def _project(self, V: Array) -> Array: ...

    @abstractmethod
    def _adjoint(self, U: Array) -> Array: ...

    def _curvature_product(self, V: Array, D: Curvature) -> Array:
        return self._adjoint(D.apply(self._project(V)))

    def _quick_product(self, V: Array, D: Curvature) -> Array:
        return self._curvature_product(V, D)
