"""The p x p curvatures of samples, as any loss and any activation give them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpcbbp.model.parts import refuse_masked

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Curvature:
    """The p x p curvatures D_mu of M samples, as a diagonal plus a matrix of rank one.

    D_mu,kl = delta_kl diagonal_mu,k + weight_mu vector_mu,k vector_mu,l: 2p + 1 numbers a sample, for every
    activation and loss of the form yhat = (1/p) sum_k sigma(s_k).

    Attributes
    ----------
    diagonal, vector : (M, p) arrays
    weight : (M,) array

    Examples
    --------
    >>> from hpcbbp import Problem
    >>> D = Problem(p=2, p_star=1, alpha=3.0, a=1.5).curvature(np.array([[1.0, 0.0]]), np.array([[2.0]]))
    >>> D.dense().round(3).tolist()
    [[[-0.455, 0.0], [0.0, -0.636]]]
    """

    diagonal: Array
    vector: Array
    weight: Array

    def __repr__(self) -> str:
        """Its shape, never the arrays."""
        return f"Curvature(M={len(self.weight)}, p={self.vector.shape[1]})"

    def apply(self, Z: Array) -> Array:
        """D_mu Z_mu for every sample; Z and the result are (M, p)."""
        refuse_masked(Z, "Z")
        along = self.weight * np.einsum("mk,mk->m", self.vector, Z)
        image: Array = self.diagonal * Z + along[:, None] * self.vector
        return image

    def largest(self) -> float:
        """Bound on |D_mu,kl| over these samples, 0 if there are none; NaN or inf if there is one."""
        with np.errstate(over="ignore", invalid="ignore"):
            sizes = np.abs(self.diagonal) + np.abs(self.weight)[:, None] * self.vector**2
        return float(np.max(sizes, initial=0.0))

    def padded(self, samples: int) -> Curvature:
        """The same with D_mu = 0 for samples behind the last one, `samples` in all."""
        more = samples - len(self.weight)
        parts = (self.diagonal, self.vector, self.weight[:, None])
        diagonal, vector, weight = (np.pad(part, ((0, more), (0, 0))) for part in parts)
        return Curvature(diagonal, vector, weight[:, 0])

    def dense(self) -> Array:
        """All the D_mu, as an (M, p, p) array."""
        outer = self.weight[:, None, None] * self.vector[:, :, None] * self.vector[:, None, :]
        diagonal = np.einsum("mk,kl->mkl", self.diagonal, np.eye(self.diagonal.shape[1]))
        result: Array = outer + diagonal
        return result
