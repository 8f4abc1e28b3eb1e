"""Rayleigh-Ritz: the best approximate eigenpairs in a given, possibly ill-conditioned, distributed basis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.ranks import Group

Array = NDArray[np.float64]


def rayleigh_ritz(
    basis: Array,
    apply: Callable[[Array], Array],
    group: Group,
    count: int,
    *,
    deflate: Array | None = None,
    rank: Callable[[Array], Array] | None = None,
) -> tuple[Array, Array]:
    """Ritz pairs of a symmetric operator in the span of some vectors. Collective; one product a vector.

    Parameters
    ----------
    basis : (k, n_local) array
        Vectors, this rank's part; neither orthogonal nor independent nor finite ones are taken for granted.
    apply : callable
        Product of the operator with a vector, this rank's part.
    group : Group
    count : int
        Pairs wanted; fewer are returned if the span is smaller.
    deflate : (c, n_local) array, optional
        Orthonormal vectors whose span is left out.
    rank : callable, optional
        Key of the values by which they are chosen and sorted; from the smallest up by default.

    Returns
    -------
    values : (count,) array
    vectors : (count, n_local) array
        Orthonormal.
    """
    norms = np.sqrt(group.sum((basis**2).sum(axis=1)))
    keep = np.isfinite(norms) & (norms > 0)
    B = basis[keep] / norms[keep, None]
    for _ in range(2):  # twice is enough
        if deflate is not None and len(deflate):
            B = B - group.sum(B @ deflate.T) @ deflate
        # Rank 0's eigenvectors: where eigenvalues are equal, another processor's LAPACK may take another basis.
        gram, rotation = group.share(np.linalg.eigh(group.sum(B @ B.T)))
        independent = gram > 1e-12 * max(gram.max(initial=0.0), 1e-300)
        B = (rotation[:, independent] / np.sqrt(gram[independent])).T @ B
    images = np.array([apply(b) for b in B]).reshape(B.shape)
    projected = group.sum(B @ images.T)
    values, rotation = group.share(np.linalg.eigh(0.5 * (projected + projected.T)))
    order = np.argsort(values if rank is None else rank(values))[:count]
    return values[order], rotation[:, order].T @ B
