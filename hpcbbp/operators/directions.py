"""Directions that somebody names, for eigenvectors to be compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, shown
from hpcbbp.operators.base import Operator
from hpcbbp.operators.vectors import checked_vectors, ordinary

Array = NDArray[np.float64]


def checked_directions(directions: Any, operator: Operator) -> dict[str, Array]:
    """Each as a (k, local_size) array; InputError, on all ranks, for what is none. Collective."""
    group = operator.group
    with group.agreeing():
        if not isinstance(directions, Mapping) or not all(map(is_line, directions)):
            raise InputError(
                f"directions = {shown(directions)}: a dictionary of arrays by their names, a line of text"
            )
        found = {
            key: checked_vectors(value, operator.local_size, f"directions {key!r}")
            for key, value in directions.items()
        }
    shapes = {key: len(value) for key, value in found.items()}
    others = [shapes] if group.comm is None else group.comm.allgather(shapes)
    if any(other != shapes for other in others):
        raise InputError("directions differ from rank to rank in their names or numbers")
    for key, value in found.items():
        if not (group.sum(np.abs(ordinary(value, group)).sum(axis=1)) > 0).all():
            raise InputError(f"directions {key!r}: one of them is zero")
    return found


def is_line(name: object) -> bool:
    """Whether it can be shown as a name."""
    return isinstance(name, str) and name.isprintable() and 0 < len(name) <= 200
