"""One point to one record: the instance solved, its own quenched prediction beside it; what it will cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np

from hpcbbp.campaign.network import Network, communication
from hpcbbp.campaign.point import Point
from hpcbbp.errors import InputError
from hpcbbp.machine import memory
from hpcbbp.machine.ranks import Group
from hpcbbp.solvers import eigen
from hpcbbp.solvers.deferred import Checkpoint, deferred_instance, solve_deferred
from hpcbbp.solvers.deferred.floors import storage_bytes
from hpcbbp.solvers.dense import dense_bytes, solve_dense
from hpcbbp.solvers.eigenspaces import largest_overlap
from hpcbbp.solvers.instance import gaussian_instance, solve_instance
from hpcbbp.solvers.result import Step
from hpcbbp.theory import quenched, spectrum
from hpcbbp.theory.limit.density import thinness

_START = 0.05  # seconds that every instance costs


def solve_point(
    point: Point,
    group: Group,
    checkpoint: Checkpoint | None = None,
    progress: Callable[[Step], None] | None = None,
) -> dict[str, Any]:
    """Solution.to_dict() of an instance, with the quenched prediction from its projections. Collective.

    A checkpoint and a listener are for deferred Krylov alone.
    """
    if point.method == "deferred":
        deferred = deferred_instance(
            point.problem, point.n, point.seed, storage=point.storage, nev=point.nev, group=group
        )
        solution = solve_deferred(deferred, point.nev, tol=point.tol, checkpoint=checkpoint, progress=progress)
        projections = deferred.projections()
    elif point.method == "dense":
        instance = gaussian_instance(point.problem, point.n, point.seed, storage=point.storage, nev=1, group=group)
        solution = solve_dense(instance, point.tol)
        projections = instance.projections
    else:
        instance = gaussian_instance(
            point.problem, point.n, point.seed, storage=point.storage, data=point.method, nev=point.nev, group=group
        )
        solution = solve_instance(instance, point.nev, tol=point.tol)
        projections = instance.projections
    overlap2 = solution.overlap2
    return {
        **solution.lowest(point.nev or len(overlap2)).to_dict(),
        "largest_overlap_space": asdict(largest_overlap(solution.eigen.eigenvalues, overlap2)),
        "pairs_searched": len(overlap2),
        "quenched": predicted(*projections, point, group),
    }


def predicted(s: Any, u: Any, point: Point, group: Group) -> dict[str, Any]:
    """Quenched prediction as a record has it, each rank with its own rows; None with a reason where there is none."""
    try:
        found = quenched(s, u, point.a, point.n, threads=1, group=group)
    except InputError as error:
        return {"edge": None, "reason": str(error)}
    return {
        "edge": found.edge,
        "edge_scale": found.edge_scale,
        "lambda_1": found.lowest,
        "eigenvalues": found.eigenvalues.tolist(),
        "overlap2": found.overlap2.tolist(),
    }


def directions(point: Point) -> int:
    """Directions that deferred Krylov will meet: 45 p p* / gap^(1/2) to a tolerance of 1e-4.

    The gap between outlier and bulk decides, as for every Krylov method: k gap^(1/2)/(p p*) was 42 to 45 for p = 1
    and 2 at alpha = 3, 32 to 52 for p = 2 nearer to the transition. Without an outlier it is the distance between
    the lowest eigenvalues, about N^(-2/3) at a sharp edge and A/(log N)^2 at a smooth one.
    """
    p, p_star, n = point.p, point.p_star, point.n
    pairs = max(point.nev or 0, p * p_star)  # a step asks about p p* pairs at least
    gap = max(_gap(p, p_star, point.a, point.alpha), _edge_gap(p, p_star, point.a, point.alpha, n))
    steps = 45.0 * (math.log(1 / point.tol) + 2) / (math.log(1e4) + 2) / math.sqrt(gap)
    return min(n, math.ceil(pairs * steps) + p + p_star)


@lru_cache(maxsize=4096)
def _gap(p: int, p_star: int, a: float, alpha: float) -> float:
    at = spectrum(p, p_star, a, alpha)
    return 0.0 if at.lambda_star is None else at.lambda_minus - at.lambda_star


@lru_cache(maxsize=4096)
def _edge_gap(p: int, p_star: int, a: float, alpha: float, n: int) -> float:
    thin = thinness(p, p_star, a, alpha)
    return float(n ** (-2 / 3)) if thin is None else max(thin / math.log(n) ** 2, n ** (-2 / 3))


def memory_needed(point: Point, ranks: int) -> int:
    """Bytes that the largest of an instance's ranks needs."""
    m, p, p_star = point.problem.samples(point.n), point.p, point.p_star
    if point.method == "dense":
        return dense_bytes(p * point.n) + m * point.n * 16 // ranks
    size = storage_bytes(point.storage)
    if point.method == "deferred":
        fixed, each = memory.deferred_solve(m, p, p * p_star, size, ranks)
        return fixed + each * directions(point) + memory.quenched_prediction(m, p, p_star, ranks)
    estimate = memory.dice_solve if point.method == "dice" else memory.stored_solve
    return estimate(point.n, m, p, p_star, size, eigen.default_ncv(point.nev or p * p_star, p * point.n), ranks)


