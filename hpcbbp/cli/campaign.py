"""`hpcbbp plan`, `run`, `collect`, `export`: campaigns from a file to a table."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpcbbp.cli.options import Json
from hpcbbp.errors import InputError

if TYPE_CHECKING:
    from hpcbbp.campaign.driver import Outcome
    from hpcbbp.campaign.job import Work
    from hpcbbp.campaign.spec import Campaign
    from hpcbbp.cli.output import Output
    from hpcbbp.machine.ranks import Group

Spec = Annotated[Path, typer.Argument(metavar="FILE", help="Campaign file (TOML).")]
Out = Annotated[Path | None, typer.Option("--out", help="Folder of the results (the campaign's name).")]
ShardOption = Annotated[
    str | None, typer.Option("--shard", help="Part of the campaign, as 3/16, with a store of its own in shards/.")
]

EXIT_LEFT = 75
"""Exit code of a run that ended early and may be started again (EX_TEMPFAIL); 1: some instances failed."""


def plan(
    spec: Spec,
    out: Out = None,
    ranks: Annotated[int | None, typer.Option("--ranks", help="Ranks of the job (those of one instance).")] = None,
    nodes: Annotated[int, typer.Option("--nodes", help="Over which the ranks are spread.")] = 1,
    shard: ShardOption = None,
    check: Annotated[bool, typer.Option("--check", help="Exit code 75 if anything is missing.")] = False,
    as_json: Json = False,
) -> None:
    """What a campaign will compute: points, estimated time and memory, what is done already."""
    from hpcbbp.campaign.job import open_campaign
    from hpcbbp.campaign.keeper import hours
    from hpcbbp.campaign.measure import memory_needed
    from hpcbbp.campaign.network import Network
    from hpcbbp.campaign.shards import Shard
    from hpcbbp.campaign.spec import load_campaign
    from hpcbbp.campaign.values import MOST_RANKS, plain
    from hpcbbp.cli.output import Output, duration, warn
    from hpcbbp.cli.tables import plan_tables
    from hpcbbp.machine.memory import available

    campaign = load_campaign(spec)
    each = campaign.ranks_per_instance
    ranks = each if ranks is None else ranks
    if not 1 <= ranks <= MOST_RANKS or ranks % each:
        wanted = f"a multiple of ranks_per_instance = {each}, at most {MOST_RANKS}, is wanted"
        raise InputError(f"--ranks {plain(str(ranks))}: {wanted}")
    if not 1 <= nodes <= ranks:
        raise InputError(f"--nodes {nodes}: a number from 1 to that of the ranks, {ranks}, is wanted (see --ranks)")
    network = Network(nodes=max(1, math.ceil(nodes * each / ranks)))
    work = open_campaign(campaign, out, None if shard is None else Shard.parse(shard), network)
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
        "nodes": nodes,
        "instances": len(work.points),
        "done": len(work.points) - len(missing),
        "seconds_left": max(left, longest),
        "longest_instance_seconds": longest,
        "wall_time": work.campaign.wall_time,
        "jobs_left": work.campaign.wall_time and math.ceil(max(left, longest) / work.campaign.wall_time),
        "core_hours": work.campaign.core_hours,
        "core_hours_left": hours(work.missing, work.clock, each),
        "gib_free_here": available() / 2**30,
        "versions": work.versions(),
        "damaged": len(work.records.lost),
        "grid": list(rows.values()),
    }
    output = Output(as_json)
    for line in work.records.warnings():
        warn(line)
    if as_json:
        output.json(answer)
    else:
        output.show(*plan_tables(answer, duration))
    if check and missing:
        raise typer.Exit(EXIT_LEFT)


def run(
    spec: Spec,
    out: Out = None,
    shard: ShardOption = None,
    wall_time: Annotated[
        float | None, typer.Option("--wall-time", help="Seconds in which instances may end, instead of the file's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a campaign on all ranks, or go on with it; what is recorded survives any kill.

    SIGTERM, SIGUSR1 or the campaign's wall_time end it after the instances in flight, with exit code 75; long
    instances of deferred Krylov stop at once and go on in the next run.
    """

    def start(world: Group) -> Work:
        from hpcbbp.campaign.job import opened_by_all
        from hpcbbp.campaign.shards import Shard
        from hpcbbp.campaign.spec import load_campaign

        if wall_time is not None and not 0 < wall_time < math.inf:
            raise InputError(f"--wall-time {wall_time:g}: seconds, more than 0")

        def load() -> Campaign:
            campaign = load_campaign(spec)
            return campaign if wall_time is None else campaign.model_copy(update={"wall_time": wall_time})

        return opened_by_all(load, out, world, None if shard is None else Shard.parse(shard))

    def done(work: Work, outcome: Outcome, output: Output) -> None:
        answer = {
            "name": work.campaign.name, "store": str(work.store.path), "instances": len(work.points),
            "done_before": len(work.points) - len(work.missing), "damaged": len(work.records.lost),
            **dataclasses.asdict(outcome),
        }  # fmt: skip
        if as_json:
            output.json(answer)
        else:
            output.show(f"{summary(work, outcome)}, {answer['done_before']} done before; {work.store.path}")

    on_all_ranks(start, done, as_json)


