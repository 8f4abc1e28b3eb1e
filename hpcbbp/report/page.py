"""`hpcbbp report`: one page of what was run, seen and fitted, and of what did not converge."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hpcbbp.analysis.analysis import Analysis
from hpcbbp.campaign.courses import courses, reached
from hpcbbp.campaign.spec import Campaign
from hpcbbp.campaign.store import Record
from hpcbbp.machine import provenance
from hpcbbp.machine.files import write_file
from hpcbbp.machine.optional import require
from hpcbbp.report.instances import run_table, troubles
from hpcbbp.report.pictures import pictures
from hpcbbp.report.points import curve_tables, descent_tables
from hpcbbp.report.shown import shown
from hpcbbp.report.summary import summarise
from hpcbbp.report.tables import law_tables


def write_report(
    campaign: Campaign, text: str, records: Sequence[Record], found: Analysis | None, folder: Path
) -> list[Path]:
    """Write report.html (self-contained) and report.md with its pictures; return the files.

    Parameters
    ----------
    campaign : Campaign
    text : str
        The campaign file, as it stands.
    records : sequence of Record
    found : Analysis or None
        Of these records; None where all of them failed.
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

    points = campaign.points()
    run, left_out = run_table(records, points), troubles(records)
    drawn = [] if found is None else pictures(found)
    descents = courses(records)
    every = [] if found is None else curve_tables(found)
    every += descent_tables(reached(descents)) if len(descents) else []
    made = provenance.versions()
    content = {
        "name": campaign.name,
        "summary": summarise(points, run.rows, left_out.rows, found).sentences,
        "run": shown(run),
        "pictures": drawn,
        "laws": [] if found is None else [shown(made) for made in law_tables(found)],
        "troubles": shown(left_out),
        "points": [shown(made) for made in every],
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
    files = {folder / picture.file: picture.png for picture in drawn}
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
