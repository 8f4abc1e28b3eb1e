"""Descents with vectors of length N: X stored, on dice, or drawn again in every product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.dynamics.walker import Heard, Lowest, Solving
from hpcbbp.errors import InputError
from hpcbbp.solvers.instance import Instance, solve_instance
from hpcbbp.solvers.keeping.identity import identity_of
from hpcbbp.solvers.keeping.known import check_known, known_of, take_known
from hpcbbp.solvers.keeping.long import Long, LongFile

Array = NDArray[np.float64]


class VectorWalker(Solving):
    """Weights as this rank's coordinates in R^N.

    Parameters
    ----------
    instance : Instance
    """

    def __init__(self, instance: Instance) -> None:
        self.instance, self.data = instance, instance.data
        self.problem, self.seed = instance.problem, instance.seed
        self.n, self.group, self.rows = self.data.n, self.data.group, self.data.rows
        self.m, self.kind, self.storage = self.data.m, type(self.data).__name__, self.data.storage
        self.all = float(self.m)
        self._u = self.data.project(instance.teacher)
        own = (self._u**2).sum(axis=1)
        gram = self.products(instance.teacher, np.concatenate([instance.teacher, instance.student], axis=1))
        self._mark = np.array([self.total(own), *gram.ravel()])
        self._taken: dict[str, Array] = {}

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

    def lowest(self, W: Array, gradient: Array, nev: int, tol: float, heard: Heard = None) -> Lowest:
        """By SLEPc."""
        found = solve_instance(replace(self.instance, student=W), nev, tol=tol, progress=heard).eigen
        return Lowest(
            found.eigenvalues, found.residuals, found.converged, found.vectors, found.reason, found.products
        )

    def total(self, values: Array) -> float:
        """Over ranks."""
        return float(self.group.sum(np.array([values.sum()]))[0])

    def identity(self) -> dict[str, Any]:
        """Of an instance, and how X is kept."""
        return {
            **identity_of(self.problem, self.n, self.seed, self.storage),
            "m": self.m,
            "data": self.kind,
        }

    def long(self, W: Array, velocity: Array) -> dict[str, Long]:
        """Weights and velocities; of dice what is known of X."""
        columns = self.data.columns
        found = {
            name: Long(V.T, columns.start, self.n, replaced=True)
            for name, V in (("weights", W), ("velocity", velocity))
        }
        return {**found, **known_of(self.data)}

    def small(self, W: Array, velocity: Array) -> dict[str, NDArray[Any]]:
        """Some sums, by which other data are told."""
        return {"mark": self._mark}

    def check_kept(self, counts: Mapping[str, int], small: Mapping[str, NDArray[Any]]) -> None:
        """By numbers of vectors, and the sums."""
        others, p = dict(counts), self.problem.p
        if (others.pop("weights", 0), others.pop("velocity", 0)) != (p, p):
            raise ValueError(f"long vectors {dict(counts)}")
        check_known(self.data, others)
        if small["mark"].shape != self._mark.shape or not np.allclose(small["mark"], self._mark, 1e-6, 1e-6 * self.n):
            raise InputError("is of a descent on other data or weights: name another folder, or remove it")

    def take_long(self, kept: LongFile, file: int) -> dict[str, list[int]]:
        """Weights and velocities, and of dice what is known of X."""
        columns = self.data.columns
        sums: dict[str, list[int]] = {}
        for name in ("weights", "velocity"):
            read = list(kept.read(file, name, np.float64, columns.start, len(columns)))
            self._taken[name] = np.array([row for row, _ in read]).T.reshape(len(columns), -1).copy()
            sums[name] = [mixed for _, mixed in read]
        return {**sums, **take_known(self.data, kept, file)}

    def take_small(self, small: Mapping[str, NDArray[Any]]) -> tuple[Array, Array]:
        """Weights and velocities that were read."""
        return self._taken["weights"], self._taken["velocity"]

    def known(self, W: Array) -> Array:
        """As they are."""
        return W

    def products(self, V: Array, W: Array) -> Array:
        """By a sum over ranks."""
        return self.group.sum(V.T @ W)