def summary(work: Work, outcome: Outcome) -> str:
    """What a run did, in a line or two."""
    counts = f"{work.campaign.name}: {outcome.computed} computed, {outcome.failed} failed, {outcome.left} left"
    return counts + (f" (stopped: {outcome.stopped}; the same command goes on)" if outcome.stopped else "")


def on_all_ranks(
    start: Callable[[Group], Work], done: Callable[[Work, Outcome, Output], None], as_json: bool
) -> None:
    """Run a campaign as a job and leave with its exit code; `done` is called on rank 0."""
    from hpcbbp.campaign.job import run_campaign
    from hpcbbp.cli.output import Output, fail, warn_of_traps
    from hpcbbp.machine import petsc
    from hpcbbp.machine.ranks import Group, abort_on_error, leave

    try:
        output = Output(as_json)
        world = Group.world()  # before PETSc: started by mpi4py, MPI lets threads communicate
        petsc.initialize()
        with abort_on_error(world):
            work = start(world)
            warn_of_traps(world)
            outcome = run_campaign(work, world)
            with world.agreeing():
                if world.rank == 0:
                    done(work, outcome, output)
        status = EXIT_LEFT if outcome.left else 1 if outcome.failed else 0
    except InputError as error:
        try:
            fail(str(error))
        except SystemExit:
            status = 2
    leave(status)


def collect(
    stores: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders of results, as of array jobs.")],
    out: Annotated[Path, typer.Option("--out", help="Folder that receives all of them.")],
    mixed_versions: Annotated[
        bool, typer.Option("--mixed-versions", help="Also where different versions of hpcbbp computed them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Merge the results of several runs (shards of array jobs) into one store; nothing is taken twice."""
    from hpcbbp.campaign.export import merge
    from hpcbbp.campaign.job import store_in
    from hpcbbp.cli.output import Output, note, warn

    output = Output(as_json)
    target = store_in(out)
    made = merge([store_in(folder) for folder in stores], target, mixed=mixed_versions)
    for path in made.empty:
        note(f"{path}: no record there yet; passed over")
    for line in made.warnings:
        warn(line)
    if as_json:
        counts = {"appended": made.appended, "present": made.present, "empty": len(made.empty)}
        output.json({"store": str(target.path), **counts})
    else:
        output.show(f"{target.path}: {made.appended} records added, {made.present} there already")


def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of results.")],
    to: Annotated[Path, typer.Option("--to", help="Table to write: .csv, .parquet or .h5; one row an eigenpair.")],
    as_json: Json = False,
) -> None:
    """Write the results of a campaign as a table for pandas."""
    from hpcbbp.campaign.export import write_pairs
    from hpcbbp.campaign.job import store_in
    from hpcbbp.cli.output import Output, warn

    output = Output(as_json)
    records = store_in(folder).read()
    for line in records.warnings():
        warn(line)
    rows = write_pairs(records.values(), to)
    if as_json:
        output.json({"file": str(to), "rows": rows, "damaged": len(records.lost)})
    else:
        output.show(f"{to}: {rows} rows")
