"""Random numbers by name and global index: one seed is one instance on any number of ranks.

Every stream is cut into blocks of fixed size. Block b of a stream is drawn in one call from a Philox
generator whose key comes from (seed, stream) and whose counter comes from b, so any rank can draw any stretch
of a stream without the numbers before it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, shown, whole_number

STREAMS = {
    "teacher": 0,
    "student": 1,
    "data": 2,
    "start": 3,
    "reveal-right": 4,
    "reveal-left": 5,
    "deferred-images": 6,
    "deferred-triangles": 7,
    "projections": 8,
    "projection-angles": 9,
    "labels": 10,
    "regenerated": 11,
    "batches": 12,
    "state-evolution": 13,
    "operator-checks": 14,
    "probes": 15,
    "probe-triangles": 16,
}
"""Streams by name. The numbers are part of what a seed means: never change or reuse one."""

BLOCK = 16384
"""Numbers in a block; part of what a seed means. The ziggurat draws a varying amount of random bits for a
number, so a block can only be drawn from its beginning."""

MANY = BLOCK
"""Numbers from which on compiled loops draw them; the same ones."""

Draw = Callable[[NDArray[Any], int, NDArray[np.uint64], int, float], None]


def check_seed(seed: int) -> int:
    """Return the seed, or raise InputError if it is not a whole number from 0 to 2^64 - 1."""
    asked = whole_number(seed)
    if asked is None or not 0 <= asked < 2**64:
        raise InputError(f"seed = {shown(seed)}: a seed is a whole number >= 0 (and below 2^64)")
    return asked


def normals(seed: int, stream: str, start: int, stop: int) -> NDArray[np.float64]:
    """Return standard normal numbers with global indices start, ..., stop - 1 of a stream.

    Parameters
    ----------
    seed : int
        At least 0.
    stream : str
        A key of STREAMS.
    start, stop : int
        Range of global indices, 0 <= start <= stop.

    Returns
    -------
    (stop - start,) array of float64
    """
    out = np.empty(stop - start)
    fill_normals(out, seed, stream, start)
    return out


def uniforms(seed: int, stream: str, start: int, stop: int) -> NDArray[np.float64]:
    """Return numbers start, ..., stop - 1 of a stream, uniform in [0, 1)."""
    key = np.random.SeedSequence(check_seed(seed), spawn_key=(STREAMS[stream],)).generate_state(2, np.uint64)
    out = np.empty(stop - start)
    for block in range(start // BLOCK, -(-stop // BLOCK)):
        generator = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, block, 0]))
        first = block * BLOCK
        lo, hi = max(start, first), min(stop, first + BLOCK)
        out[lo - start : hi - start] = generator.random(hi - first)[lo - first :]
    return out


def fill_normals(out: NDArray[Any], seed: int, stream: str, start: int, scale: float = 1.0) -> None:
    """Fill a one-dimensional array with numbers start, start + 1, ... of a stream, times scale.

    float32 arrays get the rounded float64 numbers: the same instance, stored in half the memory.
    """
    sequence = np.random.SeedSequence(check_seed(seed), spawn_key=(STREAMS[stream],))
    key = np.asarray(sequence.generate_state(2, np.uint64), dtype=np.uint64)
    stop = start + out.size
    draw = _compiled() if out.size >= MANY and out.flags.c_contiguous and out.itemsize > 2 else _drawn
    for block in range(start // BLOCK, -(-stop // BLOCK)):
        first = block * BLOCK
        lo, hi = max(start, first), min(stop, first + BLOCK)
        draw(out[lo - start : hi - start], lo - first, key, block, scale)


def _drawn(out: NDArray[Any], first: int, key: NDArray[np.uint64], block: int, scale: float) -> None:
    """Numbers first, first + 1, ... of a block, by numpy; nothing behind the last one wanted has to be drawn."""
    generator = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, block, 0]))
    out[:] = scale * generator.standard_normal(first + out.size)[first:]


def _compiled() -> Draw:
    """The same, faster where numba compiles; not imported for a few numbers."""
    from hpcbbp.machine import ziggurat

    return ziggurat.fill if ziggurat.usable() else _drawn


def triangle(rows: int, columns: int, dimension: int, seed: int, stream: str, number: int) -> NDArray[np.float64]:
    """Triangular factor of a QR decomposition of `columns` standard normal vectors in R^dimension, by its law.

    Chi variables with dimension, dimension - 1, ... degrees of freedom on the diagonal, standard normals above it.

    Parameters
    ----------
    rows, columns : int
        rows = min(columns, dimension).
    dimension : int
    seed, stream, number
        Key of the random numbers: triangle `number` of a stream.

    Returns
    -------
    (rows, columns) array
    """
    sequence = np.random.SeedSequence(check_seed(seed), spawn_key=(STREAMS[stream], number))
    generator = np.random.Generator(np.random.Philox(sequence))
    T = np.triu(generator.standard_normal((rows, columns)), 1)
    T[np.arange(rows), np.arange(rows)] = np.sqrt(generator.chisquare(dimension - np.arange(rows)))
    return T
