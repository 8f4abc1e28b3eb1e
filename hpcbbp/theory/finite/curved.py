"""Samples with curvatures of any model, and weights: of one instance, or nodes of a quadrature over all samples."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.model.problem import Problem
from hpcbbp.theory.finite import weighted
from hpcbbp.theory.finite.projections import CHUNK, Projections, Samples

Array = NDArray[np.float64]


def packed_curvature(problem: Problem, s: Array, u: Array, z: Array | None) -> Array:
    """D of each sample as its upper triangle, row by row: (p (p + 1)/2, M), contiguous.

    Raises
    ------
    InputError
        A label that the loss has no value for, or curvatures that are not finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        D = problem.curvature(s, u, z).dense()
    if not np.isfinite(D).all():
        raise InputError(problem.own_fault(s, u, z) or "the curvatures of this model overflow")
    rows, columns = np.triu_indices(problem.p)
    return np.ascontiguousarray(D[:, rows, columns].T)


class Curved(Projections):
    """Samples (s, u) with their curvatures and weights.

    Parameters
    ----------
    s, u : (M, p) and (M, p_star) arrays
        Projections.
    D : (p (p + 1)/2, M) array
        Upper triangles of the curvatures.
    w : (M,) array
        Weights, >= 0.
    """

    kernels: ModuleType = weighted

    def __init__(self, s: Samples, u: Samples, D: Array, w: Array) -> None:
        super().__init__(s, u)
        self.D, self.w = D, w

    def chunk(self, number: int) -> tuple[Samples, ...]:
        """s, u, D and w of samples number CHUNK, ..., (number + 1) CHUNK - 1."""
        rows = slice(number * CHUNK, (number + 1) * CHUNK)
        return self.s[rows], self.u[rows], np.ascontiguousarray(self.D[:, rows]), self.w[rows]
