"""X held in memory, each rank its own rows, float64 or float32."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hpcbbp.data import kernels
from hpcbbp.data.base import Array, DataMatrix, check_sizes
from hpcbbp.data.kernels import Rows
from hpcbbp.errors import InputError, shown
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import fill_normals
from hpcbbp.model.covariance import Covariance, eigenvalues_of
from hpcbbp.model.curvature import Curvature
from hpcbbp.model.parts import refuse_masked

STORAGE: dict[str, np.dtype[Any]] = {"float64": np.dtype(np.float64), "float32": np.dtype(np.float32)}


def storage_type(name: str) -> np.dtype[Any]:
    """Return the number type of a storage name; InputError if there is none of that name."""
    if not isinstance(name, str) or name not in STORAGE:
        hint = " (int16 goes with method deferred)" if isinstance(name, str) and name == "int16" else ""
        raise InputError(f"storage = {shown(name)}: X is stored as one of {', '.join(STORAGE)}" + hint)
    return STORAGE[name]


def _ready(array: Rows) -> Rows:
    """C-contiguous and writable, as the compiled kernels are specialised for; no copy if it is already."""
    return np.require(array, requirements=("C", "W"))


def largest_entry(local: Rows) -> float:
    """Largest entry in size, without a copy; NaN if there is one."""
    return abs(float(np.maximum(local.max(), -local.min()))) if local.size else 0.0


def check_array(values: Any, what: str) -> None:
    """Raise InputError unless this is a plain two-dimensional array of float64 or float32."""
    refuse_masked(values, what)
    if not isinstance(values, np.ndarray) or values.ndim != 2:
        kind = f"of shape {values.shape}" if isinstance(values, np.ndarray) else f"({type(values).__name__})"
        raise InputError(f"{what} {kind}: a two-dimensional numpy array is needed")
    if values.dtype not in STORAGE.values():
        raise InputError(f"{what} of type {values.dtype}: give float64 or float32, by .astype(numpy.float64)")


class StoredData(DataMatrix):
    """X with this rank's rows in memory. Made collectively.

    Parameters
    ----------
    local : (m_local, n) array, float64 or float32
        The rows that Group.owned(m) gives to this rank; kept, not copied, if C-contiguous.
    m : int
        Samples on all ranks together.
    group : Group
    largest : float, optional
        Largest entry of these rows in size, or a bound on it, where it is known already.

    Raises
    ------
    InputError
        On all ranks alike: another shape or type, masked or not finite.
    """

    def __init__(self, local: Rows, m: int, group: Group | None = None, *, largest: float | None = None) -> None:
        group = Group.chosen(group)
        with group.agreeing():
            check_array(local, "the rows of X")
            super().__init__(local.shape[1], m, group)
            if local.shape[0] != len(self.rows):
                raise InputError(f"{local.shape[0]} rows given, rank {group.rank} owns {len(self.rows)} of {self.m}")
            self.largest = largest_entry(local) if largest is None else largest
            if not math.isfinite(self.largest):
                raise InputError(f"the rows of X on rank {group.rank} have entries that are not finite")
        self.local: Rows = _ready(local)
        kernels.prepare()

    # The compiled kernels take N-side vectors as (b, N), contiguous along N; the interface's are (N, b).

    def _replicated(self, V: Array) -> Array:
        return _ready(self.group.gather_rows(V, self.n).T)

    def _project(self, V: Array) -> Array:
        return kernels.project(self.local, self._replicated(V))

    def _adjoint(self, U: Array) -> Array:
        return self.group.scatter_sum(kernels.adjoint(self.local, _ready(U)).T)

    def _curvature_product(self, V: Array, D: Curvature) -> Array:
        parts = (_ready(part) for part in (D.diagonal, D.vector, D.weight))
        W = kernels.curvature_product(self.local, self._replicated(V), *parts)
        return self.group.scatter_sum(W.T)


def gaussian(
    n: int,
    m: int,
    seed: int,
    storage: str = "float64",
    group: Group | None = None,
    covariance: Covariance | None = None,
) -> StoredData:
    """X with i.i.d. N(0, 1/N) entries: number mu N + i of the stream "data", over sqrt(N).

    Parameters
    ----------
    n, m : int
        Dimension N >= 2 and number of samples M >= 1.
    seed : int
    storage : {"float64", "float32"}
        float32 is the same instance, its entries rounded.
    group : Group, optional
        One process by default.
    covariance : Covariance, optional
        Sigma, diagonal: column i is multiplied by the root of its eigenvalue i. The identity by default.
    """
    group = Group.chosen(group)
    n, m = check_sizes(n, m)
    rows = group.owned(m)
    roots = None if covariance is None else np.sqrt(eigenvalues_of(covariance, n))
    local: Rows = np.empty((len(rows), n), dtype=storage_type(storage))
    fill_normals(local.reshape(-1), seed, "data", rows.start * n, 1.0 / math.sqrt(n))
    largest = 1.0  # by far: 1 is sqrt(N) standard deviations
    if roots is not None:
        largest = float(roots[-1])
        np.multiply(local, roots, out=local, casting="same_kind")
    return StoredData(local, m, group, largest=largest)
