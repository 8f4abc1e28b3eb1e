"""What a campaign will compute and cost: points, estimated time and memory, what is done already."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from hpcbbp.campaign.cost import memory_needed
from hpcbbp.campaign.job import Work
from hpcbbp.campaign.keeper import hours
from hpcbbp.campaign.spec import Campaign
from hpcbbp.campaign.values import MOST_RANKS, plain
from hpcbbp.errors import InputError
from hpcbbp.machine.memory import available
from hpcbbp.machine.network import Network


@dataclass
class PlanRow:
    """Instances of one model, size and method: how many, how many of them are done, what the rest takes.

    Attributes
    ----------
    p, p_star, a, parts, n, method, storage
        As in Point.
    instances, done : int
    seconds_left : float
        Of one group of ranks.
    gib_per_rank : float
        Of the largest instance, on the largest rank.
    """

    p: int
    p_star: int
    a: float
    parts: str
    n: int
    method: str
    storage: str
    instances: int = 0
    done: int = 0
    seconds_left: float = 0.0
    gib_per_rank: float = 0.0


@dataclass(frozen=True)
class Plan:
    """A campaign on a number of ranks.

    Attributes
    ----------
    name, store : str
        Of the campaign; the file that its results are in.
    ranks, ranks_per_instance, nodes : int
    instances, done : int
    seconds_left, longest_instance_seconds : float
        Of the job, and of the longest instance that is missing.
    wall_time, core_hours : float or None
        What the campaign file allows.
    jobs_left : int or None
        Jobs of that wall time.
    core_hours_left : float
    gib_free_here : float
        Of this machine.
    versions : dict
        How many records each version of hpcbbp has written.
    damaged : int
        Records that are lost.
    grid : list of PlanRow

    Examples
    --------
    >>> plan = plan_of(open_campaign(campaign, Path("later")), ranks=1)
    >>> plan.done, plan.core_hours_left > 0
    (0, True)
    """

    name: str
    store: str
    ranks: int
    ranks_per_instance: int
    nodes: int
    instances: int
    done: int
    seconds_left: float
    longest_instance_seconds: float
    wall_time: float | None
    jobs_left: int | None
    core_hours: float | None
    core_hours_left: float
    gib_free_here: float
    versions: dict[str, int]
    damaged: int
    grid: list[PlanRow]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def job_of(campaign: Campaign, ranks: int | None, nodes: int) -> tuple[int, Network]:
    """Ranks of a job (those of one instance by default), and the network between the ranks of an instance.

    Raises
    ------
    InputError
        Ranks or nodes that do not fit the campaign.
    """
    each = campaign.ranks_per_instance
    ranks = each if ranks is None else ranks
    if not 1 <= ranks <= MOST_RANKS or ranks % each:
        wanted = f"a multiple of ranks_per_instance = {each}, at most {MOST_RANKS}, is wanted"
        raise InputError(f"--ranks {plain(str(ranks))}: {wanted}")
    if not 1 <= nodes <= ranks:
        raise InputError(f"--nodes {nodes}: a number from 1 to that of the ranks, {ranks}, is wanted (see --ranks)")
    return ranks, Network(nodes=max(1, math.ceil(nodes * each / ranks)))


def plan_of(work: Work, ranks: int, nodes: int = 1) -> Plan:
    """Plan of an opened campaign (see open_campaign and job_of).

    Examples
    --------
    >>> plan = plan_of(open_campaign(campaign, Path("small")), ranks=2)
    >>> plan.done, plan.instances
    (12, 12)
    """
    campaign, each = work.campaign, work.campaign.ranks_per_instance
    missing = work.missing
    rows = _rows(work, {point.key for point in missing}, each)
    longest = max((work.clock(point) for point in missing), default=0.0)
    seconds = max(sum(row.seconds_left for row in rows) / (ranks // each), longest)
    return Plan(
        name=campaign.name,
        store=str(work.store.path),
        ranks=ranks,
        ranks_per_instance=each,
        nodes=nodes,
        instances=len(work.points),
        done=len(work.points) - len(missing),
        seconds_left=seconds,
        longest_instance_seconds=longest,
        wall_time=campaign.wall_time,
        jobs_left=None if campaign.wall_time is None else math.ceil(seconds / campaign.wall_time),
        core_hours=campaign.core_hours,
        core_hours_left=hours(missing, work.clock, each),
        gib_free_here=available() / 2**30,
        versions=work.versions(),
        damaged=len(work.records.lost),
        grid=rows,
    )


def _rows(work: Work, missing: set[str], ranks: int) -> list[PlanRow]:
    rows: dict[tuple[object, ...], PlanRow] = {}
    for point in work.points:
        kind = (point.p, point.p_star, point.a, str(point.parts), point.n, point.method, point.storage)
        row = rows.setdefault(kind, PlanRow(*kind))
        row.instances += 1
        row.done += point.key not in missing
        row.seconds_left += work.clock(point) if point.key in missing else 0.0
        row.gib_per_rank = max(row.gib_per_rank, memory_needed(point, ranks) / 2**30)
    return list(rows.values())
