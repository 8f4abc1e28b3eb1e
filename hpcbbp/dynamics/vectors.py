"""Descents with vectors of length N: X stored, on dice, or drawn again in every product."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hpcbbp.dynamics.walker import Lowest, Walker
from hpcbbp.solvers.instance import Instance, solve_instance

Array = NDArray[np.float64]


class VectorWalker(Walker):
    """Weights as this rank's coordinates in R^N.

    Parameters
    ----------
    instance : Instance
    """

    def __init__(self, instance: Instance) -> None:
        self.instance, self.data = instance, instance.data
        self.problem, self.seed = instance.problem, instance.seed
        self.n, self.group, self.rows = self.data.n, self.data.group, self.data.rows
        self._u = self.data.project(instance.teacher)

    @property
    def teacher(self) -> Array:
        """w*_l."""
        return self.instance.teacher

    def first(self) -> Array:
        """Of the instance."""
        return self.instance.student.astype(np.float64)

    def projected(self, W: Array) -> tuple[Array, Array]:
        """S, anew, and u."""
        return self.data.project(W), self._u

    def gradient(self, psi: Array) -> Array:
        """X^T psi."""
        return self.data.adjoint(psi)

    def lowest(self, W: Array, gradient: Array, nev: int, tol: float) -> Lowest:
        """By SLEPc."""
        found = solve_instance(replace(self.instance, student=W), nev, tol=tol).eigen
        return Lowest(
            found.eigenvalues, found.residuals, found.converged, found.vectors, found.reason, found.products
        )

    def total(self, values: Array) -> float:
        """Over ranks."""
        return float(self.group.sum(np.array([values.sum()]))[0])

    def known(self, W: Array) -> Array:
        """As they are."""
        return W

    def products(self, V: Array, W: Array) -> Array:
        """By a sum over ranks."""
        return self.group.sum(V.T @ W)
