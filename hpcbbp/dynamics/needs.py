"""What a descent will take, of plans."""

from __future__ import annotations

from dataclasses import replace

from hpcbbp.dynamics.schedule import Schedule
from hpcbbp.machine import memory
from hpcbbp.model.covariance import count_of
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.methods import METHODS
from hpcbbp.solvers.needs import least_directions, products
from hpcbbp.solvers.request import BYTES, Request


def directions_of(problem: Problem, n: int, schedule: Schedule) -> int:
    """Directions that weights and steps of deferred data take, Hessians not counted."""
    each = count_of(problem.covariance, n)
    return each * (problem.p + problem.p_star + problem.p * (schedule.steps + 1))


def room_of(request: Request, schedule: Schedule, hessians: int, ranks: int) -> tuple[int, int, int]:
    """Bytes of the largest rank of deferred data that do not grow, of a direction, and directions wanted."""
    problem, n = request.problem, request.n
    each_hessian = least_directions(replace(request, block=1))
    wanted = min(n, directions_of(problem, n, schedule) + hessians * each_hessian)
    fixed, each = memory.deferred_solve(request.m, problem.p, 1, BYTES[request.storage], ranks, left=True)
    return fixed, each, wanted


def descent_bytes(request: Request, schedule: Schedule, hessians: int, ranks: int) -> int:
    """Bytes that the largest of an instance's ranks needs."""
    if request.method == "deferred":
        fixed, each, wanted = room_of(request, schedule, hessians, ranks)
        return fixed + each * wanted
    vectors = 8 * 6 * request.problem.p * -(-request.n // ranks)
    known = schedule.steps + hessians * products(request) if request.method == "dice" else 0
    rows, columns = -(-request.m // ranks), -(-request.n // ranks)
    revealed = min(request.problem.p * known, min(request.n, request.m)) * 2 * (rows + columns)
    return METHODS[request.method].memory(request, ranks) + vectors + int(revealed) * BYTES[request.storage]


def descent_seconds(request: Request, schedule: Schedule, hessians: int) -> float:
    """Seconds that one core calculates; ratios matter where records are there to scale it."""
    solve, made = METHODS[request.method].seconds(request), 2.0 * schedule.steps
    if request.method == "deferred":
        return 8e-10 * request.m * (request.problem.p * schedule.steps) ** 2 + 4.0 * hessians * solve
    if request.method == "dice":
        return solve * (hessians + made / products(request)) ** 2
    return solve * (hessians + made / products(request))
