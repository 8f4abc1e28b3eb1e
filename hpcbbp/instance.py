"""The straight line: from a problem, N and a seed (or a user's files) to eigenpairs and overlaps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hpcbbp import eigen, memory
from hpcbbp.data.base import DataMatrix
from hpcbbp.data.dice import DiceData
from hpcbbp.data.file import default_storage, load_data, load_weights, read_shape
from hpcbbp.data.stored import gaussian, storage_type
from hpcbbp.errors import InputError
from hpcbbp.hessian import Hessian
from hpcbbp.overlap import overlaps
from hpcbbp.parallel import Group
from hpcbbp.problem import Problem
from hpcbbp.result import Solution, Step
from hpcbbp.rng import check_seed, normals

Array = NDArray[np.float64]


MAKERS = {"stored": gaussian, "dice": DiceData}
"""Makers of a drawn X: same law, not the same instance for one seed."""


@dataclass(frozen=True)
class Instance:
    """One realisation: data, teacher and student weights.

    Attributes
    ----------
    problem : Problem
    data : DataMatrix
        X, M x N.
    teacher : (n_local, p_star) array
        w*_l, this rank's coordinates.
    student : (n_local, p) array
        w_k, this rank's coordinates.
    seed : int
        Of the random streams (with a user's data: of the start vector alone).
    """

    problem: Problem
    data: DataMatrix
    teacher: Array
    student: Array
    seed: int

    @cached_property
    def projections(self) -> tuple[Array, Array]:
        """S = X w, (m_local, p), and u = X w*, (m_local, p_star), of this rank's samples. Collective."""
        both = self.data.project(np.concatenate([self.student, self.teacher], axis=1))
        return both[:, : self.problem.p], both[:, self.problem.p :]

    @cached_property
    def hessian(self) -> Hessian:
        """Hessian of the loss at the student's weights. Collective when first asked for."""
        with np.errstate(over="ignore", invalid="ignore"):
            curvature = self.problem.curvature(*self.projections)
        with self.data.group.agreeing():
            parts = (curvature.diagonal, curvature.vector, curvature.weight)
            if not all(np.isfinite(part).all() for part in parts):
                raise InputError(
                    "the curvatures overflow: scale X and the weights so that |x_mu| is near 1, |w| near sqrt(N)"
                )
        return Hessian(self.data, curvature)


def check_dimension(n: int) -> int:
    """Return N, or raise InputError if it is not a whole number >= 2."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 2:
        raise InputError(f"N = {n}: the input dimension is a whole number >= 2")
    return int(n)


def sphere(n: int, units: int, seed: int, stream: str, group: Group) -> Array:
    """Weights uniform on the sphere of radius sqrt(N): (n_local, units), this rank's coordinates. Collective.

    Coordinate i of unit k is number i units + k of the stream, before normalisation.
    """
    columns = group.owned(n)
    W = normals(seed, stream, columns.start * units, columns.stop * units).reshape(-1, units)
    norms = np.sqrt(group.sum((W**2).sum(axis=0)))
    result: Array = W * (math.sqrt(n) / norms)
    return result


def _require_memory(
    n: int, m: int, problem: Problem, itemsize: int, nev: int | None, group: Group, data: str = "stored"
) -> None:
    nev = nev or eigen.default_nev(problem.p, problem.p_star, n)
    estimate = memory.dice_solve if data == "dice" else memory.stored_solve
    needed = estimate(n, m, problem.p, problem.p_star, itemsize, eigen.default_ncv(nev, problem.p * n), group.size)
    smaller = "--storage float32, " if itemsize > 4 else ""
    memory.require(needed, group, f"take {smaller}a smaller N or alpha, or ranks on more nodes")


def gaussian_instance(
    problem: Problem,
    n: int,
    seed: int = 0,
    *,
    storage: str = "float64",
    data: str = "stored",
    nev: int | None = None,
    group: Group | None = None,
) -> Instance:
    """Draw an instance of the paper's model: x_mu,i ~ N(0, 1/N), weights on the sphere. Collective.

    Parameters
    ----------
    problem : Problem
    n : int
        Dimension N >= 2.
    seed : int
        At least 0. One seed is one instance on any number of ranks.
    storage : {"float64", "float32"}
    data : {"stored", "dice"}
        X in memory, or never formed (hpcbbp.data.dice): the same law, not the same instance for one seed.
    nev : int, optional
        Pairs to be solved for, for the memory estimate.
    group : Group, optional
        One process by default.

    Raises
    ------
    InputError
        Bad values, or a problem that does not fit in memory; before anything is allocated.
    """
    group = group or Group()
    check_dimension(n)
    check_seed(seed)
    if data not in MAKERS:
        raise InputError(f"data = {data!r}: X is drawn by one of {', '.join(MAKERS)}")
    itemsize = storage_type(storage).itemsize
    m = problem.samples(n)
    _require_memory(n, m, problem, itemsize, nev, group, data)
    return Instance(
        problem=problem,
        data=MAKERS[data](n, m, seed, storage, group),
        teacher=sphere(n, problem.p_star, seed, "teacher", group),
        student=sphere(n, problem.p, seed, "student", group),
        seed=seed,
    )


def file_instance(
    data: str,
    teacher: str,
    student: str,
    a: float,
    seed: int = 0,
    *,
    storage: str | None = None,
    nev: int | None = None,
    group: Group | None = None,
) -> Instance:
    """Read an instance from files: X (M x N, rows x_mu as they are), teacher (p* x N), student (p x N).

    The weights are used as they are, of any length (the model has |w| = sqrt(N) and |x_mu| near 1). Collective.

    Parameters
    ----------
    data, teacher, student : str
        FILE.npy, FILE.h5 or FILE.h5:DATASET.
    a : float
        Constant of the loss, > 0.
    seed : int
        Of the solver's start vector.
    storage : {"float64", "float32"}, optional
        As in the file by default.
    nev, group
        See gaussian_instance.

    Raises
    ------
    InputError
        Unreadable or unsuitable files (see hpcbbp.data.file), a zero weight vector, or too little memory.
    """
    group = group or Group()
    check_seed(seed)
    with group.agreeing():
        m, n, dtype = read_shape(data, "the data X", "M x N")
        p_star = read_shape(teacher, "teacher weights", "p* x N")[0]
        p = read_shape(student, "student weights", "p x N")[0]
        problem = Problem(p=p, p_star=p_star, alpha=m / n, a=a)
        if n < 2:
            raise InputError(f"{data}: shape {(m, n)}; X is M x N with N >= 2")
        itemsize = storage_type(storage or default_storage(dtype)).itemsize
        if nev is not None:
            eigen.check_arguments(nev, 1.0, p * n)
    weights = {}
    for name, what, shape in ((teacher, "teacher weights", "p* x N"), (student, "student weights", "p x N")):
        weights[what] = load_weights(name, what, shape, n, group)
        norms2 = group.sum((weights[what] ** 2).sum(axis=0))
        if not norms2.all():
            raise InputError(f"{name}: row {int(np.argmin(norms2))} of the {what} is zero, which has no direction")
    _require_memory(n, m, problem, itemsize, nev, group)
    return Instance(
        problem, load_data(data, storage, group), weights["teacher weights"], weights["student weights"], seed
    )


def solve_instance(
    instance: Instance,
    nev: int | None = None,
    *,
    tol: float = 1e-8,
    progress: Callable[[Step], None] | None = None,
    below: float | None = None,
) -> Solution:
    """Find the lowest eigenpairs of an instance's Hessian and their overlaps. Collective.

    Parameters
    ----------
    instance : Instance
    nev : int, optional
        Pairs wanted; p p* + 2 by default.
    tol, progress, below
        See hpcbbp.eigen.solve.
    """
    problem, data = instance.problem, instance.data
    nev = eigen.default_nev(problem.p, problem.p_star, data.n) if nev is None else nev
    result = eigen.solve(instance.hessian, nev, tol=tol, seed=instance.seed, progress=progress, below=below)
    return Solution(
        problem=problem,
        n=data.n,
        m=data.m,
        seed=instance.seed,
        data=type(data).__name__,
        method="krylov-schur",
        eigen=result,
        teacher_overlaps=overlaps(result.vectors, instance.teacher, data.group),
        student_overlaps=overlaps(result.vectors, instance.student, data.group),
    )
