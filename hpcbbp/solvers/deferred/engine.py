"""Deferred instances made, and what is asked of them checked."""

from __future__ import annotations

from hpcbbp.errors import InputError, shown, whole_number
from hpcbbp.machine import memory
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import check_seed
from hpcbbp.model.covariance import spaces
from hpcbbp.model.problem import Problem, check_dimension
from hpcbbp.solvers.deferred.blocks import Blocks
from hpcbbp.solvers.deferred.floors import check_tolerance, storage_bytes
from hpcbbp.solvers.deferred.instance import Deferred
from hpcbbp.solvers.deferred.moments import Moments
from hpcbbp.solvers.eigen import check_nev, check_tol
from hpcbbp.solvers.needs import deferred_bytes, least_directions
from hpcbbp.solvers.request import Request, usual_block


def made(
    problem: Problem,
    n: int,
    seed: int,
    storage: str,
    capacity: int,
    group: Group | None = None,
    block: int | None = None,
) -> Moments | Blocks:
    """An instance with room for so many directions; with a basis of left ones for fewer vectors than p p* a step."""
    kind = Blocks if few(problem, block) else Moments
    return kind(problem, n, seed, storage, capacity, group)


def few(problem: Problem, block: int | None) -> bool:
    """Whether a step has fewer vectors than there may be copies of the outlier; block None: by default."""
    return problem.p > 1 and (block or usual_block(problem)) < problem.p * problem.p_star


def check_block(block: int) -> int:
    """Return the block, or raise InputError if it is not a whole number >= 1."""
    vectors = whole_number(block)
    if vectors is None:
        raise InputError(f"block = {shown(block)}: the vectors of a step are a whole number >= 1")
    if vectors < 1:
        raise InputError(f"block = {block}: a step has at least one vector (block >= 1)")
    return vectors


def check_deferred(problem: Problem, n: int, tol: float | None, storage: str, block: int | None) -> None:
    """Raise InputError for a block, a storage or a tolerance that cannot work. Needs no MPI."""
    p, p_star, m = problem.p, problem.p_star, problem.samples(check_dimension(n))
    tol = None if tol is None else check_tol(tol)
    block = check_block(usual_block(problem) if block is None else block)
    each = p + p_star + block * p
    first = each * len(spaces(problem.covariance, n)[0])
    if first > min(n, m):
        spaced = "" if first == each else f" in each of {first // each} eigenspaces"
        raise InputError(
            f"a block of {block} asks for p + p* + block p = {each} directions{spaced}, and min(N, M) = {min(n, m)}: "
            "take a larger N, a smaller block, or method stored, which suits small N"
        )
    storage_bytes(storage)
    if tol is not None:
        check_tolerance(problem, n, tol, storage, block)


def deferred_instance(
    problem: Problem,
    n: int,
    seed: int = 0,
    *,
    storage: str = "float64",
    nev: int | None = None,
    block: int | None = None,
    group: Group | None = None,
) -> Deferred:
    """Prepare a Gaussian instance for solve_deferred; nothing of size M is drawn yet. Collective.

    Parameters
    ----------
    problem : Problem
    n : int
        N.
    seed : int
        One seed is one instance on any number of ranks, to the last bit; another one than with stored data.
    storage : {"float64", "float32", "int16"}
        Numbers the M-vectors are kept in (see Samples).
    nev, block : int, optional
        As they will be given to solve_deferred: for the estimate of memory.
    group : Group, optional

    Raises
    ------
    InputError
        Values out of their domain, or too little memory.

    Examples
    --------
    >>> deferred_instance(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=1000, seed=1).m
    6000
    """
    group, n, seed = Group.chosen(group), check_dimension(n), check_seed(seed)
    nev = check_nev(problem.p * problem.p_star if nev is None else nev, problem.p * n)
    check_deferred(problem, n, None, storage, block)
    asked = Request(problem, n, seed, "deferred", storage, nev, block=block)
    (fixed, each), wanted = deferred_bytes(asked, group.size), least_directions(asked)
    smaller = {"float64": "storage float32 or int16, ", "float32": "storage int16, "}.get(storage, "")
    way_out = f"take {smaller}a smaller N or alpha, or ranks on more nodes"
    return made(problem, n, seed, storage, memory.room(fixed, each, wanted, n, group, way_out), group, block)
