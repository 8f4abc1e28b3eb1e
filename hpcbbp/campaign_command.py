"""`hpcbbp plan`, `run`, `collect`, `export`: campaigns from a file to a table."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from hpcbbp.errors import InputError

Spec = Annotated[Path, typer.Argument(metavar="FILE", help="Campaign file (TOML).")]
Out = Annotated[Path | None, typer.Option("--out", help="Folder of the results (the campaign's name).")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, and nothing else there.")]

EXIT_LEFT = 75
"""Exit code of a run that ended early and may be started again (EX_TEMPFAIL); 1: some instances failed."""


@dataclass(frozen=True)
class Work:
    """A campaign beside what its store holds already."""

    campaign: Any
    points: list[Any]
    store: Any
    records: dict[str, dict[str, Any]]
    clock: Any

    @property
    def missing(self) -> list[Any]:
        """Points without a result; failures are tried again."""
        return [point for point in self.points if "failed" in self.records.get(point.key, {"failed": ""})]


def load(spec: Path, out: Path | None) -> Work:
    """Read a campaign file and its store; InputError in one line for whatever is wrong with either."""
    from hpcbbp.campaign.measure import Clock
    from hpcbbp.campaign.spec import load_campaign
    from hpcbbp.campaign.store import Store

    campaign = load_campaign(spec)
    points = campaign.points()
    store = Store((out or Path(campaign.name)) / "results.jsonl")
    records = store.read()
    return Work(campaign, points, store, records, Clock(records.values(), campaign.ranks_per_instance))


def plan(
    spec: Spec,
    out: Out = None,
    ranks: Annotated[int | None, typer.Option("--ranks", help="Ranks of the job (those of one instance).")] = None,
    as_json: Json = False,
) -> None:
    """What a campaign will compute: points, estimated time and memory, what is done already."""
    from hpcbbp.campaign.keeper import hours
    from hpcbbp.campaign.measure import memory_needed
    from hpcbbp.console import Output, duration
    from hpcbbp.memory import available
    from hpcbbp.report import plan_tables

    work = load(spec, out)
    each = work.campaign.ranks_per_instance
    ranks = each if ranks is None else ranks
    if ranks < 1 or ranks % each:
        raise InputError(f"--ranks {ranks}: a multiple of ranks_per_instance = {each} is wanted")
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    missing = {point.key for point in work.missing}
    for point in work.points:
        row = rows.setdefault(
            (point.p, point.p_star, point.a, point.n, point.method, point.storage),
            {
                **{name: getattr(point, name) for name in ("p", "p_star", "a", "n", "method", "storage")},
                "instances": 0, "done": 0, "seconds_left": 0.0, "gib_per_rank": 0.0,
            },
        )  # fmt: skip
        row["instances"] += 1
        row["done"] += point.key not in missing
        row["seconds_left"] += work.clock(point) if point.key in missing else 0.0
        row["gib_per_rank"] = max(row["gib_per_rank"], memory_needed(point, each) / 2**30)
    left = sum(row["seconds_left"] for row in rows.values()) / (ranks // each)
    longest = max((work.clock(point) for point in work.missing), default=0.0)
    answer = {
        "name": work.campaign.name,
        "store": str(work.store.path),
        "ranks": ranks,
        "ranks_per_instance": each,
        "instances": len(work.points),
        "done": len(work.points) - len(missing),
        "seconds_left": max(left, longest),
        "longest_instance_seconds": longest,
        "wall_time": work.campaign.wall_time,
        "jobs_left": work.campaign.wall_time and math.ceil(max(left, longest) / work.campaign.wall_time),
        "core_hours": work.campaign.core_hours,
        "core_hours_left": hours(work.missing, work.clock, each),
        "gib_free_here": available() / 2**30,
        "versions": versions(work.records),
        "grid": list(rows.values()),
    }
    output = Output(as_json)
    if as_json:
        output.json(answer)
    else:
        output.show(*plan_tables(answer, duration))


def run(
    spec: Spec,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Run a campaign on all ranks, or go on with it; what is recorded survives any kill.

    SIGTERM, SIGUSR1 or the campaign's wall_time end it after the instances in flight, with exit code 75; long
    instances of deferred Krylov stop at once and go on in the next run.
    """
    from hpcbbp.console import fail
    from hpcbbp.parallel import leave

    try:
        status = run_file(spec, out, as_json)
    except InputError as error:
        try:
            fail(str(error))
        except SystemExit:
            status = 2
    leave(status)


