"""`hpcbbp accounting`: what jobs of a campaign took, beside its estimates."""

from __future__ import annotations

from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpcbbp.cli.campaign import Out, Spec
from hpcbbp.cli.options import Json

if TYPE_CHECKING:
    from hpcbbp.slurm.accounting import Accounts


def accounting(
    spec: Spec,
    jobs: Annotated[list[str], typer.Argument(metavar="JOB...", help="Numbers of Slurm jobs, as 1234 or 1234_5.")],
    out: Out = None,
    sacct: Annotated[
        Path | None, typer.Option("--sacct", help="File that sacct has printed elsewhere, in place of sacct here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What jobs of a campaign took by Slurm's accounting, beside the estimates of hpcbbp plan."""
    from hpcbbp.campaign.job import open_campaign
    from hpcbbp.campaign.spec import load_campaign
    from hpcbbp.cli.output import Output
    from hpcbbp.cli.progress import SPOKEN
    from hpcbbp.errors import InputError
    from hpcbbp.machine.text import text_of
    from hpcbbp.slurm.accounting import accounts_of, check_jobs, read_sacct, starts_of

    check_jobs(jobs)
    work = open_campaign(load_campaign(spec), out, listener=SPOKEN)
    starts = starts_of(read_sacct(jobs) if sacct is None else text_of(sacct, "file that sacct has printed", "text"))
    starts = tuple(one for one in starts if one.job in jobs or one.job.split("_")[0] in jobs)
    if not starts:
        raise InputError(f"{'sacct' if sacct is None else sacct}: nothing of job {', '.join(jobs)} in it")
    found = accounts_of(starts, work.records.values())
    output = Output(as_json)
    if as_json:
        output.json({"name": work.campaign.name, **found.to_dict()})
    else:
        output.show(*tables(work.campaign.name, found))


def tables(name: str, found: Accounts) -> list[Any]:
    """What people see."""
    from hpcbbp.cli.output import table
    from hpcbbp.machine.table import Column, Table
    from hpcbbp.machine.wording import duration

    def size(value: float | None) -> str:
        return "-" if value is None else f"{value / 2**30:.2f} GiB"

    limits = [one.limit for one in found.starts if one.limit is not None]
    asked = f"{len(found.starts)} x {duration(max(limits))}" if limits else "-"
    rows = (
        ("time", asked, duration(found.seconds_estimated), duration(found.seconds)),
        ("longest instance", "-", duration(found.longest_estimated), duration(found.longest)),
        ("memory of a rank", size(found.memory_asked), size(found.memory_estimated), size(found.memory)),
    )
    columns = tuple(
        Column[tuple[str, ...]](title, itemgetter(place))
        for place, title in enumerate(("what", "asked for", "estimated", "used"))
    )
    states = ", ".join(f"{one.job} {one.state}" for one in found.starts[:8])
    more = f" and {len(found.starts) - 8} more" if len(found.starts) > 8 else ""
    share = "-" if found.cpu_share is None else f"{100 * found.cpu_share:.0f} %"
    return [
        table(Table(f"{name}: {found.instances} instances begun while these jobs ran", columns, rows)),
        f"{states}{more}; CPU time: {share} of the cores' time. Estimates: the model of hpcbbp plan for the recorded "
        "instances, before it learns from records",
    ]
