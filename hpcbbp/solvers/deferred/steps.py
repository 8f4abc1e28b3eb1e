"""What steps of deferred solves have in common: when residuals are small enough, and whether memory has room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine import memory

if TYPE_CHECKING:
    from hpcbbp.solvers.deferred.instance import Deferred
    from hpcbbp.solvers.deferred.progress import Progress

Array = NDArray[np.float64]

NO_ROOM = (
    "the memory is used up by {} directions; take storage int16, a looser tol, a smaller nev or block, "
    "a smaller N, or ranks on more nodes"
)
CONVERGED = "converged: the requested pairs reached the tolerance"
SKEW = 1e-2
"""|P^T P - 1| of left directions from which on images are not called those of a Gaussian X any more."""
PROBES = 6
"""Random vectors that this is measured with."""
ZERO = 3e-14
"""Of the size of H: an eigenvalue below that, with its residual, is zero."""

_SHARE = 0.3  # of the tolerance that a residual is brought to where rounding takes the rest
_STALLED = 60  # steps without progress after which small residuals count as rounding
_UNCHECKED = 2**22  # bytes of growth for which nobody looks how much memory is left


def goal_of(wanted: Array, rounding: Array) -> Array:
    """Residuals, by their estimates, that leave room for what rounding adds."""
    goal: Array = np.maximum(wanted - rounding, _SHARE * wanted)
    return goal


def stuck(at: Progress, estimates: Array, small: float) -> bool:
    """Whether residuals, small already, have stopped falling: rounding is all that is left of them."""
    if not len(estimates):  # all are good by their estimates: nothing to compare with
        return False
    worst = float(estimates.max())
    if worst < 0.9 * at.best:
        at.best, at.stalled = worst, 0
    else:
        at.stalled += 1
    return at.stalled >= _STALLED and at.best < small


def room(instance: Deferred, directions: int, each: int) -> int:
    """Directions that memory has room for now, of so many bytes a sample: all asked for, or none. Collective."""
    needed = directions * instance.samples.rows * each * instance.ranks_on_node
    if instance.group.largest(needed) < _UNCHECKED:
        return directions
    enough = instance.group.largest(float(needed > memory.available(instance.ranks_on_node))) == 0.0
    return directions if enough else 0


def orthonormal(rest: Array) -> Array:
    """Orthonormal block vectors that span the given ones (r, k, p), in their order, dropping those that vanish."""
    found: list[Array] = []
    for vector in rest.reshape(len(rest), -1):
        size = np.linalg.norm(vector)
        v = vector / size if size > 1e-13 else vector * 0.0
        for _ in range(2):
            for other in found:
                v = v - (other @ v) * other
        left = np.linalg.norm(v)
        if left > 1e-7:
            found.append(v / left)
    return np.array(found).reshape(-1, *rest.shape[1:])
