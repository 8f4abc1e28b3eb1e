"""Sums over panels of samples in fixed point: the same in any order, and so on any number of ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.deferred.images import exponents

Array = NDArray[np.float64]


class Sum:
    """A sum over panels in fixed point: exact, whatever the order.

    Attributes
    ----------
    factor : float
        Of the integers that panels are rounded to.
    integers : array of the sum's shape
        Of this rank; the compiled passes add to them.
    """

    def __init__(self, shape: tuple[int, ...], bound: float) -> None:
        self.factor = float(2.0 ** exponents(np.array(bound)))
        self.integers = np.zeros(shape, dtype=np.int64)

    def total(self, group: Group) -> Array:
        """Over all ranks."""
        result: Array = group.sum_integers(self.integers) / self.factor
        return result
