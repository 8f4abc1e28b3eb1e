"""`hpcbbp slurm`: a job script for a campaign, or for a solve of an operator of the user's own."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from hpcbbp.cli.campaign import Out
from hpcbbp.cli.options import Json, OperatorName
from hpcbbp.errors import InputError
from hpcbbp.machine.files import check_writable

T = TypeVar("T")


def slurm(
    spec: Annotated[Path | None, typer.Argument(metavar="FILE", help="Campaign file (TOML).")] = None,
    solve_options: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- OPTIONS]", help="With --operator: of hpcbbp solve, as -- --nev 2 --verify."),
    ] = None,
    operator: OperatorName = None,
    kind: Annotated[
        str,
        typer.Option("--as", help="campaign (one MPI job), array, collect (after an array), solve (one instance)."),
    ] = "campaign",
    nodes: Annotated[int, typer.Option("--nodes", help="Of the job; of a task of an array.")] = 1,
    ntasks_per_node: Annotated[
        int | None, typer.Option("--ntasks-per-node", help="Ranks a node, one a core (ranks_per_instance).")
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", help='Limit of a job: 90 (min), 12:00:00, "12 h" (by the estimate).')
    ] = None,
    tasks: Annotated[int | None, typer.Option("--tasks", help="Of an array (by the estimate).")] = None,
    out: Out = None,
    account: Annotated[str | None, typer.Option("--account")] = None,
    partition: Annotated[str | None, typer.Option("--partition")] = None,
    qos: Annotated[str | None, typer.Option("--qos")] = None,
    constraint: Annotated[str | None, typer.Option("--constraint")] = None,
    module: Annotated[list[str] | None, typer.Option("--module", help="To load; may be given several times.")] = None,
    container: Annotated[str | None, typer.Option("--container", help="Apptainer image to run in (.sif).")] = None,
    bind: Annotated[list[str] | None, typer.Option("--bind", help="Further folders the container sees.")] = None,
    program: Annotated[str | None, typer.Option("--program", help="hpcbbp as the nodes find it (this one).")] = None,
    launcher: Annotated[str | None, typer.Option("--launcher", help="srun or mpirun. (srun)")] = None,
    mpi: Annotated[str | None, typer.Option("--mpi", help="Of srun; see srun --mpi=list. (pmix)")] = None,
    requeues: Annotated[
        int | None, typer.Option("--requeues", help="How often a job goes back into the queue. (20)")
    ] = None,
    node_memory: Annotated[
        str | None, typer.Option("--node-memory", help="Of a node, as 256G: refuses what cannot fit.")
    ] = None,
    memory_per_rank: Annotated[
        str | None, typer.Option("--memory-per-rank", help="As 4G; with --operator, of which there is no estimate.")
    ] = None,
    sbatch: Annotated[list[str] | None, typer.Option("--sbatch", help='Further line, as "--exclusive".')] = None,
    profile: Annotated[
        Path | None,
        typer.Option(
            "--profile", help="Options of your site (hpcbbp-slurm.toml here, or ~/.config/hpcbbp/slurm.toml)."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print a Slurm job script for a campaign; memory, time and signal come from its estimates.

    hpcbbp slurm campaign.toml --nodes 2 --ntasks-per-node 32 --time 12:00:00 > job.sbatch

    hpcbbp slurm --operator mine:covariance --time 2:00:00 --memory-per-rank 4G --out found -- --nev 2 > job.sbatch
    """
    from hpcbbp.campaign.job import open_campaign
    from hpcbbp.campaign.spec import load_campaign
    from hpcbbp.cli.output import Output
    from hpcbbp.cli.progress import SPOKEN
    from hpcbbp.slurm.profile import load_profile
    from hpcbbp.slurm.script import render, render_operator
    from hpcbbp.slurm.sizes import JobRequest, seconds_of

    own = None if operator is None else [*([] if spec is None else [str(spec)]), *(solve_options or [])]
    campaign = None
    if own is None:
        if spec is None:
            raise InputError("a campaign file is wanted, or --operator MODULE:FUNCTION")
        if solve_options:
            raise InputError(f"{solve_options[0]}: options of hpcbbp solve go with --operator, not with a campaign")
        if memory_per_rank is not None:
            raise InputError(f"--memory-per-rank {memory_per_rank}: of a campaign there is an estimate; leave it out")
        campaign = load_campaign(spec)
    else:
        kind = _checked_operator(str(operator), kind, tasks, time, memory_per_rank)
    site, found = load_profile(profile)
    folder = out or Path(campaign.name if campaign else str(operator).split(":")[-1])
    check_writable(f"--out {folder}", folder, make=False)
    request = JobRequest(
        kind=kind,
        nodes=nodes,
        ntasks_per_node=_first(ntasks_per_node, site.ntasks_per_node, campaign.ranks_per_instance if campaign else 1),
        time=None if time is None else seconds_of(time),
        tasks=tasks,
        requeues=_first(requeues, site.requeues, 20),
        launcher=_first(launcher, site.launcher, "srun"),
        mpi=_first(mpi, site.mpi, "pmix"),
        program=program or site.program or this_program(),
        container=_first(container, site.container, None),
        binds=bind or site.binds,
        modules=module or site.modules,
        node_memory=None if (memory := _first(node_memory, site.node_memory, None)) is None else bytes_of(memory),
        options={
            "account": _first(account, site.account, ""), "partition": _first(partition, site.partition, ""),
            "qos": _first(qos, site.qos, ""), "constraint": _first(constraint, site.constraint, ""),
        },
        directives=[words.removeprefix("#SBATCH ") for words in sbatch or site.sbatch],
    )  # fmt: skip
    words = (
        [word for word in sys.argv[1:] if word != "--json"]
        if sys.argv[1:2] == ["slurm"]
        else ["slurm", str(spec or operator)]
    )
    command = shlex.join(["hpcbbp", *words]) + ("" if found is None else f" (options of {shlex.quote(str(found))})")
    if campaign is not None and spec is not None:
        script, size = render(open_campaign(campaign, out, listener=SPOKEN), request, spec, folder, command)
    else:
        asked = _solve_words(str(operator), own or [])
        script, size = render_operator(
            request, asked, bytes_of(str(memory_per_rank), "--memory-per-rank"), folder, command
        )
    output = Output(as_json)
    if as_json:
        output.json(
            {
                "name": campaign.name if campaign else folder.name, "as": kind, "nodes": nodes,
                "ntasks_per_node": request.ntasks_per_node, "seconds": size.time, "signal_seconds": size.lead,
                "mib_per_rank": size.memory_mib,
                "array": list(size.tasks), "tasks": size.of, "seconds_left": size.left,
                "longest_instance_seconds": size.longest, "script": script,
            }
        )  # fmt: skip
    else:
        output.text(script)


