"""Weights of drawn instances."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import normals

Array = NDArray[np.float64]


def sphere(n: int, units: int, seed: int, stream: str, group: Group) -> Array:
    """Weights uniform on the sphere of radius sqrt(N): (n_local, units), this rank's coordinates. Collective.

    Coordinate i of unit k is number i units + k of the stream, before normalisation.
    """
    columns = group.owned(n)
    W = normals(seed, stream, columns.start * units, columns.stop * units).reshape(-1, units)
    norms = np.sqrt(group.sum((W**2).sum(axis=0)))
    result: Array = W * (math.sqrt(n) / norms)
    return result
