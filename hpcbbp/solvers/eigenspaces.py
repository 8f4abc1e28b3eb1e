"""Which eigenspace knows the teacher best: a question about H alone, whatever basis a library found.

The vectors of a multiple eigenvalue are any basis of its eigenspace: another processor, another number of ranks or
another LAPACK gives another one, and so "the vector of largest overlap" is not defined. At M < N there is always such
a space, that of the eigenvalue 0, of p (N - M) dimensions. What is defined is the projection of the teacher's
directions on the space, and the m^2 of a vector drawn from it: |projection|^2 over its dimension on average. Spaces
are compared by this mean, which for a simple eigenvalue is the m^2 of its vector. docs/campaigns.md says what other
definitions would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from hpcbbp.solvers.measured import Measured

Array = NDArray[np.float64]

MULTIPLE = 1e-10
"""Neighbouring eigenvalues that differ by less, relative to the largest |eigenvalue|, are one multiple eigenvalue.

LAPACK's errors are below N eps = 2e-12 at N = 10^4, spacings of the bulk about 1/N; the vectors of eigenvalues
further apart than this are right to some 1e-5 in most cases. For a << 1e-4 the largest |eigenvalue| is so large that
simple neighbours count as one (docs/campaigns.md).
"""

TIE = 1e-9
"""Overlaps that differ by less, relative to the largest, are equal: the lower eigenvalue has it then."""


@dataclass(frozen=True)
class Eigenspace:
    """Where the largest overlap is.

    Attributes
    ----------
    pair : int
        The first of its eigenpairs; 1 is the lowest.
    dimension : int
        How many of the pairs it is.
    overlap2 : float
        Mean m^2 of a unit vector in it.
    """

    pair: int
    dimension: int
    overlap2: float


def multiplicities(eigenvalues: Sequence[float] | Array) -> NDArray[np.int_]:
    """Dimension of each eigenspace, in the order of the eigenvalues, which are sorted."""
    values = np.asarray(eigenvalues, dtype=np.float64)
    apart = np.abs(np.diff(values)) > MULTIPLE * np.abs(values).max(initial=0.0)
    bounds = np.concatenate([[0], np.flatnonzero(apart) + 1, [len(values)]])
    return np.diff(bounds)


def largest_overlap(eigenvalues: Sequence[float] | Array, overlap2: Sequence[float] | Array) -> Eigenspace:
    """Return the eigenspace of largest mean m^2; of several as large the lowest.

    Parameters
    ----------
    eigenvalues : (k,) array, sorted
    overlap2 : (k,) array
        m^2 of each pair's vector, in any orthonormal basis of each eigenspace.
    """
    dimensions = multiplicities(eigenvalues)
    first = np.cumsum(dimensions) - dimensions
    means = np.add.reduceat(np.asarray(overlap2, dtype=np.float64), first) / dimensions
    at = int(np.argmax(means >= (1.0 - TIE) * means.max()))
    return Eigenspace(int(first[at]) + 1, int(dimensions[at]), float(means[at]))


def left_to_a_basis(record: Measured) -> bool:
    """Whether a record's largest overlap depends on the basis that LAPACK found.

    Records of a whole spectrum, of which they hold the lowest pairs alone, named the vector of largest overlap
    (`largest_overlap_pair`) before they named a space: with M < N that may be one of the null space's basis.
    """
    if record.largest_overlap_space is not None:
        return False
    return len(record.overlap2) < record.searched and record.m < record.n


def knows_best(record: Measured) -> bool | None:
    """Whether the space of the lowest eigenvalue has the largest overlap of all pairs searched; None: not known."""
    if record.largest_overlap_space is not None:
        return record.largest_overlap_space.pair == 1
    if left_to_a_basis(record):
        return None
    if len(record.overlap2) == record.searched:
        return largest_overlap(record.eigenvalues, record.overlap2).pair == 1
    return None if record.largest_overlap_pair is None else record.largest_overlap_pair == 1
