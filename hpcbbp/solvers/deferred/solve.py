"""Eigenpairs from a deferred instance: Rayleigh-Ritz over all that is known, then a query of what is not."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.machine import memory, provenance
from hpcbbp.solvers.deferred.checkpoint import Checkpoint
from hpcbbp.solvers.deferred.engine import NO_ROOM, Deferred, check_block, check_deferred
from hpcbbp.solvers.deferred.progress import Progress
from hpcbbp.solvers.deferred.residuals import limited, of_moments, recomputed
from hpcbbp.solvers.eigen import check_arguments
from hpcbbp.solvers.result import EigenResult, Solution, Step

Array = NDArray[np.float64]

_SHARE = 0.3  # of the tolerance that a residual is brought to where rounding takes the rest
_ZERO = 3e-14  # of the size of H: an eigenvalue below that, with its residual, is zero
_STALLED = 60  # steps without progress after which small residuals count as rounding
_UNCHECKED = 2**22  # bytes of growth for which nobody looks how much memory is left
_CONVERGED = "converged: the requested pairs reached the tolerance"


def _orthonormal(rest: Array) -> Array:
    """Orthonormal block vectors that span the given ones (r, k, p), in their order, dropping those that vanish."""
    found: list[Array] = []
    for vector in rest.reshape(len(rest), -1):
        size = np.linalg.norm(vector)
        v = vector / size if size > 1e-13 else vector * 0.0
        for _ in range(2):
            for other in found:
                v = v - (other @ v) * other
        left = np.linalg.norm(v)
        if left > 1e-7:
            found.append(v / left)
    return np.array(found).reshape(-1, *rest.shape[1:])


def _ritz_period(instance: Deferred) -> int:
    """Steps between Rayleigh-Ritz, so that it takes no more time than the passes (a rule that no clock enters)."""
    k, p = instance.coordinates.k, instance.problem.p
    dense = 10.0 * (k * p) ** 3
    one_pass = 8.0 * instance.m * k * instance.samples.parts * p + 3e7
    return int(min(8, max(1, dense // one_pass)))


def solve_deferred(
    instance: Deferred,
    nev: int | None = None,
    *,
    tol: float = 1e-8,
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
        Block vectors a step, >= p p* (the default).
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
    problem, group, c = instance.problem, instance.group, instance.coordinates
    least = problem.p * problem.p_star
    block = check_block(least if block is None else block)
    nev, tol = check_arguments(least if nev is None else nev, tol, problem.p * instance.n)
    check_deferred(problem, instance.n, tol, instance.storage, block)
    clock, at = time.perf_counter(), Progress()
    width = block * problem.p
    resumed = checkpoint is not None and checkpoint.begin(instance, at)
    if c.k == 0 and not resumed:
        instance.start(width)
    began = at.seconds
    rounding, stuck = np.zeros(0), False
    values, vectors, told, reason = np.zeros(0), np.zeros((0, c.k, problem.p)), np.zeros(0), ""
    converged = np.zeros(0, dtype=bool)
    while not reason:
        k = c.k
        closing = min(nev * problem.p, instance.n - k)  # directions of a step that asks about all pairs
        reserve = min(max(width, nev * problem.p) + nev * problem.p, instance.n - k)
        left = instance.samples.capacity - k
        last = left < reserve or _room(instance, reserve) < reserve
        if last and (left < closing or k * problem.p < nev):
            raise InputError(NO_ROOM.format(k))
        due = last or k == instance.n or at.step % _ritz_period(instance) == 0 or not len(at.asked)
        at.step += 1
        if due:
            values, vectors = c.ritz(max(nev, block) + 2)
            rest = c.outside(vectors)
            sizes = np.sqrt((rest**2).sum(axis=(1, 2)))
            estimates = sizes * at.gain if at.gain else np.full(len(sizes), np.inf)
            rounding = of_moments(instance, vectors)
            goal = _goal(tol * np.abs(values), np.maximum(rounding, at.gap))
            open_ = [i for i in range(min(nev, len(values))) if not estimates[i] <= goal[i]]
            small = c.scale() * (1e-10 if instance.storage == "float64" else 1e-4)
            stuck = _stuck(at, estimates[open_], max(small, 30 * float(rounding.max())))
            final = len(values) >= nev and (last or not open_ or k == instance.n or stuck)
            order = [*open_, *(i for i in range(len(values)) if i not in open_)]
            chosen = list(range(nev)) if final else order[:block]
            final, chosen = group.share((final, chosen))
            at.asked = _orthonormal(rest[chosen])
            _note(at, values, estimates, nev, tol, progress)
            if last and checkpoint is not None:
                checkpoint.try_to_save(instance, at)  # more memory can go on from here
        else:
            final, chosen = False, []
            at.asked = _orthonormal(c.outside(_image(c.A, at.asked)))
        nothing = k == instance.n or (final and not len(at.asked))
        if not nothing:
            instance.query(at.asked, width)
            at.queries += len(at.asked)
        outer = np.sqrt((_image(c.A[k:], vectors) ** 2).sum(axis=(1, 2))) if due else np.zeros(0)
        if due and chosen:
            ratios = [outer[i] / sizes[i] for i in chosen if sizes[i] > 1e-12]
            at.gain = max(ratios, default=at.gain)
        if final:
            values, vectors = values[:nev], vectors[:nev]
            inner = _image(c.A[:k], vectors) - values[:, None, None] * vectors
            exact = np.hypot(np.sqrt((inner**2).sum(axis=(1, 2))), outer[:nev])
            wanted = tol * np.abs(values)
            enough = (exact <= _goal(wanted, np.maximum(rounding[:nev], at.gap))).all()
            if enough or last or nothing or stuck:
                told = recomputed(instance, values, vectors)
                at.gap = max(at.gap, float((told - exact).max()))
                zero = _ZERO * c.scale()
                converged = told <= np.where(np.abs(values) <= zero, zero, wanted)
                enough = (exact <= _goal(wanted, np.maximum(rounding[:nev], at.gap))).all()
                if converged.all():
                    reason = _CONVERGED
                elif last:
                    reason = f"not converged: {NO_ROOM.format(c.k)}"
                elif enough or nothing or stuck:  # asking on would not help
                    reason = limited(instance, values, told)
            reason = group.share(reason)
        at.seconds = began + time.perf_counter() - clock
        if checkpoint is not None and not reason:
            checkpoint.save_if_due(instance, at)
    if checkpoint is not None:
        checkpoint.ended(group, converged=bool(converged.all()), short_of_memory=last)
    coordinates = np.pad(vectors, ((0, 0), (0, c.k - vectors.shape[1]), (0, 0)))
    return Solution(
        problem=problem,
        n=instance.n,
        m=instance.m,
        seed=instance.seed,
        data="deferred",
        method="deferred",
        eigen=EigenResult(
            eigenvalues=values,
            residuals=told,
            converged=converged,
            vectors=coordinates,
            reason=reason,
            products=at.queries,
            tolerance=tol,
            history=tuple(at.history),
            seconds=at.seconds,
            provenance={
                **provenance.versions(),
                "ranks": group.size,
                "seed": instance.seed,
                "storage": instance.storage,
                "block": block,
                "directions": c.k,
                "resumed_directions": 0 if checkpoint is None else checkpoint.resumed,
            },
        ),
        teacher_overlaps=np.einsum("vik,iq->vkq", coordinates[:, : instance.q], instance.weights[:, problem.p :]),
        student_overlaps=np.einsum("vik,iq->vkq", coordinates[:, : instance.q], instance.weights[:, : problem.p]),
    )


def _goal(wanted: Array, rounding: Array) -> Array:
    """Residuals, as moments have them, that leave room for what rounding adds."""
    goal: Array = np.maximum(wanted - rounding, _SHARE * wanted)
    return goal


def _image(A: Array, vectors: Array) -> Array:
    """Rows of H (i, p, k, p) times block vectors (r, k', p), k' <= k: (r, i, p)."""
    rows, columns = A.shape[0] * A.shape[1], vectors.shape[1] * vectors.shape[2]
    inner = A[:, :, : vectors.shape[1]].reshape(rows, columns)
    return (vectors.reshape(len(vectors), columns) @ inner.T).reshape(len(vectors), *A.shape[:2])


def _stuck(at: Progress, estimates: Array, small: float) -> bool:
    """Whether residuals, small already, have stopped falling: rounding is all that is left of them."""
    if not len(estimates):  # all are good by their estimates: nothing to compare with
        return False
    worst = float(estimates.max())
    if worst < 0.9 * at.best:
        at.best, at.stalled = worst, 0
    else:
        at.stalled += 1
    return at.stalled >= _STALLED and at.best < small


def _room(instance: Deferred, directions: int) -> int:
    """Directions that memory has room for now: all asked for, or none. Collective."""
    samples = instance.samples
    needed = directions * samples.rows * samples.R.itemsize * instance.ranks_on_node
    if instance.group.largest(needed) < _UNCHECKED:
        return directions
    enough = instance.group.largest(float(needed > memory.available(instance.ranks_on_node))) == 0.0
    return directions if enough else 0


def _note(
    at: Progress,
    values: Array,
    estimates: Array,
    nev: int,
    tol: float,
    progress: Callable[[Step], None] | None,
) -> None:
    """Record a step, and tell whoever listens."""
    good = int((estimates[:nev] <= tol * np.abs(values[:nev])).sum())
    relative = estimates[:nev] / np.maximum(np.abs(values[:nev]), 1e-300)
    step = Step(at.step, at.queries, good, tuple(map(float, values[:nev])), tuple(map(float, relative)))
    at.history.append(step)
    if progress is not None:
        progress(step)
