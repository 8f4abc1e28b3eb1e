"""The straight line: from a problem, N and a seed (or a user's files) to eigenpairs and overlaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hpcbbp.data.base import DataMatrix
from hpcbbp.data.stored import check_array, check_storage
from hpcbbp.errors import InputError, shown
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import check_seed
from hpcbbp.model.problem import Problem, check_dimension
from hpcbbp.operators.hessian import Hessian
from hpcbbp.solvers import eigen
from hpcbbp.solvers.checkpoint import SolveCheckpoint
from hpcbbp.solvers.keeping.identity import identity_of
from hpcbbp.solvers.lengths import TINY, check_lengths
from hpcbbp.solvers.makers import MAKERS, require_memory
from hpcbbp.solvers.overlap import cosines, level_cosines, overlaps
from hpcbbp.solvers.request import DEFAULT_TOL, Request
from hpcbbp.solvers.result import Solution, Step
from hpcbbp.solvers.source import with_source
from hpcbbp.solvers.starts import along
from hpcbbp.solvers.weights import sphere

Array = NDArray[np.float64]


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

    Raises
    ------
    InputError
        When made (collectively): weights that are not plain arrays of these shapes, not finite, or without a length.

    Examples
    --------
    >>> from hpcbbp.data.stored import StoredData
    >>> rng = np.random.default_rng(0)
    >>> X, w = rng.standard_normal((300, 100)) / 10, rng.standard_normal((100, 2))
    >>> own = Instance(Problem(1, 1, 3.0, 1.5), StoredData(X, 300), teacher=w[:, :1], student=w[:, 1:], seed=0)
    >>> own.hessian.size
    100
    """

    problem: Problem
    data: DataMatrix
    teacher: Array
    student: Array
    seed: int

    def __post_init__(self) -> None:
        """Check the weights. Collective."""
        data, group = self.data, self.data.group
        object.__setattr__(self, "seed", check_seed(self.seed))
        for name, units in (("teacher", self.problem.p_star), ("student", self.problem.p)):
            with group.agreeing():
                weights = getattr(self, name)
                check_array(weights, f"{name} weights")
                if weights.shape != (len(data.columns), units):
                    raise InputError(
                        f"{name} weights of shape {weights.shape}: this rank has {len(data.columns)} coordinates of "
                        f"{units} unit(s), {(len(data.columns), units)}"
                    )
            with np.errstate(over="ignore", invalid="ignore"):
                check_lengths(group.sum((np.asarray(weights, dtype=np.float64) ** 2).sum(axis=0)), f"{name} weights")

    def __repr__(self) -> str:
        """What it is, in a line; never the arrays."""
        model = self.problem
        return (
            f"Instance(p={model.p}, p_star={model.p_star}, a={model.a:g}, alpha={model.alpha:g}, N={self.data.n}, "
            f"M={self.data.m}, seed={self.seed}, data={type(self.data).__name__}, ranks={self.data.group.size})"
        )

    @cached_property
    def projections(self) -> tuple[Array, Array]:
        """S = X w, (m_local, p), and u = X w*, (m_local, p_star), of this rank's samples. Collective."""
        both = self.data.project(np.concatenate([self.student, self.teacher], axis=1))
        return both[:, : self.problem.p], both[:, self.problem.p :]

    @cached_property
    def gram(self) -> Array:
        """Cosines between weights, or those of their parts in each level of the data's covariance. Collective."""
        law, group = self.problem.covariance, self.data.group
        if law is None:
            return cosines(self.student, self.teacher, group)
        return level_cosines(self.student, self.teacher, law, self.data.n, group)

    @property
    def noise(self) -> Array | None:
        """z ~ N(0, 1), (m_local,), that noise on the labels of this rank's samples is made of; None without noise."""
        rows = self.data.rows
        return self.problem.noise_numbers(self.seed, rows.start, rows.stop)

    @cached_property
    def hessian(self) -> Hessian:
        """Hessian of the loss at the student's weights. Collective when first asked for."""
        group, projections, z = self.data.group, self.projections, self.noise
        with np.errstate(all="ignore"), group.agreeing():
            curvature = self.problem.curvature(*projections, z)
            worst = curvature.largest()
            if not np.isfinite(worst) and (said := self.problem.own_fault(*projections, z)):
                raise InputError(said)
        finite = group.smallest(float(np.isfinite(worst)))
        largest, entry = group.largest(worst if finite else 0.0), group.largest(self.data.largest)
        bound = largest * entry * entry  # on the terms that H is a sum of
        if finite and TINY < bound < 1 / TINY:
            return Hessian(self.data, curvature)
        what = "overflow" if not finite or bound > 1.0 else "underflow"
        size_of_D = f"|D| <= {largest:.3g}" if finite else "|D| is not finite"
        raise InputError(
            f"the curvatures {what} ({size_of_D}, |x| <= {entry:.3g}): scale X and the weights so that |x_mu| is "
            "near 1, |w| near sqrt(N)"
        )


