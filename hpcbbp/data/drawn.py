"""A Gaussian X, drawn and stored."""

from __future__ import annotations

import math

import numpy as np

from hpcbbp.data.base import DataMatrix, check_sizes
from hpcbbp.data.kernels import Rows
from hpcbbp.data.narrow import NARROW, NarrowData, NarrowRows
from hpcbbp.data.stored import StoredData, check_storage, storage_type
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import fill_normals
from hpcbbp.model.covariance import Covariance, eigenvalues_of

_PIECE = 2**20  # numbers drawn at a time where they are rounded to fewer bytes


def gaussian(
    n: int,
    m: int,
    seed: int,
    storage: str = "float64",
    group: Group | None = None,
    covariance: Covariance | None = None,
) -> DataMatrix:
    """X with i.i.d. N(0, 1/N) entries: number mu N + i of the stream "data", over sqrt(N).

    Parameters
    ----------
    n, m : int
        Dimension N >= 2 and number of samples M >= 1.
    seed : int
    storage : {"float64", "float32", "bf16", "int8"}
        All but float64 are the same instance, its entries rounded (hpcbbp.data.narrow); the rounded ones are what X
        is.
    group : Group, optional
        One process by default.
    covariance : Covariance, optional
        Sigma, diagonal: column i is multiplied by the root of its eigenvalue i. The identity by default.

    Examples
    --------
    >>> gaussian(n=100, m=300, seed=0).project(np.ones((100, 1))).shape
    (300, 1)
    """
    group = Group.chosen(group)
    n, m = check_sizes(n, m)
    rows = group.owned(m)
    roots = None if covariance is None else np.sqrt(eigenvalues_of(covariance, n))

    def draw(start: int, out: Rows) -> None:
        fill_normals(out.reshape(-1), seed, "data", (rows.start + start) * n, 1.0 / math.sqrt(n))
        if roots is not None:
            np.multiply(out, roots, out=out, casting="same_kind")

    if check_storage(storage) in NARROW:
        kept, step = NarrowRows(len(rows), n, storage), max(1, _PIECE // n)
        for start in range(0, len(rows), step):
            piece = np.empty((min(step, len(rows) - start), n), dtype=np.float32)
            draw(start, piece)
            kept.put(start, piece)
        return NarrowData(kept, m, group)
    local: Rows = np.empty((len(rows), n), dtype=storage_type(storage))
    draw(0, local)
    # By far: 1 is sqrt(N) standard deviations.
    return StoredData(local, m, group, largest=1.0 if roots is None else float(roots[-1]))
