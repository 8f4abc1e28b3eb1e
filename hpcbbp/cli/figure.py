"""`hpcbbp figure`, `analyze`, `report`: from campaigns to pictures, fits and a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpcbbp.cli.campaign import Out, Spec, on_all_ranks, summary
from hpcbbp.cli.options import Json, among
from hpcbbp.errors import InputError
from hpcbbp.machine import signals
from hpcbbp.machine.files import check_writable, csv_text, write_file

if TYPE_CHECKING:
    from hpcbbp.campaign.job import Work
    from hpcbbp.campaign.outcome import Outcome
    from hpcbbp.campaign.store import Record
    from hpcbbp.cli.output import Output
    from hpcbbp.figures.catalogue import Named
    from hpcbbp.machine.ranks import Group

Window = Annotated[
    tuple[float, float], typer.Option("--window", help="alpha / alpha_BBP over which alpha_0 is continued.")
]
Level = Annotated[float, typer.Option("--level", help="Of all intervals.")]


def figure(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="1 to 8, as in the paper; 9, 10: gradient descent; edge; threshold; distribution; estimators.",
            autocompletion=among(*map(str, range(1, 11)), "edge", "threshold", "distribution", "estimators"),
        ),
    ],
    quick: Annotated[bool, typer.Option("--quick", help="A few minutes on two cores.")] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder of pictures, tables and records.")] = Path("figures"),
    as_json: Json = False,
) -> None:
    """Run or resume the campaign of a figure, then draw it: PDF, PNG and its data as CSV.

    Its campaign file is left beside the records, to be changed and run as one's own.
    """
    from hpcbbp.cli.output import Output
    from hpcbbp.figures.catalogue import named_figure

    named = named_figure(name)
    stem = f"figure-{named.name}{'-quick' if quick else ''}"
    files = tuple(out / f"{stem}.{ending}" for ending in ("png", "pdf", "csv"))
    if not named.simulated:
        signals.default()
        check_writable(f"--out {out}", out, files)
        draw(named, [], quick, files, Output(as_json))
        return

    def start(world: Group) -> Work:
        from hpcbbp.campaign.job import opened_by_all
        from hpcbbp.cli.progress import SPOKEN

        with world.agreeing():
            if world.rank == 0:
                check_writable(f"--out {out}", out, files)
                check_writable(f"--out {out}", out / stem)
        return opened_by_all(lambda: named.campaign(quick), out / stem, world, listener=SPOKEN)

    def done(work: Work, outcome: Outcome, output: Output) -> None:
        write_file(out / stem / "campaign.toml", named.text(quick))
        if outcome.left:
            output.show(summary(work, outcome))
        else:
            draw(named, work.results(), quick, files, output)

    on_all_ranks(start, done, as_json)


def draw(named: Named, records: list[Record], quick: bool, files: tuple[Path, ...], output: Output) -> None:
    """Draw a figure into its files and tell which."""
    from hpcbbp.figures.canvas import save

    made, data = named.draw(records, quick)
    for path in files:
        if path.suffix == ".csv":
            write_file(path, csv_text(data, "%.8g"))
        else:
            save(made, path, named.about)
    if output.as_json:
        output.json({"figure": named.name, "about": named.about, "files": [str(path) for path in files]})
    else:
        output.show(f"figure {named.name}: {named.about}", *map(str, files))


def records_of(spec: Path, out: Path | None) -> list[Record]:
    """Return the records of a campaign file, or all of a folder of results; InputError if there are none."""
    from hpcbbp.campaign.job import open_campaign, store_in
    from hpcbbp.campaign.spec import load_campaign
    from hpcbbp.cli.output import warn
    from hpcbbp.cli.progress import SPOKEN

    if spec.is_dir() or spec.suffix == ".jsonl":
        if out is not None:
            raise InputError(f"--out {out}: {spec} is a folder of results itself")
        store = store_in(spec)
        records = store.read()
        found, missing = list(records.values()), None
    else:
        work = open_campaign(load_campaign(spec), out, listener=SPOKEN)
        store, records, found = work.store, work.records, work.results()
        missing = len(work.missing)
    for line in records.warnings(missing):
        warn(line)
    if not found:
        raise InputError(f"{store.path}: no results there yet; hpcbbp run computes them")
    return found


def analyze(
    spec: Annotated[Path, typer.Argument(metavar="FILE", help="Campaign file (TOML), or a folder of results.")],
    out: Out = None,
    window: Window = (1.05, 1.4),
    level: Level = 0.9,
    to: Annotated[Path | None, typer.Option("--to", help="Folder for every table as CSV.")] = None,
    as_json: Json = False,
) -> None:
    """Fit what a campaign says about finite N: overlaps, phi, thresholds, alpha_0, the law of the edge, spreads.

    Of descents: the largest overlap reached, and how many found the teacher.
    """
    from hpcbbp.analysis.analysis import analyse
    from hpcbbp.campaign.courses import courses, reached
    from hpcbbp.cli.output import Output, table
    from hpcbbp.machine.jsonable import plain_rows
    from hpcbbp.report.points import curve_tables, descent_tables
    from hpcbbp.report.tables import law_tables

    records = records_of(spec, out)
    if to is not None:
        check_writable(f"--to {to}", to)
    descents = courses(records)
    found = analyse(records, window=window, level=level) if len(descents) < len(records) else None
    tables = {} if found is None else found.tables()
    if len(descents):
        tables |= {"descents": reached(descents)}
    output, files = Output(as_json), []
    if to is not None:
        check_writable(f"--to {to}", to, [to / f"{name}.csv" for name in tables])
        for name, rows in tables.items():
            write_file(to / f"{name}.csv", csv_text(rows, "%.8g"))
            files.append(str(to / f"{name}.csv"))
    if as_json:
        also = {"descents": plain_rows(tables["descents"])} if "descents" in tables else {}
        output.json({**({} if found is None else found.to_dict()), **also, "files": files})
        return
    shown = [] if found is None else [*curve_tables(found), *law_tables(found)]
    for made in [*shown, *(descent_tables(tables["descents"]) if "descents" in tables else [])]:
        output.show(table(made), *([made.note] if made.note else []))
    output.show(*files)


def report(
    spec: Spec,
    out: Out = None,
    window: Window = (1.05, 1.4),
    level: Level = 0.9,
    to: Annotated[Path | None, typer.Option("--to", help="Folder of the page (that of the results).")] = None,
    as_json: Json = False,
) -> None:
    """One page about a campaign, HTML and Markdown: what was run, pictures, fits, what did not converge."""
    from hpcbbp.analysis.analysis import analyse
    from hpcbbp.campaign.courses import courses
    from hpcbbp.campaign.spec import load_campaign
    from hpcbbp.cli.output import Output
    from hpcbbp.report.page import write_report
    from hpcbbp.solvers.measured import Measured

    campaign = load_campaign(spec)
    records = records_of(spec, out)
    if len(courses(records)) == len(records):
        raise InputError(f"{spec}: descents alone have no report; hpcbbp analyze and hpcbbp export have their tables")
    folder = to or out or Path(campaign.name)
    check_writable(f"--to {folder}", folder)
    solved = any(isinstance(record, Measured) for record in records)  # where all of them failed the page says so
    found = analyse(records, window=window, level=level) if solved else None
    files = write_report(campaign, spec.read_text(encoding="utf-8"), records, found, folder)
    output = Output(as_json)
    if as_json:
        output.json({"files": [str(path) for path in files]})
    else:
        output.show(*map(str, files))