def gaussian_instance(
    problem: Problem,
    n: int,
    seed: int = 0,
    *,
    storage: str | None = None,
    data: str = "stored",
    nev: int | None = None,
    group: Group | None = None,
) -> Instance:
    """Draw an instance of a model: x_mu ~ N(0, Sigma/N), Sigma = 1 in the paper's, weights on the sphere. Collective.

    Parameters
    ----------
    problem : Problem
    n : int
        Dimension N >= 2.
    seed : int
        At least 0. One seed is one instance on any number of ranks.
    storage : {"float64", "float32", "bf16", "int8"}, optional
        What X is rounded to: the most exact that `data` has by default. bf16 and int8 go with stored X.
    data : {"stored", "dice", "regenerated"}
        X in memory, never formed (hpcbbp.data.dice), or drawn again in every product (hpcbbp.data.regenerated): the
        same law, not the same instance for one seed.
    nev : int, optional
        Pairs to be solved for, for the memory estimate.
    group : Group, optional
        One process by default.

    Raises
    ------
    InputError
        Bad values, or a problem that does not fit in memory; before anything is allocated.

    Examples
    --------
    >>> instance = gaussian_instance(Problem(p=2, p_star=1, alpha=3.0, a=1.5), n=100, seed=1)
    >>> instance.data.m, instance.student.shape
    (300, (100, 2))
    """
    group, n, seed, m = Group.chosen(group), check_dimension(n), check_seed(seed), problem.samples(n)
    if not isinstance(data, str) or data not in MAKERS:
        raise InputError(f"data = {shown(data)}: X is drawn by one of {', '.join(MAKERS)}")
    make, needed, storages = MAKERS[data]
    storage = check_storage(storages[0] if storage is None else storage, storages)
    if nev is not None:
        nev = eigen.check_nev(nev, problem.p * n)
    require_memory(Request(problem, n, seed, storage=storage, nev=nev), group, needed)
    return Instance(
        problem=problem,
        data=make(n, m, seed, storage, group, problem.covariance),
        teacher=sphere(n, problem.p_star, seed, "teacher", group),
        student=sphere(n, problem.p, seed, "student", group),
        seed=seed,
    )


def solve_instance(
    instance: Instance,
    nev: int | None = None,
    *,
    tol: float = DEFAULT_TOL,
    progress: Callable[[Step], None] | None = None,
    below: float | None = None,
    verify: bool = False,
    checkpoint: SolveCheckpoint | None = None,
) -> Solution:
    """Find the lowest eigenpairs of an instance's Hessian and their overlaps. Collective.

    Parameters
    ----------
    instance : Instance
    nev : int, optional
        Pairs wanted; p p* + 2 by default.
    tol, progress, below, verify, checkpoint
        See hpcbbp.solvers.eigen.solve. A solve on dice that goes on is one instance, but as with another number of
        ranks the same only up to how rounding grows on the way (docs/dice.md).

    Examples
    --------
    >>> solution = solve_instance(gaussian_instance(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=200), nev=2)
    >>> bool(solution.eigen.converged.all()), bool(solution.overlap2[0] > 0.2)
    (True, True)
    """
    if not isinstance(instance, Instance):
        raise InputError(
            f"solve_instance({type(instance).__name__}): give an Instance, as gaussian_instance and file_instance "
            "return it (solve_deferred takes what deferred_instance returns)"
        )
    problem, data = instance.problem, instance.data
    nev = eigen.default_nev(problem.p, problem.p_star, data.n) if nev is None else nev
    nev, tol = eigen.check_arguments(nev, tol, problem.p * data.n)
    seed = instance.seed
    # With dice another start would be another instance than a seed has been so far.
    start = along(instance.teacher, problem.p, seed) if data.fixed else None
    identity = {**identity_of(problem, data.n, seed, data.storage), "m": data.m, "data": type(data).__name__}
    result = eigen.solve(
        instance.hessian, nev, tol=tol, seed=seed, progress=progress, below=below, verify=verify, start=start,
        checkpoint=checkpoint, identity=identity,
    )  # fmt: skip
    result = replace(result, provenance={**result.provenance, "storage": data.storage})
    if data.source is not None:
        result = with_source(result, replace(instance, data=data.source).hessian)
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
