"""Lengths of weight vectors, and sizes of Hessians, whose squares are still numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError

Array = NDArray[np.float64]

TINY = 1e-140
"""Of a Hessian, or its inverse: further out the squares in lengths and residuals are lost."""


def check_lengths(norms2: Array, what: str) -> None:
    """Raise InputError unless every weight vector has a direction and a length whose square is a number."""
    for row, norm2 in enumerate(norms2):
        if not TINY**2 < norm2 < 1 / TINY**2:
            length = "zero, which has no direction" if norm2 == 0 else f"of length {np.sqrt(norm2):.3g}"
            raise InputError(f"{what}: row {row} is {length}; |w| is near sqrt(N) in the model")
