"""Deferred instances to descend on: whether steps and Hessians have room."""

from __future__ import annotations

from hpcbbp.dynamics.needs import directions_of, room_of
from hpcbbp.dynamics.schedule import Schedule
from hpcbbp.errors import InputError, shown, whole_number
from hpcbbp.machine import memory
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import check_seed
from hpcbbp.model.problem import Problem, check_dimension
from hpcbbp.solvers.deferred.blocks import Blocks
from hpcbbp.solvers.deferred.floors import storage_bytes
from hpcbbp.solvers.instance import Instance, gaussian_instance
from hpcbbp.solvers.request import ARGUMENTS, Request, Words

WALKS = ("stored", "dice", "regenerated", "deferred")
"""Methods by which a descent goes."""


def deferred_walk(
    problem: Problem,
    n: int,
    schedule: Schedule,
    seed: int = 0,
    *,
    storage: str = "float64",
    hessians: int = 0,
    group: Group | None = None,
) -> Blocks:
    """Prepare a deferred instance for a descent; nothing of size M is drawn yet. Collective.

    Parameters
    ----------
    problem : Problem
    n : int
        N.
    schedule : Schedule
    seed : int
        One seed is one instance on any number of ranks, if the schedule and the steps with Hessians are the same.
    storage : {"float64", "float32"}
    hessians : int
        How many of them there will be on the way, for the estimate of memory.
    group : Group, optional

    Raises
    ------
    InputError
        More steps than min(N, M) directions, int16, or too little memory.

    Examples
    --------
    >>> from hpcbbp.dynamics import Schedule, descend
    >>> schedule = Schedule(steps=5, eta=0.02)
    >>> walk = deferred_walk(Problem(p=1, p_star=1, alpha=6.0, a=1.5), 1000, schedule)
    >>> len(descend(walk, schedule).moments)
    6
    """
    group, n, seed = Group.chosen(group), check_dimension(n), check_seed(seed)
    if not isinstance(problem, Problem) or not isinstance(schedule, Schedule):
        raise InputError("deferred_walk(problem, n, schedule): give a Problem, N and a Schedule")
    count = whole_number(hessians)
    if count is None or not 0 <= count <= schedule.steps + 1:
        raise InputError(f"hessians = {shown(hessians)}: a whole number from 0 to steps + 1")
    check_method("deferred", storage)
    storage_bytes(storage)
    m, steps = problem.samples(n), directions_of(problem, n, schedule)
    if steps > min(n, m):
        raise InputError(
            f"{schedule.steps} steps lead to {steps} directions, and min(N, M) = {min(n, m)}: take fewer steps, a "
            "larger N, or stored data"
        )
    asked = Request(problem, n, seed, "deferred", storage, block=1)
    fixed, each, wanted = room_of(asked, schedule, count, group.size)
    way_out = "take storage float32, fewer steps, a smaller N, or more nodes"
    return Blocks(problem, n, seed, storage, memory.room(fixed, each, wanted, n, group, way_out), group)


def prepared(
    request: Request, schedule: Schedule, hessians: int = 0, group: Group | None = None
) -> Instance | Blocks:
    """Draw the instance of a request to descend on, by its method. Collective.

    Raises
    ------
    InputError
        As deferred_walk, and as the methods themselves.

    Examples
    --------
    >>> from hpcbbp.dynamics import Schedule
    >>> asked = Request(Problem(p=1, p_star=1, alpha=6.0, a=1.5), 500, method="deferred")
    >>> prepared(asked, Schedule(steps=5, eta=0.02)).m
    3000
    """
    check_descent(request.problem, request.method, request.storage)
    if request.method == "deferred":
        return deferred_walk(
            request.problem, request.n, schedule, request.seed, storage=request.storage, hessians=hessians,
            group=group,
        )  # fmt: skip
    return gaussian_instance(
        request.problem, request.n, request.seed, storage=request.storage, data=request.method, nev=request.nev,
        group=group,
    )  # fmt: skip


def check_descent(problem: Problem, method: str, storage: str | None = None, words: Words = ARGUMENTS) -> None:
    """Raise InputError for a method or a problem that nothing can descend by. Needs neither MPI nor data."""
    check_method(method, storage, words)
    if problem.estimator is not None:
        raise InputError(f"estimator {problem.estimator.name} has no loss, whose gradient could be descended")


def check_method(method: str, storage: str | None = None, words: Words = ARGUMENTS) -> None:
    """Raise InputError for a method that no descent goes by, or numbers that are too narrow for one."""
    if method not in WALKS:
        raise InputError(f"{words('method', method)}: a descent goes by {words.among('method', list(WALKS))}")
    if method == "deferred" and storage == "int16":
        raise InputError(f"{words('storage', storage)}: a descent keeps images in float64 or float32")
