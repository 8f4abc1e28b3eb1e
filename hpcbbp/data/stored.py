"""X held in memory, each rank its own rows, as float64 or float32 (narrow.py: in fewer bytes)."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

from hpcbbp.data import kernels, single
from hpcbbp.data.base import Array, DataMatrix, largest_entry, ready
from hpcbbp.data.kernels import Rows
from hpcbbp.data.narrow import NARROW
from hpcbbp.errors import InputError, shown
from hpcbbp.machine.ranks import Group
from hpcbbp.model.curvature import Curvature
from hpcbbp.model.parts import refuse_masked

STORAGE: dict[str, np.dtype[Any]] = {"float64": np.dtype(np.float64), "float32": np.dtype(np.float32)}
STORED: tuple[str, ...] = (*STORAGE, *NARROW)
"""What X can be stored in, the most exact first."""


def check_storage(name: str, known: Collection[str] = STORED) -> str:
    """Return a storage that X is kept in; InputError if there is none of that name."""
    if not isinstance(name, str) or name not in known:
        hint = " (int16 goes with method deferred)" if isinstance(name, str) and name == "int16" else ""
        raise InputError(f"storage = {shown(name)}: X is stored as one of {', '.join(known)}" + hint)
    return name


def storage_type(name: str) -> np.dtype[Any]:
    """Return the number type of a storage that numpy calculates with; InputError if there is none of that name."""
    return STORAGE[check_storage(name, STORAGE)]


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

    Examples
    --------
    >>> X = StoredData(np.random.default_rng(0).standard_normal((30, 10)), 30)
    >>> X.project(np.ones((10, 1))).shape
    (30, 1)
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
        self.local: Rows = ready(local)
        kernels.prepare()
        self.storage, self.quick = self.local.dtype.name, self.local.dtype == np.float32
        if self.quick:
            single.prepare(self.local.dtype)

    # The compiled kernels take N-side vectors as (b, N), contiguous along N; the interface's are (N, b).

    def _replicated(self, V: Array) -> Array:
        return ready(self.group.gather_rows(V, self.n).T)

    def _project(self, V: Array) -> Array:
        return kernels.project(self.local, self._replicated(V))

    def _adjoint(self, U: Array) -> Array:
        return self.group.scatter_sum(kernels.adjoint(self.local, ready(U)).T)

    def _curvature_product(self, V: Array, D: Curvature) -> Array:
        parts = (ready(part) for part in (D.diagonal, D.vector, D.weight))
        W = kernels.curvature_product(self.local, self._replicated(V), *parts)
        return self.group.scatter_sum(W.T)

    def _quick_product(self, V: Array, D: Curvature) -> Array:
        product = single.Product(self._replicated(V))
        product.add(self.local, single.no_scales(*self.local.shape), D.diagonal, D.vector, D.weight)
        return self.group.scatter_sum(product.result().T)
