"""Start vectors of a solve by their number, the same on any number of ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import BLOCK, normals
from hpcbbp.operators.base import Operator
from hpcbbp.operators.vectors import length

Array = NDArray[np.float64]

_APART = 2**60  # blocks of the stream behind which no start vector begins


class Starts:
    """Random vectors, the first of them half a guess.

    Parameters
    ----------
    operator : Operator
        Whose vectors they are.
    seed : int
        Of the stream "start".
    guess : (local_size,) array, optional
        Of any length.

    Raises
    ------
    InputError
        A guess of another shape, or with numbers that are not finite; on all ranks.
    """

    def __init__(self, operator: Operator, seed: int, guess: Array | None = None) -> None:
        self.operator, self.seed, self.guess = operator, seed, None
        if guess is not None:
            with operator.group.agreeing():
                self.guess = checked(guess, operator.local_size)

    def __call__(self, number: int) -> Array:
        """Start vector of that number, this rank's part. Collective."""
        rows, group = self.operator.rows, self.operator.group
        first = number * self.operator.size
        v = normals(self.seed, "start", first + rows.start, first + rows.stop)
        if number > 0 or self.guess is None:
            return v
        result: Array = v / norm(v, group) + self.guess / norm(self.guess, group)
        return result


def checked(guess: Any, size: int) -> Array:
    """The guess as float64; InputError unless it is a vector of that size of finite numbers."""
    shape = getattr(guess, "shape", type(guess).__name__)
    if not isinstance(guess, np.ndarray) or guess.dtype.kind not in "fiu" or shape != (size,):
        raise InputError(f"start {shape}: a guess is this rank's part of a vector, a numpy array of shape {(size,)}")
    if not np.isfinite(guess).all():
        raise InputError("start has entries that are not finite")
    return guess.astype(np.float64)


def norm(v: Array, group: Group) -> float:
    """Length of a vector, whose squares may overflow; 1 for zero. Collective."""
    return length(v, group) or 1.0


def along(teacher: Array, p: int, seed: int) -> Array:
    """Random combination of w* (x) e_k, which an outlier is near to: (n_local, p_star) to (n_local p,)."""
    p_star = teacher.shape[1]
    first = _APART * BLOCK
    mix = normals(seed, "start", first, first + p_star * p).reshape(p_star, p)
    found: Array = (teacher @ mix).reshape(-1)
    return found