def products(point: Point) -> float:
    """Products that SLEPc will make: 133 to 160 were seen for the outliers to 1e-6, 350 with pairs of the bulk."""
    nev = point.nev or point.p * point.p_star
    return 130.0 + 40.0 * nev + (100.0 if nev > point.p * point.p_star else 0.0)


def model_seconds(point: Point, ranks: int = 1, network: Network | None = None) -> float:
    """Seconds of an instance on so many cores, by a model of what the methods do (docs/scaling.md).

    Only ratios matter where records of the same method are there to scale it.
    """
    steps = directions(point) / point.p if point.method == "deferred" else products(point)
    return _START + _work(point) / ranks + communication(point, steps, ranks, network or Network())


def _work(point: Point) -> float:
    """Seconds that one core would calculate."""
    m, n, p = point.problem.samples(point.n), float(point.n), point.p
    if point.method == "dense":
        return 3e-10 * (p * n) ** 3 + m * n**2 * p * (p + 1) / 2 * 6e-11
    if point.method == "deferred":
        k = directions(point)
        return m * (2.4e-8 * k + 1.6e-10 * p * (p + 1) / 2 * k**2)
    if point.method == "dice":
        return products(point) ** 2 * p**2 * (m + n) * 1.2e-9
    stored = m * n * max(storage_bytes(point.storage) / 1.0e10, p * 4.0e-10)
    return products(point) * stored + m * n * 1.2e-8


class Clock:
    """Seconds of points from the model, scaled to the times that records of the same method took.

    Parameters
    ----------
    records : iterable of dict
    ranks : int
        Ranks an instance.
    network : Network, optional
        Between those ranks.
    """

    def __init__(self, records: Iterable[Mapping[str, Any]], ranks: int, network: Network | None = None) -> None:
        ratios: dict[str, list[float]] = {}
        for record in records:
            if "failed" not in record and "point" in record:
                point = Point(**record["point"])
                seconds, expected = float(record["wall_seconds"]), model_seconds(point, int(record["ranks"]), network)
                ratios.setdefault(point.method, []).append(math.log(max(seconds, 1e-3) / expected))
        self.scale = {method: math.exp(float(np.median(values))) for method, values in ratios.items()}
        self.ranks, self.network = ranks, network
        self._known: dict[tuple[object, ...], float] = {}

    def __call__(self, point: Point) -> float:
        """Seconds of an instance by its group of ranks; the same for all seeds."""
        kind = (
            point.p, point.p_star, point.a, point.alpha, point.n, point.method, point.storage, point.nev, point.tol,
        )  # fmt: skip
        if kind not in self._known:
            self._known[kind] = model_seconds(point, self.ranks, self.network) * self.scale.get(point.method, 1.0)
        return self._known[kind]
