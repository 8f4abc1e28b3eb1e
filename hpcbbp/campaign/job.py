"""A campaign as a job of MPI ranks: what is missing is computed and recorded, whichever command asks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hpcbbp._version import __version__
from hpcbbp.campaign.cost import Clock, memory_needed
from hpcbbp.campaign.driver import run_points, threads_communicate
from hpcbbp.campaign.keeper import Keeper, check_budget
from hpcbbp.campaign.outcome import Outcome
from hpcbbp.campaign.shards import Shard, latest, shard_stores
from hpcbbp.campaign.spec import Campaign
from hpcbbp.campaign.store import Failed, Record, Records, Result, Solved, Store
from hpcbbp.errors import InputError
from hpcbbp.machine import memory
from hpcbbp.machine.listener import SILENT, Listener
from hpcbbp.machine.network import Network
from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.eigenspaces import left_to_a_basis
from hpcbbp.solvers.point import Point


@dataclass(frozen=True)
class Work:
    """A campaign beside what its store holds already.

    Attributes
    ----------
    campaign : Campaign
    points : list of Point
        All of the campaign, or those of one shard.
    store : Store
    records : Records
        What the store, and the shards beside it, held when they were read, by key.
    clock : Clock
        Estimated seconds of a point.

    Examples
    --------
    >>> again = open_campaign(campaign, Path("small"))
    >>> len(again.points), again.missing
    (12, [])
    """

    campaign: Campaign
    points: list[Point]
    store: Store
    records: Records
    clock: Clock
    uncollected: int = 0
    """Results that only shards hold (hpcbbp collect)."""

    @property
    def missing(self) -> list[Point]:
        """Points without a result; failures are tried again, and so is what no longer says all that it has to."""
        return [point for point in self.points if not _settled(self.records.get(point.key))]

    def results(self) -> list[Record]:
        """Return the records of the campaign's own points, read anew: the store may hold others."""
        found = self.store.read()
        return [found[point.key] for point in self.points if point.key in found]

    def versions(self) -> dict[str, int]:
        """How many records each version of hpcbbp has written."""
        counts: dict[str, int] = {}
        for record in self.records.values():
            counts[record.hpcbbp] = counts.get(record.hpcbbp, 0) + 1
        return counts


def _settled(record: Record | None) -> bool:
    return isinstance(record, Result) and not (isinstance(record, Solved) and left_to_a_basis(record))


def store_in(folder: Path) -> Store:
    """Return the store of a folder of results, or the store itself if that is what was named."""
    return Store(folder if folder.suffix == ".jsonl" else folder / "results.jsonl")


def open_campaign(
    campaign: Campaign,
    folder: Path | None,
    shard: Shard | None = None,
    network: Network | None = None,
    listener: Listener = SILENT,
) -> Work:
    """Read the store of a campaign; the folder is the campaign's name by default.

    A network is what the estimates take to lie between the ranks of an instance.
    A shard has a store of its own in the folder; what any store in the folder holds is not computed again.

    Raises
    ------
    InputError
        In one line, whatever is wrong with the campaign or its store.

    Examples
    --------
    >>> open_campaign(campaign, Path("elsewhere")).missing == campaign.points()
    True
    """
    points = campaign.points(listener.counting("instances listed"))
    results = folder or Path(campaign.name)
    main = store_in(results)
    own = main.read()
    records = latest([own, *(store.read() for store in shard_stores(main.path.parent))])
    clock = Clock(records.values(), campaign.ranks_per_instance, network)
    if shard is None:
        solved = (key for key, record in records.items() if isinstance(record, Result))
        only = sum(not isinstance(own.get(key), Result) for key in solved)
        return Work(campaign, points, main, records, clock, only)
    if shard.count > len(points):
        raise InputError(f"--shard {shard.index}/{shard.count}: the campaign has {len(points)} instances")
    return Work(campaign, shard.of(points), store_in(shard.folder(main.path.parent)), records, clock)


def _tell(work: Work, listener: Listener) -> None:
    """What is to be known of the records that are there."""
    for line in work.records.warnings(len(work.missing)):
        listener.warn(line)
    for name, count in work.versions().items():
        if name != __version__:
            listener.note(f"{count} records were computed by hpcbbp {name}; they are kept (this is {__version__})")
    if work.uncollected:
        listener.note(
            f"{work.uncollected} results are in shards and not computed again: hpcbbp collect takes them in"
        )


def run_campaign(work: Work, world: Group, listener: Listener = SILENT) -> Outcome:
    """Compute and record what is missing. Collective over all ranks of the job.

    Raises
    ------
    InputError
        Too little memory or wall time, a number of ranks that does not fit, or a store that cannot be written.

    Examples
    --------
    >>> run_campaign(work, Group()).computed  # nothing is computed twice
    0
    """
    each = _ranks_per_instance(work.campaign, world)
    missing, clock = work.missing, work.clock
    if missing:
        needed = max(memory_needed(point, each) for point in missing)
        memory.require(needed, world, "take a smaller N or alpha, more ranks_per_instance, or fewer ranks a node")
    keeper = Keeper(work.store.path.parent / "checkpoints", work.campaign.checkpoint_every, clock, listener)
    check_budget(work.campaign, missing, keeper)
    if world.rank == 0:
        _tell(work, listener)
        keeper.tidy(set(work.points) - set(missing))
    failures: list[str] = []
    total = max(sum(map(clock, missing)), 1e-9)
    with listener.working(total, max(len(missing), 1)) as advance, ExitStack() as stack:

        def finished(point: Point, record: Record) -> None:
            where = f"N = {point.n}, a = {point.a:g}, alpha = {point.alpha:g}"
            if isinstance(record, Failed):
                failures.append(record.failed)
                listener.warn(f"{where}, seed {point.seed}: {record.failed}")
            else:
                keeper.clear(point)
            advance(clock(point), where + (f", {len(failures)} failed" if failures else ""))

        with world.agreeing():  # no other job writes this store meanwhile
            if world.rank == 0:
                stack.enter_context(work.store.claimed())
                known = work.store.read()  # whoever had it before, also one just killed, has recorded more
                missing = [point for point in missing if not _settled(known.get(point.key))]
        missing = world.share(missing)
        outcome = run_points(
            missing, work.store, world, ranks_per_instance=each, solver=keeper.solve, seconds=clock,
            finished=finished, wall_time=work.campaign.wall_time, stoppable=keeper.keeps,
        )  # fmt: skip
    return replace(outcome, done_before=len(work.points) - len(missing))


def _ranks_per_instance(campaign: Campaign, world: Group) -> int:
    """As the campaign says; where it says nothing and threads cannot communicate, all ranks together."""
    given = "ranks_per_instance" in campaign.model_fields_set
    return campaign.ranks_per_instance if given or threads_communicate() else world.size


def opened_by_all(
    made: Callable[[], Campaign],
    folder: Path | None,
    world: Group,
    shard: Shard | None = None,
    listener: Listener = SILENT,
) -> Work:
    """open_campaign on rank 0, told to all. Collective; `made` reads the campaign."""
    work: Work | None = None
    with world.agreeing():
        if world.rank == 0:
            work = open_campaign(made(), folder, shard, listener=listener)
    shared: Any = world.share(work)
    assert isinstance(shared, Work)
    return shared
