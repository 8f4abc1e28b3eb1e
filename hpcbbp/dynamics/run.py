"""A whole descent: steps, Hessians on the way, and the state that is kept."""

from __future__ import annotations

import time
from collections.abc import Callable

from hpcbbp.dynamics.checkpoint import DescentCheckpoint, identity_of
from hpcbbp.dynamics.descent import Descent
from hpcbbp.dynamics.directions import DirectionWalker
from hpcbbp.dynamics.landscapes import landscape
from hpcbbp.dynamics.schedule import Schedule
from hpcbbp.dynamics.trajectory import Landscape, Moment, Trajectory
from hpcbbp.dynamics.vectors import VectorWalker
from hpcbbp.dynamics.walker import Heard, Solving
from hpcbbp.errors import InputError, shown, whole_number
from hpcbbp.machine import provenance
from hpcbbp.solvers.deferred.blocks import Blocks
from hpcbbp.solvers.eigen import check_arguments
from hpcbbp.solvers.instance import Instance

HESSIAN_TOL = 1e-6
"""Relative residual of pairs on the way: where weights have learnt, the lowest is often one of the bulk."""


def descend(
    instance: Instance | Blocks,
    schedule: Schedule,
    *,
    hessian_every: int | None = None,
    nev: int | None = None,
    tol: float = HESSIAN_TOL,
    checkpoint: DescentCheckpoint | None = None,
    progress: Callable[[Moment, Landscape | None], None] | None = None,
    heard: Heard = None,
) -> Trajectory:
    """Descend from an instance's student, or from an informed start. Collective.

    Parameters
    ----------
    instance : Instance or Blocks
        From gaussian_instance or file_instance; or deferred, with room for the directions that steps and Hessians
        lead to (each step p of them).
    schedule : Schedule
    hessian_every : int, optional
        Steps between Hessians, from step 0 on; none by default. With deferred data another number is another
        instance.
    nev, tol
        Of their pairs, as in solve_instance; p p* pairs and 1e-6 by default.
    checkpoint : DescentCheckpoint, optional
        Keeps the state between steps, and goes on from one that is there.
    progress : callable, optional
        Called with each Moment, and the Landscape there or None, on every rank.
    heard : callable, optional
        Called with the steps of each eigensolve, on every rank.

    Returns
    -------
    Trajectory
        Of moments 0 to steps, or up to where weights or losses are no numbers any more, or memory has no room.

    Raises
    ------
    InputError
        Bad values; a loss that has no value at the start; a checkpoint of something else, or damaged.
    StoppedError
        If the checkpoint's `stop` says so; the state is kept.

    Examples
    --------
    >>> from hpcbbp import Problem, gaussian_instance
    >>> instance = gaussian_instance(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=200)
    >>> found = descend(instance, Schedule(steps=20, eta=0.02))
    >>> found.moments[-1].loss < found.moments[0].loss
    True
    """
    if not isinstance(instance, Instance | Blocks) or not isinstance(schedule, Schedule):
        raise InputError("descend(instance, schedule): give an Instance or a deferred one, and a Schedule")
    if checkpoint is not None and not isinstance(checkpoint, DescentCheckpoint):
        raise InputError(f"checkpoint = {shown(checkpoint)}: a DescentCheckpoint(folder) is wanted")
    every = whole_number(hessian_every) if hessian_every is not None else 0
    if every is None or every < (hessian_every is not None):
        raise InputError(f"hessian_every = {shown(hessian_every)}: a whole number of steps >= 1")
    walker: Solving = VectorWalker(instance) if isinstance(instance, Instance) else DirectionWalker(instance)
    problem = walker.problem
    nev, tol = check_arguments(problem.p * problem.p_star if nev is None else nev, tol, problem.p * walker.n)
    clock, at, reason = time.perf_counter(), Descent(walker, schedule), ""
    moments, landscapes = told = list[Moment](), list[Landscape]()
    try:
        if checkpoint is not None:
            checkpoint.begin(at, walker, identity_of(walker, schedule, every, nev, tol), told)
        try:
            while not reason:
                moment = at.look()
                if moment is None:
                    reason = f"diverged at step {at.step}: take a smaller eta, or the sphere"
                    break
                moments.append(moment)
                seen = landscape(at, walker, nev, tol, heard) if every and at.step % every == 0 else None
                landscapes += [] if seen is None else [seen]
                if progress is not None:
                    progress(moment, seen)
                if at.step == schedule.steps:
                    break
                at.advance()
                if checkpoint is not None:
                    checkpoint.save_if_due(at, walker, told)
            if checkpoint is not None:
                checkpoint.ended(walker.group)
        except InputError as error:  # as where memory has no room for more: of all ranks, and a state stays
            if at.step == 0:
                raise
            reason = f"ended at step {at.step}: {error}"
    finally:
        if checkpoint is not None:
            checkpoint.release()
    return Trajectory(
        problem, walker.n, walker.m, walker.seed, walker.kind, walker.storage, schedule, tuple(moments),
        tuple(landscapes), reason,
        time.perf_counter() - clock, None if checkpoint is None else checkpoint.resumed,
        {**provenance.versions(), "ranks": walker.group.size},
    )  # fmt: skip
