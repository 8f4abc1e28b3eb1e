"""Overlaps of eigenvectors with weight directions, without gathering a vector on one rank."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.ranks import Group
from hpcbbp.model.covariance import Covariance, binned

Array = NDArray[np.float64]


def overlaps(vectors: Array, weights: Array, group: Group) -> Array:
    """m_kl = v_k . w_l / |w_l| of every eigenvector with every weight vector. Collective.

    With |w_l| = sqrt(N) this is m_kl = v_k . w_l / sqrt(N) of arXiv:2510.18435.

    Parameters
    ----------
    vectors : (nev, n_local, p) array
        Unit eigenvectors in R^(pN), this rank's part.
    weights : (n_local, q) array
        Teacher or student weights, this rank's part.
    group : Group

    Returns
    -------
    (nev, p, q) array
        The same on all ranks.
    """
    norms = np.sqrt(group.sum(np.einsum("nq,nq->q", weights, weights)))
    products = group.sum(np.einsum("vnk,nq->vkq", vectors, weights, optimize=True))
    result: Array = products / norms
    return result


def cosines(student: Array, teacher: Array, group: Group) -> Array:
    """Cosines of the angles between all weights, student first, (p + p_star, p + p_star). Collective.

    Parameters
    ----------
    student, teacher : (n_local, p), (n_local, p_star) arrays
        This rank's coordinates.
    group : Group
    """
    both = np.concatenate([student, teacher], axis=1)
    products: Array = group.sum(both.T @ both)
    lengths = np.sqrt(products.diagonal())
    return products / np.outer(lengths, lengths)


def level_cosines(student: Array, teacher: Array, law: Covariance, n: int, group: Group) -> Array:
    """The same, of their parts in each level of the data's covariance: (L, p + p_star, p + p_star). Collective."""
    counts = binned(law, n)[1]
    both = np.concatenate([student, teacher], axis=1)
    start, found = group.owned(n).start, []
    ends = np.cumsum(counts)
    for begin, end in zip(ends - counts, ends, strict=True):
        part = both[max(0, begin - start) : max(0, end - start)]
        found.append(part.T @ part)
    products: Array = group.sum(np.array(found))
    lengths = np.sqrt(products.sum(axis=0).diagonal())
    return products / np.outer(lengths, lengths)


def overlap2(m: Array) -> Array:
    """m^2 = sum_kl m_kl^2 of each eigenvector: (nev, p, q) -> (nev,)."""
    squares: Array = np.einsum("vkq,vkq->v", m, m)
    return squares
