"""`hpcbbp report`: one page of what was run, seen and fitted, and of what did not converge."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from hpcbbp.analysis.aggregate import models, parts
from hpcbbp.analysis.analysis import Analysis
from hpcbbp.campaign.spec import Campaign
from hpcbbp.campaign.store import Descended, Failed, Record, Result
from hpcbbp.figures.campaign import distribution_figure, edge_figure, of_model, overlap_figure, phi_figure
from hpcbbp.figures.canvas import title
from hpcbbp.machine import provenance
from hpcbbp.machine.files import write_file
from hpcbbp.machine.optional import require
from hpcbbp.machine.table import Column, Table, of
from hpcbbp.machine.wording import duration, general
from hpcbbp.model.columns import METHOD, MODEL, N
from hpcbbp.report.tables import curve_tables, law_tables
from hpcbbp.solvers.point import Point
from hpcbbp.theory.named import Model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ENOUGH = 30
"""Instances of one point from which on their distribution is drawn."""


@dataclass(frozen=True)
class Picture:
    """A picture of the report: name of its file, caption, PNG."""

    file: str
    caption: str
    png: bytes

    @property
    def base64(self) -> str:
        """The PNG as text."""
        return base64.b64encode(self.png).decode()


def pictures(found: Analysis) -> list[Picture]:
    """Every picture for which a campaign has data.

    Examples
    --------
    >>> [picture.file for picture in pictures(found)][:1]
    ['report-overlap-1-1.png']
    """
    made: list[tuple[str, str, Figure]] = []
    for p, of_p in parts(found.curves, "p"):
        for p_star, rows in parts(of_p, "p_star"):
            caption = f"Overlap against alpha, p = {p}, p* = {p_star}: simulation, quenched average, N = infinity"
            if rows["overlap2"].notna().any():
                made.append((f"overlap-{p}-{p_star}", caption, overlap_figure(rows.dropna(subset=["overlap2"]))))
    for model, curves in models(found.curves):
        name = "-".join(f"{value:g}" for value in model[:3]) + _in_a_file_name(model)
        words = title(model).replace("$", "")
        if (curves.dropna(subset=["phi"]).groupby("n").size() > 1).any():
            made.append((f"phi-{name}", f"phi and effective thresholds, {words}", phi_figure(found, model)))
        edges = of_model(found.edges, model)
        for alpha, fits in parts(edges[edges["reason"] == ""] if not edges.empty else edges, "alpha"):
            standing = int((~fits["rejected"].astype(bool)).sum())
            caption = f"Distance from the edge, {words}, alpha = {alpha:g} ({standing} of {len(fits)} laws fit)"
            made.append((f"edge-{name}-{alpha:g}", caption, edge_figure(found, model, alpha)))
        if (curves["seeds"] >= _ENOUGH).any():
            made.append((f"distribution-{name}", f"Distribution of m^2, {words}", distribution_figure(found, model)))
    return [Picture(f"report-{name}.png", caption, _png(figure)) for name, caption, figure in made]


def _in_a_file_name(model: Model) -> str:
    """Parts of a model that are not the paper's, as far as names of files have letters for them."""
    return "".join("-" + re.sub(r"[^A-Za-z0-9.=-]+", "_", word) for part in model[3:] for word in str(part).split())


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()


@dataclass
class RunRow:
    """Instances of one model, size and method.

    Attributes
    ----------
    p, p_star, a, parts, n, method
        As in Point.
    wanted, done, failed : int
    core_seconds : float
        Of those done and failed.
    """

    p: int
    p_star: int
    a: float
    parts: str
    n: int
    method: str
    wanted: int = 0
    done: int = 0
    failed: int = 0
    core_seconds: float = 0.0


_RUN: tuple[Column[RunRow], ...] = (
    *MODEL,
    N,
    METHOD,
    Column("wanted", attrgetter("wanted")),
    Column("done", attrgetter("done")),
    Column("failed", attrgetter("failed")),
    Column("core time", attrgetter("core_seconds"), duration),
)


