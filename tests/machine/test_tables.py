"""Tables: a column is declared once, and a terminal, a page and a file say the same of it."""

from __future__ import annotations

import re
from html import unescape
from operator import attrgetter

import numpy as np
import pytest
from records import failed, kept, point_at, solved
from rich.console import Console

from hpcbbp.analysis.analysis import analyse
from hpcbbp.campaign.spec import parse_campaign
from hpcbbp.cli.output import table
from hpcbbp.machine.table import Column, Table, frame, of, words
from hpcbbp.machine.wording import decimals, duration
from hpcbbp.report.instances import run_table, troubles
from hpcbbp.report.page import write_report
from hpcbbp.report.points import curve_tables
from hpcbbp.report.shown import shown as on_a_page

COLUMNS = (
    Column("seed", attrgetter("seed")),
    Column("alpha", attrgetter("alpha"), decimals(2)),
    Column("twice", lambda point: 2 * point.n),
)
POINTS = [point_at(seed, method="dense", storage="float64", alpha=3.0, nev=2, tol=1e-6) for seed in range(4)]
CAMPAIGN = """
name = "c"
[[grid]]
p = 2
a = 1.5
alpha = 3.0
n = 50
seeds = "0..3"
nev = 2
method = "dense"
"""


def shown(made, width=300):
    console = Console(width=width, force_terminal=False, highlight=False)
    with console.capture() as captured:
        console.print(table(made))
    return captured.get()


def test_values_and_texts_of_one_declaration():
    made = Table("t", COLUMNS, tuple(POINTS[:2]))
    assert made.titles == ("seed", "alpha", "twice")
    assert made.cells == (("0", "3.00", "100"), ("1", "3.00", "100"))
    values = frame(COLUMNS, iter(POINTS[:2]))
    assert values.to_dict("list") == {"seed": [0, 1], "alpha": [3.0, 3.0], "twice": [100, 100]}
    assert list(frame(COLUMNS, []).columns) == list(made.titles)
    assert of(attrgetter("at"), COLUMNS[1]).text(type("row", (), {"at": POINTS[0]})) == "3.00"
    assert Table("", words("", "x"), (("a", "b"),)).cells == (("a", "b"),)


@pytest.fixture
def records():
    unsure = solved(POINTS[2], converged_flags=[False, True], converged=1, reason="stopped | early")
    return [kept(each) for each in (solved(POINTS[0]), failed(POINTS[1], "no room"), unsure)]


def test_counts_of_a_report_are_numbers(records):
    made = run_table(records, POINTS)
    (row,) = made.rows
    assert (row.wanted, row.done, row.failed, row.core_seconds) == (4, 2, 1, 0.75)
    assert made.cells == (("2", "1", "1.5", "50", "dense", "4", "2", "1", duration(0.75)),)
    assert troubles(records).cells == (
        ("2", "1", "1.5", "3", "50", "1", "dense", "failed: no room"),
        ("2", "1", "1.5", "3", "50", "2", "dense", "stopped | early"),
    )


def test_terminal_and_pages_show_the_same_cells(tmp_path, records):
    found = analyse(records)
    write_report(parse_campaign(CAMPAIGN, "c.toml"), CAMPAIGN, records, found, tmp_path)
    text, page = (tmp_path / "report.md").read_text(), (tmp_path / "report.html").read_text()
    assert "2 of 4 instances are done, 1 failed and 1 is still to be run" in text
    for whole in (run_table(records, POINTS), troubles(records), *curve_tables(found)):
        made = on_a_page(whole)
        lines = [[part.strip() for part in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines()]
        plain = [[unescape(part.replace("\\", "")) for part in line] for line in lines]
        assert list(made.titles) in plain
        for cells in made.cells:
            assert list(cells) in plain
            assert "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>" in re.sub(
                r"<td [^>]*>", "<td>", page
            )
        for cells in whole.cells:
            pattern = r"\s+".join(re.escape(cell) for cell in cells)
            assert re.search(pattern, shown(whole))


def test_durations_have_no_sixtieth_second():
    for seconds in np.concatenate([np.linspace(0, 7300, 14601), [86399.6, 3599.9999, 119.5, 179.6, 1e7 - 0.1]]):
        words = duration(float(seconds)).split()
        assert "60" not in words[2:], (seconds, words)
        units = {"s": 1, "min": 60, "h": 3600}
        told = sum(int(number) * units[unit] for number, unit in zip(words[::2], words[1::2], strict=True))
        assert abs(told - seconds) <= (0.5 if words[-1] == "s" else 30.0) + 1e-6
    told = ["2 min 00 s", "3 min 00 s", "1 h 40 min", "2 h 00 min"]
    assert [duration(value) for value in (119.6, 179.7, 5999.7, 7199.0)] == told