def run_file(spec: Path, out: Path | None, as_json: bool) -> int:
    """Run a campaign; return the exit code. Collective over all ranks of the job."""
    from hpcbbp import memory, petsc
    from hpcbbp.campaign.driver import run_points
    from hpcbbp.campaign.keeper import Keeper, check_budget
    from hpcbbp.campaign.measure import memory_needed
    from hpcbbp.console import CampaignProgress, Output, note, warn
    from hpcbbp.parallel import Group, abort_on_error

    output = Output(as_json)
    world = Group.world()  # before PETSc: started by mpi4py, MPI lets threads communicate
    petsc.initialize()
    with abort_on_error(world):
        work: Work | None = None
        with world.agreeing():
            if world.rank == 0:
                work = load(spec, out)
        work = world.share(work)
        assert work is not None
        each = work.campaign.ranks_per_instance
        missing = work.missing
        if missing:
            needed = max(memory_needed(point, each) for point in missing)
            memory.require(needed, world, "take a smaller N or alpha, more ranks_per_instance, or fewer ranks a node")
        keeper = Keeper(work.store.path.parent / "checkpoints", work.campaign.checkpoint_every, work.clock)
        check_budget(work.campaign, missing, keeper)
        if world.rank == 0:
            for line in old_versions(work.records):
                note(line)
            keeper.tidy(set(work.points) - set(missing))
        total = sum(map(work.clock, missing))
        failures: list[str] = []
        clock = work.clock
        with CampaignProgress(max(total, 1e-9), max(len(missing), 1)) as bar:

            def finished(point: Any, record: dict[str, Any]) -> None:
                if "failed" in record:
                    failures.append(record["failed"])
                    where = f"N = {point.n}, a = {point.a:g}, alpha = {point.alpha:g}, seed {point.seed}"
                    warn(f"{where}: {record['failed']}")
                else:
                    keeper.clear(point)
                failed = f", {len(failures)} failed" if failures else ""
                bar.advance(clock(point), f"N = {point.n}, a = {point.a:g}, alpha = {point.alpha:g}{failed}")

            def go() -> Any:
                return run_points(
                    missing, work.store, world, ranks_per_instance=each, solver=keeper.solve, seconds=clock,
                    finished=finished, wall_time=work.campaign.wall_time, stoppable=keeper.keeps,
                )  # fmt: skip

            outcome = claimed(work.store, world, go)
    if world.rank == 0:
        answer = {
            "name": work.campaign.name, "store": str(work.store.path), "instances": len(work.points),
            "done_before": len(work.points) - len(missing), **dataclasses.asdict(outcome),
        }  # fmt: skip
        if as_json:
            output.json(answer)
        else:
            output.show(
                f"{answer['name']}: {outcome.computed} computed, {outcome.failed} failed, {outcome.left} left, "
                f"{answer['done_before']} done before; {answer['store']}"
                + (f"\nstopped: {outcome.stopped}; the same command goes on" if outcome.stopped else "")
            )
    if outcome.left:
        return EXIT_LEFT
    return 1 if outcome.failed else 0


def collect(
    stores: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders of results, as of array jobs.")],
    out: Annotated[Path, typer.Option("--out", help="Folder that receives all of them.")],
    as_json: Json = False,
) -> None:
    """Merge the results of several runs (shards of array jobs) into one store; nothing is taken twice."""
    from hpcbbp.campaign.export import merge
    from hpcbbp.console import Output

    output = Output(as_json)
    appended, present = merge([results(folder) for folder in stores], results(out))
    if as_json:
        output.json({"store": str(results(out)), "appended": appended, "present": present})
    else:
        output.show(f"{results(out)}: {appended} records added, {present} there already")


def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of results.")],
    to: Annotated[Path, typer.Option("--to", help="Table to write: .csv, .parquet or .h5; one row an eigenpair.")],
    as_json: Json = False,
) -> None:
    """Write the results of a campaign as a table for pandas."""
    from hpcbbp.campaign.export import write_pairs
    from hpcbbp.campaign.store import Store
    from hpcbbp.console import Output

    output = Output(as_json)
    rows = write_pairs(Store(results(folder)).read().values(), to)
    if as_json:
        output.json({"file": str(to), "rows": rows})
    else:
        output.show(f"{to}: {rows} rows")


def results(folder: Path) -> Path:
    """Return the store in a folder, or the store itself if that is what was named."""
    return folder if folder.suffix == ".jsonl" else folder / "results.jsonl"


def claimed(store: Any, world: Any, go: Any) -> Any:
    """Run with the store locked by rank 0, so that no other job writes it."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        with world.agreeing():
            if world.rank == 0:
                stack.enter_context(store.claimed())
        return go()


def versions(records: dict[str, dict[str, Any]]) -> dict[str, int]:
    """How many records each version of hpcbbp has written."""
    counts: dict[str, int] = {}
    for record in records.values():
        name = str(record.get("hpcbbp", "unknown"))
        counts[name] = counts.get(name, 0) + 1
    return counts


def old_versions(records: dict[str, dict[str, Any]]) -> list[str]:
    """A line for each other version that has written records."""
    from hpcbbp._version import __version__

    return [
        f"{count} records were computed by hpcbbp {name}; they are kept (this is {__version__})"
        for name, count in versions(records).items()
        if name != __version__
    ]
