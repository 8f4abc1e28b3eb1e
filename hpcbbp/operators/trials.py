"""Whether a product of somebody's own is that of a symmetric matrix, tried out with random vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, real_number, shown
from hpcbbp.machine.rng import normals
from hpcbbp.operators.base import Operator
from hpcbbp.operators.vectors import length

Array = NDArray[np.float64]

_LEAST = 1e-290
"""Size below which float64 has too few digits for what is compared here."""


def try_out(operator: Operator, accuracy: float = 1e-10) -> None:
    """Five products with random vectors: deterministic, linear, symmetric, the same on all ranks? Collective.

    Random unit vectors x and y have E (y . K x)^2 = |K|^2 / N^2 and E |A x|^2 = |A|^2 / N in Frobenius' norm: of
    three pairs of them the mean of (y . A x - x . A y)^2 tells |A - A^T| / |A|.

    Parameters
    ----------
    operator : Operator
    accuracy : float
        What is allowed, relative to |A v|; of |A - A^T|, relative to |A|.

    Raises
    ------
    InputError
        On all ranks: what failed, and by how much.

    Examples
    --------
    >>> from hpcbbp.operators import replicated_operator
    >>> skew = replicated_operator(lambda v: np.roll(v, 1), 50, name="a shift", check=False)
    >>> try:
    ...     try_out(skew)
    ... except InputError as error:
    ...     print("not symmetric" in str(error))
    True
    """
    allowed = real_number(accuracy)
    if allowed is None or not 0 < allowed < 1:
        raise InputError(f"accuracy = {shown(accuracy)}: of products, relative, between 0 and 1 (e.g. 1e-10)")
    trial = _Trial(operator, allowed)
    x, y, z = (trial.vector(number) for number in range(3))
    along_x, again = operator.apply(x), operator.apply(x)
    trial.refuse("not the same on all ranks", "products differ", operator.spread(x), trial.size(along_x))
    trial.judge("not deterministic", "two products with one vector differ", again - along_x, along_x)
    along_y, along_both = operator.apply(y), operator.apply(x + 2.0 * y)
    expected = along_x + 2.0 * along_y
    trial.judge("not linear", "A (x + 2 y) and A x + 2 A y differ", along_both - expected, expected)
    trial.judge_symmetry([x, y, z], [along_x, along_y, operator.apply(z)])


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
        return length(v, self.group)

    def judge(self, what: str, words: str, difference: Array, image: Array) -> None:
        """Refuse a difference that is too large beside an image."""
        self.refuse(what, words, self.size(difference), self.size(image))

    def judge_symmetry(self, vectors: Sequence[Array], images: Sequence[Array]) -> None:
        """Refuse y . A x that are not x . A y."""
        sizes = [self.size(image) for image in images]
        unit = max(sizes)
        if unit < _LEAST:  # numbers without digits, which are the solver's to refuse
            return
        inner = self.group.sum(np.array([[v @ (image / unit) for image in images] for v in vectors]))
        skew = float(np.linalg.norm(inner - inner.T) / np.sqrt(6.0))
        part = skew * np.sqrt(self.operator.size) / np.sqrt(np.mean(np.square(np.array(sizes) / unit)))
        if part > self.allowed:
            i, j = np.unravel_index(np.argmax(np.abs(inner - inner.T)), inner.shape)
            words = f"y . A x = {inner[i, j] * unit:.10g} and x . A y = {inner[j, i] * unit:.10g}"
            self._fail("not symmetric", f"{words} say that |A - A^T| is about {part:.1g} of |A|", part)

    def refuse(self, what: str, words: str, difference: float, size: float) -> None:
        """Refuse a number that should be 0, if it is too large."""
        if difference > self.allowed * size >= self.allowed * _LEAST or difference > size == 0:
            part = difference / size if size else np.inf
            self._fail(what, f"{words} by {difference:.2g}, {part:.1g} of |A v|", part)

    def _fail(self, what: str, words: str, part: float) -> None:
        hint = "; products in float32 want accuracy=1e-5" if part < 1e-4 else ""
        raise InputError(
            f"the product of {self.operator.name} is {what}: for random unit vectors {words}, and {self.allowed:g} "
            f"is allowed{hint}"
        )
