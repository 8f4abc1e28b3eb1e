"""`hpcbbp plan`, `run`, `collect`, `export`: campaigns from a file to a table."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpcbbp.cli.options import Json
from hpcbbp.errors import InputError
from hpcbbp.machine.signals import EXIT_LEFT

if TYPE_CHECKING:
    from hpcbbp.campaign.job import Work
    from hpcbbp.campaign.outcome import Outcome
    from hpcbbp.campaign.spec import Campaign
    from hpcbbp.cli.output import Output
    from hpcbbp.machine.ranks import Group

Spec = Annotated[Path, typer.Argument(metavar="FILE", help="Campaign file (TOML).")]
Out = Annotated[Path | None, typer.Option("--out", help="Folder of the results (the campaign's name).")]
ShardOption = Annotated[
    str | None, typer.Option("--shard", help="Part of the campaign, as 3/16, with a store of its own in shards/.")
]


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
    from hpcbbp.campaign.plan import job_of, plan_of
    from hpcbbp.campaign.shards import Shard
    from hpcbbp.campaign.spec import load_campaign
    from hpcbbp.cli.output import Output
    from hpcbbp.cli.progress import SPOKEN
    from hpcbbp.cli.tables import plan_tables

    campaign = load_campaign(spec)
    ranks, network = job_of(campaign, ranks, nodes)
    work = open_campaign(campaign, out, None if shard is None else Shard.parse(shard), network, SPOKEN)
    made = plan_of(work, ranks, nodes)
    output = Output(as_json)
    for line in work.records.warnings(len(work.missing)):
        SPOKEN.warn(line)
    if as_json:
        output.json(made.to_dict())
    else:
        output.show(*plan_tables(made))
    if check and made.done < made.instances:
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
        from hpcbbp.cli.progress import SPOKEN

        if wall_time is not None and not 0 < wall_time < math.inf:
            raise InputError(f"--wall-time {wall_time:g}: seconds, more than 0")

        def load() -> Campaign:
            campaign = load_campaign(spec)
            return campaign if wall_time is None else campaign.model_copy(update={"wall_time": wall_time})

        return opened_by_all(load, out, world, None if shard is None else Shard.parse(shard), SPOKEN)

    def done(work: Work, outcome: Outcome, output: Output) -> None:
        answer = {
            "name": work.campaign.name, "store": str(work.store.path), "instances": len(work.points),
            "damaged": len(work.records.lost), **dataclasses.asdict(outcome),
        }  # fmt: skip
        if as_json:
            output.json(answer)
        else:
            output.show(f"{summary(work, outcome)}, {outcome.done_before} done before; {work.store.path}")

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
    from hpcbbp.cli.output import Output, warn_of_traps
    from hpcbbp.cli.progress import SPOKEN
    from hpcbbp.machine import petsc
    from hpcbbp.machine.ranks import Group, abort_on_error, fail, leave

    try:
        output = Output(as_json)
        world = Group.world()  # before PETSc: started by mpi4py, MPI lets threads communicate
        petsc.initialize()
        with abort_on_error(world):
            work = start(world)
            warn_of_traps(world)
            outcome = run_campaign(work, world, SPOKEN)
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
    from hpcbbp.campaign.job import store_in
    from hpcbbp.campaign.merge import merge
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
