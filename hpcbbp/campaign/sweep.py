"""A list of points, solved one after the other by all ranks together, each recorded as soon as it is done."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hpcbbp._version import __version__
from hpcbbp.campaign.store import Store
from hpcbbp.instance import gaussian_instance, solve_instance
from hpcbbp.parallel import Group
from hpcbbp.problem import Problem


@dataclass(frozen=True)
class Point:
    """One instance to be solved: everything that determines its result."""

    p: int
    p_star: int
    a: float
    alpha: float
    n: int
    seed: int
    storage: str = "float64"
    nev: int | None = None
    tol: float = 1e-8

    @property
    def problem(self) -> Problem:
        """The model at this point."""
        return Problem(p=self.p, p_star=self.p_star, alpha=self.alpha, a=self.a)

    @property
    def key(self) -> str:
        """What is computed, in words: the same key is the same result, whatever the number of ranks."""
        values = " ".join(f"{name}={value!r}" for name, value in dataclasses.asdict(self).items())
        return f"hpcbbp {__version__} {values}"

    @property
    def work(self) -> float:
        """Relative time: entries of X times p, with a floor for what every instance costs."""
        return self.p * self.alpha * float(self.n) ** 2 + 1e6


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
