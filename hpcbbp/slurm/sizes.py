"""What a job of a campaign asks of Slurm: the user's request, completed by the campaign's own estimates."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hpcbbp.campaign.cost import Clock, memory_needed
from hpcbbp.campaign.job import Work
from hpcbbp.campaign.keeper import keeps_state
from hpcbbp.campaign.shards import Shard
from hpcbbp.campaign.values import MOST_RANKS, plain, seconds_in_words
from hpcbbp.errors import InputError
from hpcbbp.machine.network import Network
from hpcbbp.machine.wording import duration

KINDS = ("campaign", "array", "collect", "solve")

MARGIN = 1.3
"""Factor on estimated memory and on the time of an instance in flight."""

LEAST_LEAD = 120
"""Seconds between signal and time limit at least: Slurm may send it up to a minute late."""

DISK = 5e8
"""Bytes a second at which a state is taken to be written."""

LONGEST = 1e10
"""Seconds of a time limit at most: three centuries."""

_CLOCK = re.compile(r"(?:([0-9]{1,12})-)?([0-9]{1,12})(?::([0-9]{1,12}))?(?::([0-9]{1,12}))?")


@dataclass(frozen=True)
class JobRequest:
    """What the user asks of Slurm; what is None is filled in from the campaign's estimates.

    Attributes
    ----------
    kind : {"campaign", "array", "collect", "solve"}
    nodes, ntasks_per_node : int
        Of the job; of one task for an array.
    time : float, optional
        Seconds.
    tasks : int, optional
        Of an array.
    requeues : int
        How often a job puts itself back into the queue.
    launcher : {"srun", "mpirun"}
    mpi : str
        For srun --mpi.
    program : str
        hpcbbp as the nodes find it.
    container : str, optional
        Apptainer image; `binds` are its further mounts.
    node_memory : float, optional
        Bytes of a node, to refuse what cannot fit.
    options : dict
        account, partition, qos, constraint and such.
    directives : sequence of str
        Further #SBATCH lines.

    Examples
    --------
    >>> JobRequest(nodes=2, ntasks_per_node=64, time=3600.0, options={"partition": "long"}).ranks
    128
    """

    kind: str = "campaign"
    nodes: int = 1
    ntasks_per_node: int = 1
    time: float | None = None
    tasks: int | None = None
    requeues: int = 20
    launcher: str = "srun"
    mpi: str = "pmix"
    program: str = "hpcbbp"
    container: str | None = None
    binds: Sequence[str] = ()
    modules: Sequence[str] = ()
    node_memory: float | None = None
    options: dict[str, str] = field(default_factory=dict)
    directives: Sequence[str] = ()

    @property
    def ranks(self) -> int:
        """Of the job, or of one task of an array."""
        return self.nodes * self.ntasks_per_node


def seconds_of(text: str) -> float:
    """Seconds of a time as Slurm writes it (MIN, H:M:S, D-H:M:S) or in words (90 min, 2 h, 1 d).

    Examples
    --------
    >>> seconds_of("1-00:30:00"), seconds_of("90 min")
    (88200.0, 5400.0)
    """
    words, clock = seconds_in_words(text), _CLOCK.fullmatch(text.strip())
    if clock is not None:
        days, first, second, third = (int(part) if part else 0 for part in clock.groups())
        if clock[1] is not None or clock[4] is not None:  # D-H[:M[:S]], H:M:S
            found = 86400.0 * days + 3600 * first + 60 * second + third
        else:  # M[:S]
            found = 60.0 * first + second
    elif words is not None:
        found = words
    else:
        raise InputError(f'--time {plain(text)}: as in Slurm, 90 (minutes), 12:00:00 or 1-00:00:00, or "12 h"')
    if found < 60:
        raise InputError(f"--time {plain(text)}: Slurm counts in minutes; at least 1")
    if found > LONGEST:
        raise InputError(f"--time {plain(text)}: at most {LONGEST:g} s")
    return found


def slurm_time(seconds: float) -> str:
    """Seconds as D-HH:MM:SS, whole minutes.

    Examples
    --------
    >>> slurm_time(5400.0)
    '01:30:00'
    """
    minutes = math.ceil(seconds / 60)
    days, rest = divmod(minutes, 1440)
    clock = f"{rest // 60:02d}:{rest % 60:02d}:00"
    return f"{days}-{clock}" if days else clock


@dataclass(frozen=True)
class Sizes:
    """What a job needs, from estimates and request.

    Attributes
    ----------
    time, lead : int
        Seconds: limit, and how long before it the signal comes.
    memory_mib : int
        Of a rank.
    tasks : tuple of int
        Of an array, those with something missing, from 1.
    of : int
        Tasks of the whole array.
    left, longest : float
        Estimated seconds of what is missing in one job of this size, and of one instance.

    Examples
    --------
    >>> made = sizes(later, JobRequest(ntasks_per_node=2))
    >>> made.time >= made.longest, made.memory_mib > 0
    (True, True)
    """

    time: int
    lead: int
    memory_mib: int
    tasks: tuple[int, ...]
    of: int
    left: float
    longest: float


def sizes(work: Work, request: JobRequest) -> Sizes:
    """Fill in what was not asked for, and refuse what is impossible.

    Raises
    ------
    InputError
        Ranks that ranks_per_instance does not divide, a time limit too short for an instance, too little memory of a
        node, more array tasks than instances, nothing missing.

    Examples
    --------
    >>> sizes(later, JobRequest(ntasks_per_node=2)).left > 0
    True
    """
    _check(work, request)
    each = request.ranks if request.kind == "solve" else work.campaign.ranks_per_instance
    missing = work.missing or work.points
    clock = Clock(work.records.values(), each, Network(nodes=max(1, math.ceil(request.nodes * each / request.ranks))))
    costs = {point.key: clock(point) for point in missing}
    longest = max(costs.values())
    every = work.campaign.checkpoint_every
    kept = [point for point in missing if keeps_state(point, every, costs[point.key])]
    rest = max((costs[point.key] for point in set(missing) - set(kept)), default=0.0)
    state = max((memory_needed(point, each) * each for point in kept), default=0)
    lead = math.ceil(max(LEAST_LEAD, MARGIN * rest + 60, state / DISK + 60))
    groups = request.ranks // each
    time, of = request.time, 1
    tasks: tuple[int, ...] = ()
    if request.kind == "array":
        of = request.tasks or _tasks(sum(costs.values()) / groups, longest, time, len(work.points))
        tasks, heaviest = _array(work, of, costs)
        left = max(heaviest / groups, longest)
    else:
        left = max(sum(costs.values()) / groups, longest)
    if request.kind == "collect":
        time, lead, left, longest = time or 1800.0, LEAST_LEAD, 0.0, 0.0
    needed = rest + lead
    if time is None:
        time = min(max(1.5 * left + lead + 300, needed), max(86400.0, needed))
        time = 600.0 * math.ceil(time / 600)
    elif request.kind != "collect" and time < rest + LEAST_LEAD:
        raise InputError(
            f"--time {slurm_time(time)}: the longest instance takes about {duration(rest)} on {each} ranks, and "
            f"{LEAST_LEAD} s are needed to end; allow {slurm_time(needed + 60)}, or more ranks_per_instance"
        )
    lead = min(lead, math.floor(time / 2))
    memory = max(memory_needed(point, each) for point in missing) if request.kind != "collect" else 2 * 2**30
    _check_node(request, MARGIN * memory)
    mib = 100 * math.ceil(MARGIN * memory / 2**20 / 100)
    return Sizes(math.ceil(time), lead, mib, tasks, of, left, longest)


def sizes_given(request: JobRequest, memory: float) -> Sizes:
    """Sizes of a job of which there is no estimate: time and bytes of a rank as they were given.

    Raises
    ------
    InputError
        Numbers that make no sense, or too little memory of a node.
    """
    _check_request(request)
    if request.time is None:
        raise InputError('--time is wanted: of an operator there is no estimate; 90 (minutes), 12:00:00 or "12 h"')
    _check_node(request, memory)
    lead = min(LEAST_LEAD, math.floor(request.time / 2))
    return Sizes(math.ceil(request.time), lead, math.ceil(memory / 2**20), (), 1, request.time, request.time)


def _check_node(request: JobRequest, memory: float) -> None:
    if request.node_memory is not None and memory * request.ntasks_per_node > request.node_memory:
        raise InputError(
            f"{request.ntasks_per_node} ranks of {memory / 2**30:.3g} GiB do not fit in --node-memory "
            f"{request.node_memory / 2**30:.4g} GiB: take fewer ranks a node, or more ranks_per_instance"
        )


def _array(work: Work, of: int, costs: Mapping[str, float]) -> tuple[tuple[int, ...], float]:
    """Tasks, of so many, in which something is missing, and seconds of the heaviest."""
    if of > len(work.points):
        raise InputError(
            f"--tasks {plain(str(of))}: the campaign has {len(work.points)} instances; take as many or fewer"
        )
    lost = {point.key for point in work.missing}
    order = Shard(1, 1).of(work.points)  # sorted once: part i of it is every of-th from the i-th on
    tasks = tuple(i for i in range(1, of + 1) if any(p.key in lost for p in order[i - 1 :: of]))
    if not tasks:
        raise InputError(f"nothing of {work.campaign.name} is missing: hpcbbp collect and report come next")
    return tasks, max(sum(costs.get(p.key, 0.0) for p in order[i - 1 :: of]) for i in tasks)


def _check_request(request: JobRequest) -> None:
    for name, value in (("nodes", request.nodes), ("ntasks-per-node", request.ntasks_per_node)):
        if not 1 <= value <= MOST_RANKS:
            raise InputError(f"--{name} {plain(str(value))}: at least 1 (and at most {MOST_RANKS})")
    if request.kind not in KINDS:
        raise InputError(f"--as {request.kind}: one of {', '.join(KINDS)}")
    if request.tasks is not None and (request.kind != "array" or request.tasks < 1):
        raise InputError(f"--tasks {plain(str(request.tasks))}: the number of tasks of --as array, at least 1")
    if not 0 <= request.requeues <= MOST_RANKS:
        number = plain(str(request.requeues))
        raise InputError(
            f"--requeues {number}: at least 0 (the job never goes back into the queue), at most {MOST_RANKS}"
        )
    if request.launcher not in ("srun", "mpirun"):
        raise InputError(f"--launcher {request.launcher}: srun or mpirun")
    if request.binds and request.container is None:
        raise InputError(f"--bind {request.binds[0]} without --container: folders of a container")


def _check(work: Work, request: JobRequest) -> None:
    _check_request(request)
    each = work.campaign.ranks_per_instance
    if request.kind in ("campaign", "array") and request.ranks % each:
        raise InputError(
            f"{request.nodes} nodes of {request.ntasks_per_node} ranks: ranks_per_instance = {each} does not divide "
            f"{request.ranks}; change --nodes or --ntasks-per-node"
        )
    if request.kind == "solve" and len(work.points) != 1:
        raise InputError(
            f"--as solve: a campaign of one instance is wanted, not of {len(work.points)}; --as campaign"
        )


def _tasks(seconds: float, longest: float, time: float | None, most: int) -> int:
    """As many tasks as fill the time limit half (an hour without one)."""
    return max(1, min(most, math.ceil(seconds / max(longest, 0.5 * (time or 7200.0)))))
