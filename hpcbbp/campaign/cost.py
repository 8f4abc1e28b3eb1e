"""What points will cost: memory and seconds, by the methods' models and by what records of the same method took."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from hpcbbp.campaign.descents import hessians_of, schedule_of
from hpcbbp.campaign.kept import Record, Result
from hpcbbp.dynamics.needs import descent_bytes, descent_seconds
from hpcbbp.machine.network import Network
from hpcbbp.solvers.methods import METHODS
from hpcbbp.solvers.point import Point

_START = 0.05  # seconds that every instance costs


def memory_needed(point: Point, ranks: int) -> int:
    """Bytes that the largest of an instance's ranks needs."""
    if point.descent is not None:
        return descent_bytes(point.request, schedule_of(point), hessians_of(point), ranks)
    return METHODS[point.method].memory(point.request, ranks)


def model_seconds(point: Point, ranks: int = 1, network: Network | None = None) -> float:
    """Seconds of an instance on so many cores, by a model of what the methods do (docs/scaling.md).

    Only ratios matter where records of the same method are there to scale it.
    """
    method, request = METHODS[point.method], point.request
    if point.descent is not None:
        return _START + descent_seconds(request, schedule_of(point), hessians_of(point)) / ranks
    talk = method.communication(request, ranks, network or Network()) if ranks > 1 else 0.0
    return _START + method.seconds(request) / ranks + talk


def _kind(point: Point) -> str:
    """What records learn from each other."""
    return point.method if point.descent is None else f"{point.method}, descending"


class Clock:
    """Seconds of points from the model, scaled to the times that records of the same method took.

    Parameters
    ----------
    records : iterable of Record
    ranks : int
        Ranks an instance.
    network : Network, optional
        Between those ranks.
    """

    def __init__(self, records: Iterable[Record], ranks: int, network: Network | None = None) -> None:
        ratios: dict[str, list[float]] = {}
        for record in records:
            if isinstance(record, Result):
                expected = model_seconds(record.point, record.ranks, network)
                ratios.setdefault(_kind(record.point), []).append(math.log(max(record.wall_seconds, 1e-3) / expected))
        self.scale = {method: math.exp(float(np.median(values))) for method, values in ratios.items()}
        self.ranks, self.network = ranks, network
        self._known: dict[tuple[object, ...], float] = {}

    def __call__(self, point: Point) -> float:
        """Seconds of an instance by its group of ranks; the same for all seeds."""
        kind = (
            point.p, point.p_star, point.a, point.alpha, point.n, point.method, point.storage, point.nev, point.tol,
            point.parts, point.block, point.descent, point.hessian_every,
        )  # fmt: skip
        if kind not in self._known:
            self._known[kind] = model_seconds(point, self.ranks, self.network) * self.scale.get(_kind(point), 1.0)
        return self._known[kind]