def _checked_operator(
    operator: str, kind: str, tasks: int | None, time: str | None, memory_per_rank: str | None
) -> str:
    """The kind of job of an operator; InputError for what belongs to campaigns, and for what is missing."""
    from hpcbbp.cli.own import check_words

    check_words(operator)
    if kind not in ("campaign", "solve") or tasks is not None:
        raise InputError("--operator: one solve by all ranks is wanted; leave --as and --tasks out")
    for option, value, example in (("--time", time, "12:00:00"), ("--memory-per-rank", memory_per_rank, "4G")):
        if value is None:
            raise InputError(f"{option} is wanted: there is no estimate of an operator; as {option} {example}")
    return "solve"


def _solve_words(operator: str, options: list[str]) -> list[str]:
    """Arguments of `hpcbbp solve`, checked as it would; InputError, or typer's own error, for those it refuses."""
    from hpcbbp.cli.operator import asked_of
    from hpcbbp.cli.solve import solve

    words = ["--operator", operator, *options]
    parser = typer.Typer(add_completion=False)
    parser.command()(solve)
    command: Any = typer.main.get_command(parser)
    given = command.make_context("solve", list(words)).params
    for option, name in (("--checkpoint", "checkpoint"), ("--json", "as_json"), ("--operator", "operator")):
        if given[name] not in (None, False, operator) or options.count(option):
            raise InputError(f"{option} in the options of hpcbbp solve: the job script has its own; leave it out")
    asked_of(given)
    return ["solve", *words]


def _first(given: T | None, of_site: T | None, usual: T) -> T:
    """What the command line says, or else the profile, or else what is usual."""
    return given if given is not None else of_site if of_site is not None else usual


def this_program() -> str:
    """hpcbbp of this environment as jobs can call it: relative to where they are submitted if it lies below."""
    beside = Path(sys.executable).parent / "hpcbbp"
    if not beside.exists():
        return "hpcbbp" if shutil.which("hpcbbp") else f"{shlex.quote(sys.executable)} -m hpcbbp"
    try:
        return shlex.quote(str(beside.relative_to(Path.cwd())))
    except ValueError:
        return shlex.quote(str(beside))


def bytes_of(text: str, option: str = "--node-memory") -> float:
    """Bytes of 256G, 1.5T or 64000M."""
    from hpcbbp.campaign.values import plain

    found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{0,12})?) ?([MGT])(?:i?B)?", text.strip())
    if found is None or float(found[1]) <= 0:
        raise InputError(f"{option} {plain(text)}: as 256G, 1.5T or 64000M")
    return float(found[1]) * 2.0 ** {"M": 20, "G": 30, "T": 40}[found[2]]
