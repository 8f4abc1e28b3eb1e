"""Samples with curvatures of any model, and weights: of one instance, or nodes of a quadrature over all samples."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.machine import memory
from hpcbbp.model.parts import refuse_masked
from hpcbbp.model.problem import Problem
from hpcbbp.theory.finite import weighted
from hpcbbp.theory.finite.projections import CHUNK, Drawn, Projections, Samples

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


class CurvedSample(Projections):
    """Projections of one sample of any model; curvatures are kept if they take less than a third of the free memory.

    Parameters
    ----------
    problem : Problem
    s, u : (M, p) and (M, p_star) arrays
    z : (M,) array or None
        What noise on the labels is made of.
    empty : bool
        Whether there may be no rows (of a rank among others).
    """

    kernels: ModuleType = weighted

    def __init__(self, problem: Problem, s: Samples, u: Samples, z: Array | None, *, empty: bool = False) -> None:
        super().__init__(s, u, empty=empty)
        if (self.p, self.p_star) != (problem.p, problem.p_star):
            raise InputError(
                f"projections of {self.p} and {self.p_star} hidden units, where the problem has p = {problem.p} and "
                f"p_star = {problem.p_star}"
            )
        self.problem, self.z = problem, _checked_noise(problem, z, self.m)
        self._curvatures = _Curvatures(problem, self.m)
        for number in self.chunks():  # refused before anything is computed, and before others wait for this rank
            self.chunk(number)

    def chunk(self, number: int) -> tuple[Samples, ...]:
        """s, u, D and weights 1 of samples number CHUNK, ..., (number + 1) CHUNK - 1."""
        rows = slice(number * CHUNK, (number + 1) * CHUNK)
        return self._curvatures.of(
            number, self.s[rows], self.u[rows], lambda: None if self.z is None else self.z[rows]
        )


def _checked_noise(problem: Problem, z: Any, m: int) -> Array | None:
    """z as an array, None without noise; InputError unless it is one finite number a sample."""
    if not problem.noisy:
        return None
    refuse_masked(z, "z")
    try:
        numbers = np.asarray(z, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.zeros(0)
    if z is None or numbers.shape != (m,) or not np.isfinite(numbers).all():
        raise InputError(
            f"noise {problem.noise.name}: z, one finite number ~ N(0, 1) for each of the {m} samples, is wanted"
        )
    return numbers


class DrawnCurved(Drawn):
    """Projections of a sample of any model by their law, with the noise of the same seed; see Drawn."""

    kernels: ModuleType = weighted

    def __init__(self, problem: Problem, n: int, seed: int, *, keep: bool | None = None) -> None:
        super().__init__(problem, n, seed, keep=keep)
        self.problem = problem
        self._curvatures = _Curvatures(problem, self.m if self.keep else None)

    def chunk(self, number: int) -> tuple[Samples, ...]:
        """s, u, D and weights 1 of a chunk."""
        s, u = self.drawn(number)
        start = number * CHUNK
        return self._curvatures.of(number, s, u, lambda: self.problem.noise_numbers(self.seed, start, start + len(s)))


class _Curvatures:
    """D of chunks of samples, kept where there is room for those of all m (None: never)."""

    def __init__(self, problem: Problem, m: int | None) -> None:
        self.problem = problem
        size = 4 * problem.p * (problem.p + 1)
        self._keep = m is not None and size * m <= memory.available() // 3
        self._kept: dict[int, Array] = {}
        self._ones = np.ones(CHUNK)

    def of(self, number: int, s: Samples, u: Samples, z: Callable[[], Array | None]) -> tuple[Samples, ...]:
        D = self._kept.get(number)
        if D is None:
            D = packed_curvature(self.problem, s.astype(np.float64), u.astype(np.float64), z())
            if self._keep:
                self._kept[number] = D
        return s, u, D, self._ones[: len(s)]
