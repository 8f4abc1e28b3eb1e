"""`hpcbbp demo`: both transitions of the paper's first figure as a campaign, a picture and a table."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpcbbp.cli.campaign import on_all_ranks, summary
from hpcbbp.cli.options import Json
from hpcbbp.errors import InputError
from hpcbbp.machine.files import check_writable, csv_text, write_file
from hpcbbp.machine.jsonable import plain_rows

if TYPE_CHECKING:
    import pandas as pd

    from hpcbbp.campaign.job import Work
    from hpcbbp.campaign.outcome import Outcome
    from hpcbbp.cli.output import Output
    from hpcbbp.machine.ranks import Group


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for picture, table and records.")] = Path("demo"),
    quick: Annotated[bool, typer.Option("--quick", help="A few seconds: too small for physics.")] = False,
    as_json: Json = False,
) -> None:
    """Both BBP transitions of the paper's first figure: a campaign, a picture and a table.

    Interrupted, it goes on where it stopped.
    """
    if str(out) in ("", "."):
        raise InputError("--out: name a folder of its own for the demonstration's files")
    name = "demo-quick" if quick else "demo"
    picture, table = out / f"{name}.png", out / f"{name}.csv"

    def start(world: Group) -> Work:
        from hpcbbp.campaign.job import opened_by_all
        from hpcbbp.cli.progress import SPOKEN
        from hpcbbp.figures.catalogue import packaged_campaign

        with world.agreeing():
            if world.rank == 0:
                check_writable(f"--out {out}", out, (picture, table))
        return opened_by_all(lambda: packaged_campaign(name), out, world, listener=SPOKEN)

    def done(work: Work, outcome: Outcome, output: Output) -> None:
        from hpcbbp.analysis.aggregate import curves
        from hpcbbp.analysis.instances import instance_table
        from hpcbbp.figures.campaign import overlap_figure
        from hpcbbp.figures.canvas import save

        if outcome.left:
            output.show(summary(work, outcome))
            return
        found = curves(instance_table(work.results()))
        write_file(table, csv_text(found, "%.8g"))
        save(overlap_figure(found), picture, "A continuous and a discontinuous BBP transition")
        files = [picture, table, work.store.path]
        if as_json:
            output.json({"files": [str(path) for path in files], "curves": plain_rows(found)})
        else:
            kinds = {".png": "picture", ".csv": "table", ".jsonl": "records"}
            output.show(*demo_tables(found), *(f"{kinds[path.suffix]:8} {path}" for path in files))

    on_all_ranks(start, done, as_json)


def _in_units(unit: float, alpha: float) -> str:
    return f"{alpha / unit:.2f}"


def demo_tables(curves: pd.DataFrame) -> list[Any]:
    """Tables for people, one for each loss constant."""
    from hpcbbp.analysis.aggregate import models
    from hpcbbp.cli.output import table
    from hpcbbp.machine.table import Column, Table
    from hpcbbp.model.columns import N
    from hpcbbp.report import cells, points
    from hpcbbp.theory import transition

    shown: list[Any] = []
    for model, part in models(curves):
        at = transition(*model[:3])
        columns: tuple[Column[Any], ...] = (
            N,
            points.ALPHA,
            Column("/BBP", attrgetter("alpha"), partial(_in_units, at.alpha_bbp)),
            Column("seeds", attrgetter("seeds")),
            points.OVERLAP2,
            points.QUENCHED_OVERLAP2,
            replace(points.THEORY_OVERLAP2, title="theory"),
            cells.mean("lambda", "lambda_mean"),
            points.LAMBDA_STAR,
            points.LAMBDA_MINUS,
        )
        p, p_star, a = model[:3]
        title = f"p = {p}, p* = {p_star}, a = {a:g}: {at.kind}, alpha_BBP = {at.alpha_bbp:.5f}" + (
            f", alpha_0 = {at.alpha_0:.5f}" if at.alpha_0 is not None else ""
        )
        shown.append(table(Table(title, columns, tuple(part.itertuples(index=False)))))
    unconverged = int(curves["unconverged"].sum())
    if unconverged:
        shown.append(f"{unconverged} instances did not converge and are left out of the averages")
    return [
        *shown,
        "m^2, lambda: mean over the lowest p p* pairs (standard error over seeds)\n"
        "quenched: m^2 predicted from the projections of the same instances (docs/finite-n.md)\n"
        "theory, lambda*, lambda_-: m^2, outlier and left edge at N = infinity\n",
    ]
