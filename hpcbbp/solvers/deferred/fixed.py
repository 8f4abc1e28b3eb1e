"""Sums over panels of samples in fixed point: the same in any order, and so on any number of ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.deferred.images import exponents

Array = NDArray[np.float64]
Floats = NDArray[Any]


def squares(U: Floats) -> Array:
    """Sums of squares of rows, (1, rows of U), in float64."""
    wide = U.astype(np.float64, copy=False)
    found: Array = np.einsum("jm,jm->j", wide, wide)[None]
    return found


class Sum:
    """A sum over panels in fixed point: exact, whatever the order."""

    def __init__(self, shape: tuple[int, ...], bound: float | Array) -> None:
        self.factor = 2.0 ** exponents(np.asarray(bound, dtype=np.float64))
        self.integers = np.zeros(shape, dtype=np.int64)

    @property
    def quantum(self) -> Array:
        """What a panel may round away of an entry."""
        return np.asarray(0.5 / self.factor)

    def add(self, part: Floats) -> None:
        """What a panel adds."""
        self.integers += np.rint(part * self.factor).astype(np.int64)

    def total(self, group: Group) -> Array:
        """Over all ranks."""
        result: Array = group.sum_integers(self.integers) / self.factor
        return result
