"""Whether a product of somebody's own is that of a symmetric matrix, tried out with random vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, real_number, shown
from hpcbbp.machine.rng import normals
from hpcbbp.operators.base import Operator

Array = NDArray[np.float64]


def try_out(operator: Operator, accuracy: float = 1e-10) -> None:
    """Four products with random vectors: deterministic, linear, symmetric, the same on all ranks? Collective.

    Parameters
    ----------
    operator : Operator
    accuracy : float
        What is allowed, relative to |A v|.

    Raises
    ------
    InputError
        On all ranks: what failed, and by how much.
    """
    allowed = real_number(accuracy)
    if allowed is None or not 0 < allowed < 1:
        raise InputError(f"accuracy = {shown(accuracy)}: of products, relative, between 0 and 1 (e.g. 1e-10)")
    trial = _Trial(operator, allowed)
    x, y = trial.vector(0), trial.vector(1)
    along_x, again = operator.apply(x), operator.apply(x)
    trial.refuse("not the same on all ranks", "products differ", operator.spread(x), trial.size(along_x))
    trial.judge("not deterministic", "two products with one vector differ", again - along_x, along_x)
    along_y, along_both = operator.apply(y), operator.apply(x + 2.0 * y)
    expected = along_x + 2.0 * along_y
    trial.judge("not linear", "A (x + 2 y) and A x + 2 A y differ", along_both - expected, expected)
    trial.judge_numbers(x, along_x, y, along_y)


class _Trial:
    """Differences of products, and what is said of those that are too large."""

    def __init__(self, operator: Operator, allowed: float) -> None:
        self.operator, self.group, self.allowed = operator, operator.group, allowed

    def vector(self, number: int) -> Array:
        """A random unit vector, this rank's part, the same on any number of ranks. Collective."""
        rows, first = self.operator.rows, number * self.operator.size
        v = normals(0, "operator-checks", first + rows.start, first + rows.stop)
        unit: Array = v / self.size(v)
        return unit

    def size(self, v: Array) -> float:
        """|v|, over all ranks."""
        with np.errstate(over="ignore"):
            return float(np.sqrt(self.group.sum(np.array([(v**2).sum()]))[0]))

    def judge(self, what: str, words: str, difference: Array, image: Array) -> None:
        """Refuse a difference that is too large beside an image."""
        self.refuse(what, words, self.size(difference), self.size(image))

    def judge_numbers(self, x: Array, along_x: Array, y: Array, along_y: Array) -> None:
        """Refuse y . A x that is not x . A y."""
        products = self.group.sum(np.array([(y * along_x).sum(), (x * along_y).sum()]))
        words = f"y . A x = {products[0]:.10g} and x . A y = {products[1]:.10g} differ"
        size = max(self.size(along_x), self.size(along_y))
        self.refuse("not symmetric", words, abs(float(products[0] - products[1])), size)

    def refuse(self, what: str, words: str, difference: float, size: float) -> None:
        """Refuse a number that should be 0, if it is too large."""
        if difference <= self.allowed * size or not np.isfinite(size):  # sizes are the solver's to refuse
            return
        hint = "; products in float32 want accuracy=1e-5" if difference < 1e-4 * size else ""
        raise InputError(
            f"the product of {self.operator.name} is {what}: for random unit vectors {words} by {difference:.2g}, "
            f"{difference / size if size else np.inf:.1g} of |A v|, and {self.allowed:g} is allowed{hint}"
        )
