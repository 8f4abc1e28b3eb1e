"""A list of points, solved one after the other by all ranks together, each recorded as soon as it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hpcbbp.campaign.point import Point
from hpcbbp.campaign.store import Store
from hpcbbp.instance import gaussian_instance, solve_instance
from hpcbbp.parallel import Group

_NEEDED = {"p", "p_star", "a", "n", "alpha", "overlap2", "eigenvalues", "converged_flags"}
"""Without these a record cannot be used, and its point is computed again."""


def run_sweep(
    points: Sequence[Point],
    store: Store,
    group: Group,
    started: Callable[[list[Point]], None] | None = None,
    finished: Callable[[Point], None] | None = None,
) -> list[dict[str, Any]]:
    """Solve every point that the store does not hold yet; return the records of all points. Collective.

    Parameters
    ----------
    points : sequence of Point
    store : Store
        Read and written by rank 0 alone.
    group : Group
        All of its ranks work on each instance.
    started, finished : callable, optional
        Told, on rank 0, which points are to be computed, and each one when it is recorded.

    Returns
    -------
    list of dict
        On rank 0, in the order of the points; empty on the other ranks.
    """
    with group.agreeing():
        for point in points:
            point.problem.samples(point.n)
    known: dict[str, dict[str, Any]] = {}
    with group.agreeing():
        if group.rank == 0:
            known = {key: record for key, record in store.read().items() if record.keys() >= _NEEDED}
    todo = [index for index, point in enumerate(points) if point.key not in known]
    todo = group.share(todo)
    if started is not None and group.rank == 0:
        started([points[index] for index in todo])
    for index in todo:
        point = points[index]
        instance = gaussian_instance(
            point.problem, point.n, point.seed, storage=point.storage, nev=point.nev, group=group
        )
        record = {"key": point.key, **solve_instance(instance, point.nev, tol=point.tol).to_dict()}
        with group.agreeing():
            if group.rank == 0:
                store.append(record)
        if group.rank == 0:
            known[point.key] = record
            if finished is not None:
                finished(point)
    return [known[point.key] for point in points] if group.rank == 0 else []
