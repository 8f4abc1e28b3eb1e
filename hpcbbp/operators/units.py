"""An operator in units in which squares of its numbers neither overflow nor vanish."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.operators.base import Operator

Array = NDArray[np.float64]

ORDINARY = 300  # |log2| of sizes whose squares, and rounding errors squared, are far from the ends of float64
TOP = 1000  # beyond it numbers of the product itself lose digits or overflow


class InUnits:
    """A / unit: where A is far from 1 in size, in units in which solvers can square its numbers.

    The unit, a power of two, is chosen at the first product that is not zero; 1 for ordinary sizes, so that nothing
    about them changes.

    Attributes
    ----------
    unit : float
    size : float
        Of the first product that is not zero.
    """

    def __init__(self, operator: Operator) -> None:
        self.operator, self.unit, self.size = operator, 1.0, 0.0
        self._known = self._zero = False

    def apply(self, v: Array) -> Array:
        """A v / unit; see Operator.apply. Collective."""
        image = self.operator.apply(v)
        if not self._known:
            self._choose(v, image)
        return image if self.unit == 1.0 else image / self.unit

    def refuse_other_units(self) -> None:
        """Raise InputError if a solver that was given a number in the units of A (a target) has others."""
        if self.unit != 1.0:
            raise InputError(
                f"a target for eigenvalues of the order of {self.size:.0e}: scale the operator (X and the weights of "
                "a Hessian) so that they are nearer to 1, or leave the target out"
            )

    def _choose(self, v: Array, image: Array) -> None:
        mine = float(np.abs(image).max(initial=0.0)) if np.isfinite(image).all() else math.inf
        size = self.operator.group.largest(mine)
        if size > 2.0**TOP:
            raise InputError(overflow(self.operator, size))
        if size < 2.0**-TOP and not self._zero:
            if size > 0 or self.operator.vanishes(v):
                raise InputError(
                    f"products with {self.operator.name} underflow ({size:.1e}): numbers below 1e-308 have no "
                    f"digits; {self.operator.remedy}"
                )
            self._zero = True  # A is zero as far as this v can tell
        if size > 0:
            self._known, self.size = True, size
            exponent = math.frexp(size)[1]
            if abs(exponent) > ORDINARY:
                self.unit = 2.0**exponent


def overflow(operator: Operator, size: float) -> str:
    """What is said of products of this size."""
    return (
        f"products with {operator.name} overflow ({size:.1e}): it holds inf, NaN or numbers too large; "
        f"{operator.remedy}"
    )
