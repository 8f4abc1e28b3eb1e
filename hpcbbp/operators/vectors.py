"""Vectors that somebody hands in, one or several, of which each rank has a part."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.machine.ranks import Group

Array = NDArray[np.float64]


def checked_vectors(vectors: Any, local_size: int, what: str) -> Array:
    """A (k, local_size) array of finite numbers, of one vector or several; InputError for anything else."""
    try:
        found = np.asarray(vectors)
    except ValueError:  # rows of different lengths
        found = np.empty((), dtype=object)
    if found.dtype.kind not in "fiu" or found.ndim not in (1, 2) or found.shape[-1] != local_size or not found.size:
        raise InputError(
            f"{what} of shape {found.shape} ({found.dtype}): this rank's part is wanted, real numbers of shape "
            f"({local_size},) or (k, {local_size})"
        )
    if not np.isfinite(found).all():
        raise InputError(f"{what} have entries that are not finite")
    vectors_of: Array = np.atleast_2d(found).astype(np.float64)
    return vectors_of


def ordinary(vectors: Array, group: Group) -> Array:
    """(k, n_local) vectors, each with a largest entry of 1: squares neither overflow nor vanish. Collective."""
    largest = np.abs(vectors).max(axis=1, initial=0.0)
    if group.comm is not None:
        largest = np.max(group.comm.allgather(largest), axis=0)
    scaled: Array = vectors / np.where(largest > 0, largest, 1.0)[:, None]
    return scaled


def length(v: Array, group: Group) -> float:
    """Length of a vector, whose squares may overflow or vanish. Collective."""
    largest = group.largest(float(np.abs(v).max(initial=0.0)))
    return largest * float(np.sqrt(group.sum(np.array([((v / (largest or 1.0)) ** 2).sum()]))[0]))


def orthonormal(vectors: Array, group: Group, *, whole: bool = True) -> Array:
    """Orthonormal basis of the span of (k, n_local) vectors. Collective.

    InputError if they are not independent; a smaller basis with whole=False.
    """
    basis = ordinary(vectors, group)
    norms = np.sqrt(group.sum((basis**2).sum(axis=1)))
    basis /= np.where(norms > 0, norms, 1.0)[:, None]
    for _ in range(2):  # twice is enough
        values, rotation = group.share(np.linalg.eigh(group.sum(basis @ basis.T)))
        kept = values > 1e-12 * values[-1]
        if whole and not kept.all():
            raise InputError(
                f"{len(vectors)} vectors that are not independent: leave out what the others span, and what is zero"
            )
        basis = (rotation[:, kept] / np.sqrt(values[kept])).T @ basis
    return basis
