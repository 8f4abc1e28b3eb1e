"""The curve of a transform whose units are alike, averaged where nodes break this symmetry by chance.

The student's units are exchangeable, and so are the teacher's; even activations add the signs of projections. A grid
has these symmetries, scrambled Sobol points have not: the copies of a degenerate outlier would split by chance, and
the lowest of them lie too low in every scrambling.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.model.problem import Problem
from hpcbbp.theory.finite.dyson import Curve
from hpcbbp.theory.finite.levels import LevelCurve
from hpcbbp.theory.finite.population import Population
from hpcbbp.theory.finite.sums import Sums

Array = NDArray[np.float64]


class Symmetries:
    """Of a model: whether the labels' and the outputs' parts are even in single projections.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem) -> None:
        self.p, self.p_star = problem.p, problem.p_star
        self.none = problem.estimator is not None
        """Symmetries of an estimator turn its vectors and the teacher's together: none is used but that G is even."""
        if self.none:
            self.student = self.teacher = self.alike = True
            _check_isotropic(problem)
            return
        rng = np.random.default_rng(0)
        s, u = rng.standard_normal((50, self.p)), rng.standard_normal((50, self.p_star))
        flip = np.ones(self.p)
        flip[0] = -1.0
        out = problem.student_output(s)
        self.student = bool(np.allclose(problem.student_output(s * flip), out, rtol=1e-12, atol=1e-14))
        flip = np.ones(self.p_star)
        flip[0] = -1.0
        out = problem.teacher_output(u)
        self.teacher = bool(np.allclose(problem.teacher_output(u * flip), out, rtol=1e-12, atol=1e-14))
        # Exchangeable teachers: not those of a link that tells one unit from another.
        self.alike = bool(np.allclose(problem.teacher_output(u[:, ::-1]), out, rtol=1e-12, atol=1e-14))

    def orbits(self) -> tuple[Array, Array]:
        """Number of the class of each entry of Theta, ((p q)^2,), -1 for those that vanish; and entries of each."""
        return _orbits(self.p, self.p_star, self.student, self.teacher, self.alike)

    def averaged(self, theta: Array) -> Array:
        """Theta averaged over the symmetries."""
        if self.none:
            return theta
        classes, counts = self.orbits()
        flat, known = theta.ravel(), classes >= 0
        sums = np.bincount(classes[known], weights=flat[known], minlength=len(counts))
        result = np.zeros_like(flat)
        result[known] = (sums / counts)[classes[known]]
        return result.reshape(theta.shape)


def _check_isotropic(problem: Problem) -> None:
    """Raise InputError for an estimator whose T(y) tells units apart on average: G would be no multiple of 1."""
    rng = np.random.default_rng(0)
    s, u = rng.standard_normal((40_000, problem.p)), rng.standard_normal((40_000, problem.p_star))
    values, axes = np.linalg.eigh(problem.curvature(s, u, rng.standard_normal(40_000)).dense())
    mean = np.einsum("mik,mk,mjk->ij", axes, np.tanh(values), axes) / len(values)  # a bounded function of D
    if np.abs(mean - np.eye(problem.p) * np.trace(mean) / problem.p).max() > 0.03:
        raise InputError(
            "estimator: T(y) tells the teacher's units apart on average; theory is known where the average of every "
            "function of T(y) is a multiple of 1"
        )


@cache
def _orbits(p: int, p_star: int, student: bool, teacher: bool, alike: bool) -> tuple[Array, Array]:
    """Entries (k, a), (l, b) of Theta, a and b teachers first, by which of their indices are the same unit."""
    q = p + p_star
    seen: dict[tuple[tuple[str, int], ...], int] = {}
    classes = np.full((p * q) ** 2, -1)
    for place in range((p * q) ** 2):
        (k, a), (m, b) = (divmod(index, q) for index in divmod(place, p * q))
        units = [("s", k), ("s", m)] + [("t", c) if c < p_star else ("s", c - p_star) for c in (a, b)]
        odd = {unit for unit in units if units.count(unit) % 2}
        if any(student if kind == "s" else teacher for kind, _ in odd):
            continue
        names: dict[tuple[str, int], int] = {}
        word = tuple(
            (kind, unit if kind == "t" and not alike else names.setdefault((kind, unit), len(names)))
            for kind, unit in units
        )
        classes[place] = seen.setdefault(word, len(seen))
    return classes, np.bincount(classes[classes >= 0], minlength=len(seen)).astype(float)


class _Symmetrised(Curve):
    """A curve along which G is a multiple of 1 (even activations) or has one value more, on (1, ..., 1)."""

    _projector: Array
    symmetries: Symmetries

    def _set(self, symmetries: Symmetries) -> None:
        self.symmetries = symmetries
        p = self.sums.p
        kept = [np.eye(p)] if symmetries.student or p == 1 else [np.eye(p), np.ones((p, p)) - np.eye(p)]
        rows = np.array([np.einsum("iab,ab->i", self._basis, matrix) for matrix in kept])
        axes = np.linalg.qr(rows.T)[0]
        self._projector = axes @ axes.T

    def _symmetric(self, Z: Array, J: Array) -> tuple[Array, Array]:
        """Z and J on the matrices that the symmetries leave; -1 on the others, which do not take part."""
        S = self._projector
        return self._matrix(S @ self._coordinates(Z)), S @ J @ S - (np.eye(len(S)) - S)

    def _averaged(self, theta: Array) -> Array:
        """Theta averaged over the symmetries."""
        return self.symmetries.averaged(theta)


class SymmetricCurve(_Symmetrised):
    """Of white data."""

    def __init__(self, sums: Sums, symmetries: Symmetries) -> None:
        super().__init__(sums, 1)
        self._set(symmetries)


class SymmetricLevelCurve(_Symmetrised, LevelCurve):
    """Of data with a covariance."""

    def __init__(self, sums: Sums, symmetries: Symmetries, population: Population) -> None:
        LevelCurve.__init__(self, sums, 1, population)
        self._set(symmetries)


def symmetric_curve(sums: Sums, symmetries: Symmetries, population: Population | None) -> Curve:
    """The curve of nodes of all samples."""
    if population is None:
        return SymmetricCurve(sums, symmetries)
    return SymmetricLevelCurve(sums, symmetries, population)