def run_table(records: Iterable[Record], points: Sequence[Point]) -> Table[RunRow]:
    """What was to be run and what was: instances by model, size and method."""
    rows: dict[tuple[object, ...], RunRow] = {}
    by_key = {record.key: record for record in records}
    for point in points:
        kind = (point.p, point.p_star, point.a, str(point.parts), point.n, point.method)
        row = rows.setdefault(kind, RunRow(*kind))
        row.wanted += 1
        record = by_key.get(point.key)
        if record is not None:
            row.done += isinstance(record, Result)
            row.failed += isinstance(record, Failed)
            row.core_seconds += record.wall_seconds * record.ranks
    return Table("Instances", _RUN, tuple(rows.values()))


@dataclass(frozen=True)
class Trouble:
    """An instance that is in no average, and why."""

    point: Point
    why: str


_TROUBLES: tuple[Column[Trouble], ...] = (
    *(of(attrgetter("point"), column) for column in MODEL),
    Column("alpha", attrgetter("point.alpha"), general),
    of(attrgetter("point"), N),
    Column("seed", attrgetter("point.seed")),
    of(attrgetter("point"), METHOD),
    Column("why", attrgetter("why")),
)


def troubles(records: Iterable[Record]) -> Table[Trouble]:
    """Instances that failed, or whose lowest p p* pairs did not all converge."""
    rows = []
    for record in records:
        if isinstance(record, Failed):
            rows.append(Trouble(record.point, f"failed: {record.failed}"))
        elif isinstance(record, Descended):
            rows += [Trouble(record.point, record.reason)] if record.reason else []
        elif not all(record.converged_flags[: record.outliers]):
            rows.append(Trouble(record.point, record.reason))
    return Table(f"{len(rows)} instances, left out of every average", _TROUBLES, tuple(rows))


def write_report(
    campaign: Campaign, text: str, records: Sequence[Record], found: Analysis, folder: Path
) -> list[Path]:
    """Write report.html (self-contained) and report.md with its pictures; return the files.

    Parameters
    ----------
    campaign : Campaign
    text : str
        The campaign file, as it stands.
    records : sequence of Record
    found : Analysis
        Of these records.
    folder : Path

    Raises
    ------
    InputError
        If a file cannot be written, or jinja2 is not installed.

    Examples
    --------
    >>> files = write_report(campaign, "the campaign's text", list(records.values()), found, Path("report"))
    >>> sorted(file.name for file in files)[-2:]
    ['report.html', 'report.md']
    """
    require("the page of a campaign", "report")
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    run, shown = run_table(records, campaign.points()), pictures(found)
    done, wanted = sum(row.done for row in run.rows), sum(row.wanted for row in run.rows)
    made = provenance.versions()
    content = {
        "name": campaign.name,
        "summary": f"{done} of {wanted} instances, {len(found.curves)} points; intervals: {100 * found.level:.0f}%.",
        "run": run,
        "pictures": shown,
        "laws": law_tables(found),
        "troubles": troubles(records),
        "points": curve_tables(found.curves),
        "campaign": text.strip(),
        "fence": _fence(text),
        "provenance": "hpcbbp {hpcbbp}, commit {commit}, numpy {numpy}, scipy {scipy}".format(**made)
        + "; records by hpcbbp "
        + ", ".join(sorted({record.hpcbbp for record in records})),
    }
    environment = Environment(
        loader=PackageLoader("hpcbbp", "report"), undefined=StrictUndefined,
        autoescape=select_autoescape(["html.j2"]),
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["plain"] = plain_markdown
    files = {folder / picture.file: picture.png for picture in shown}
    for ending in ("html", "md"):
        page = environment.get_template(f"report.{ending}.j2").render(**content)
        files[folder / f"report.{ending}"] = page.encode()
    for path, data in files.items():
        write_file(path, data)
    return list(files)


_SPECIAL = re.compile(r"[\\`*_|~$]|(?<=\])\(")
"""Of Markdown within a line; a link without its bracket is none."""


def plain_markdown(text: object) -> str:
    """Text as Markdown shows it word for word, in one line: neither markup nor HTML."""
    line = " ".join(str(text).split())
    escaped = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\g<0>", escaped)


def _fence(text: str) -> str:
    """Backticks around a text that has fewer in a row."""
    return "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
