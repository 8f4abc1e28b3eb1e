"""Eigenpairs from a deferred instance: from what is asked to a Solution."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.machine import provenance
from hpcbbp.solvers.cluster import Known
from hpcbbp.solvers.deferred.blocks import Blocks
from hpcbbp.solvers.deferred.checkpoint import Checkpoint
from hpcbbp.solvers.deferred.engine import check_block, check_deferred, few
from hpcbbp.solvers.deferred.instance import Deferred
from hpcbbp.solvers.deferred.iteration import Iteration
from hpcbbp.solvers.deferred.lanczos import BlockLanczos
from hpcbbp.solvers.deferred.moments import Moments
from hpcbbp.solvers.deferred.progress import Progress
from hpcbbp.solvers.eigen import check_arguments
from hpcbbp.solvers.overlap import overlap2
from hpcbbp.solvers.request import DEFAULT_TOL, usual_block
from hpcbbp.solvers.result import EigenResult, Solution, Step

Array = NDArray[np.float64]


def solve_deferred(
    instance: Deferred,
    nev: int | None = None,
    *,
    tol: float = DEFAULT_TOL,
    block: int | None = None,
    progress: Callable[[Step], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> Solution:
    """Find the lowest eigenpairs of an instance's Hessian and their overlaps. Collective.

    Parameters
    ----------
    instance : Deferred
        From deferred_instance. A second solve goes on with the same X.
    nev : int, optional
        Pairs wanted; p p* by default, the teacher's outliers (bulk pairs converge far more slowly).
    tol : float
        Relative residual |H v - lambda v| / |lambda|.
    block : int, optional
        Block vectors a step; by default one, or p p* for p = 1 and p p* = 2. With fewer than p p* copies of the
        outlier, which differ by N^(-1/2), are resolved one after the other, from an instance that was made for that
        (deferred_instance with that block).
    progress : callable, optional
        Called with each Step, on every rank.
    checkpoint : Checkpoint, optional
        Where the state is kept from time to time, and taken from if it is there.

    Returns
    -------
    Solution
        With what converged, marked, also where memory ended the solve. `eigen.vectors` are coordinates (nev, k, p)
        in the basis of directions met; the first p + p* span student and teacher (docs/deferred.md).

    Raises
    ------
    InputError
        Bad values, or a checkpoint of something else.
    StoppedError
        The checkpoint was told to stop the solve, and has its state.

    Examples
    --------
    >>> from hpcbbp import Problem, deferred_instance
    >>> solution = solve_deferred(deferred_instance(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=1000), tol=1e-4)
    >>> bool(solution.eigen.converged[0]), bool(0.4 < solution.overlap2[0] < 0.7)
    (True, True)
    """
    if not isinstance(instance, Deferred):
        raise InputError(
            f"solve_deferred({type(instance).__name__}): give what deferred_instance returns (solve_instance takes "
            "an Instance, with X stored, from files or on dice)"
        )
    try:
        return _solve(instance, nev, tol, block, progress, checkpoint)
    finally:
        if isinstance(checkpoint, Checkpoint):
            checkpoint.release()


def _solve(
    instance: Deferred,
    nev: int | None,
    tol: float,
    block: int | None,
    progress: Callable[[Step], None] | None,
    checkpoint: Checkpoint | None,
) -> Solution:
    if not (checkpoint is None or isinstance(checkpoint, Checkpoint)):
        raise InputError(f"checkpoint = {checkpoint!r}: a Checkpoint(folder), or None")
    problem = instance.problem
    least = problem.p * problem.p_star
    usual = usual_block(problem) if isinstance(instance, Blocks) else least
    block = check_block(usual if block is None else block)
    nev, tol = check_arguments(least if nev is None else nev, tol, problem.p * instance.n)
    check_deferred(problem, instance.n, tol, instance.storage, block)
    if few(problem, block) and not isinstance(instance, Blocks):
        raise InputError(
            f"block = {block}: fewer vectors than p p* = {least} want an instance that keeps left directions; give "
            f"deferred_instance block={block} too"
        )
    clock, at = time.perf_counter(), Progress()
    resumed = checkpoint is not None and checkpoint.begin(instance, at)
    if instance.k == 0 and not resumed:
        instance.start(block * problem.p)
    began, found = at.seconds, _steps(instance, nev, tol, block, at)

    def keep() -> None:
        if checkpoint is not None:
            checkpoint.try_to_save(instance, at)

    while not found.reason:
        found.step(progress, keep)
        at.seconds = began + time.perf_counter() - clock
        if checkpoint is not None and not found.reason:
            checkpoint.save_if_due(instance, at)
    if checkpoint is not None:
        checkpoint.ended(instance.group, converged=bool(found.converged.all()), short_of_memory=found.last)
    return _solution(found, 0 if checkpoint is None else checkpoint.resumed)


def _steps(instance: Deferred, nev: int, tol: float, block: int, at: Progress) -> Iteration | BlockLanczos:
    """What takes the steps of a solve."""
    if isinstance(instance, Blocks):
        return BlockLanczos(instance, nev, tol, block, at)
    assert isinstance(instance, Moments)
    return Iteration(instance, nev, tol, block, at)


def _solution(found: Iteration | BlockLanczos, resumed: int) -> Solution:
    """What a finished iteration has found, with overlaps."""
    instance, at = found.instance, found.at
    problem, k = instance.problem, instance.k
    coordinates = np.pad(found.vectors, ((0, 0), (0, k - found.vectors.shape[1]), (0, 0)))
    teacher, student = instance.weights[:, problem.p :], instance.weights[:, : problem.p]

    def cosines(vectors: Array, weights: Array) -> Array:
        """The first directions span teacher and student."""
        found: Array = np.einsum("vik,iq->vkq", vectors[:, : instance.q], weights)
        return found

    beyond = None
    if isinstance(found, BlockLanczos):
        values, vectors, told = found.more
        beyond = Known(values, told, overlap2(cosines(vectors, teacher)))
    return Solution(
        problem=problem,
        n=instance.n,
        m=instance.m,
        seed=instance.seed,
        data="deferred",
        method="deferred",
        eigen=EigenResult(
            eigenvalues=found.values,
            residuals=found.told,
            converged=found.converged,
            vectors=coordinates,
            reason=found.reason,
            products=at.queries,
            tolerance=found.tol,
            history=tuple(at.history),
            seconds=at.seconds,
            provenance={
                **provenance.versions(),
                "ranks": instance.group.size,
                "seed": instance.seed,
                "storage": instance.storage,
                "block": found.block,
                "directions": k,
                "resumed_directions": resumed,
            },
        ),
        teacher_overlaps=cosines(coordinates, teacher),
        student_overlaps=cosines(coordinates, student),
        beyond=beyond,
    )
