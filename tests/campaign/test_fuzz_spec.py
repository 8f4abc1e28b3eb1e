"""Campaign files and option lines that no one would write: an answer, or one line and exit code 2, soon."""

from __future__ import annotations

import math
import os
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from fuzzing import bounded, command, fuzzed
from hypothesis import given
from hypothesis import strategies as st
from job_scripts import JOBS

from hpcbbp import InputError
from hpcbbp.campaign.spec import Campaign, Grid, parse_campaign

pytestmark = pytest.mark.fuzz

FEW = 300
"""Instances of a campaign that is listed and planned; larger ones are only counted."""

SHIPPED = [
    path.read_text() for path in resources.files("hpcbbp.figures.campaigns").iterdir() if path.name.endswith(".toml")
]
SHIPPED += [path.read_text() for path in sorted(JOBS.glob("*.toml"))]

TEXTS = st.one_of(
    st.sampled_from(
        ["", "all", "auto", "dense", "deferred", "dice", "int16", "float64", "float16", "0..3", "3..0",
         "0..999999999999",
         "1 alpha_bbp", "1e308 alpha_bbp", "0.5..1.5 alpha_bbp in 3", "0.5..1.5 in 99999999999", "1..2", "9.9.9 h",
         "2 h", "inf h", "nan", "x" * 300, "../x", "a\nb", "é", "\U0001f600"]
    ),
    st.text("0123456789.eE+-in alphbs_h", max_size=24),
    st.text(max_size=8),
)  # fmt: skip
NUMBERS = st.one_of(
    st.sampled_from(
        [0, 1, 2, 3, -1, 10, 400, 8000, 10**5, 10**9, 10**15, 10**18, 2**63, 2**64, 10**30, 10**400, 16**3000, 1e-320,
         1e-9, 1e-6, 0.1, 0.5, 1.0, 1.5, 3.0, 1e5, 1e16, 1e300, 1.7e308, math.inf, -math.inf, math.nan, -0.0]
    ),
    st.integers(-3, 100), st.integers(), st.floats(),
)  # fmt: skip
SCALARS = st.one_of(NUMBERS, TEXTS, st.booleans(), st.just(date(2025, 10, 18)))
TABLES = st.dictionaries(
    st.one_of(st.sampled_from(["50", "400", "1e2", "nan", "inf", "-1", "1e300", ""]), TEXTS), SCALARS, max_size=3
)
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=4),
    TABLES,
    st.recursive(SCALARS, lambda x: st.lists(x, max_size=3), max_leaves=9),
)

PLAIN_GRID = {"p": 1, "a": 1.5, "alpha": 3.0, "n": 50}
GRIDS = st.tuples(
    st.fixed_dictionaries({
        "p": st.sampled_from([1, 2, [1, 3], 7]), "a": st.sampled_from([1e-9, 0.01, 1.0, [0.7, 1.5], 1e6]),
        "alpha": st.sampled_from([3.0, 0.1, ["0.5..1.5 alpha_bbp in 3", 2.5], "1 alpha_bbp", 1e12, 1e-6]),
        "n": st.sampled_from([2, 50, [50, 400], 1e5, 1e15]),
    }),
    st.dictionaries(st.sampled_from([*Grid.model_fields, "P", "x y"]), VALUES, max_size=2),
)  # fmt: skip
CAMPAIGNS = st.tuples(
    st.lists(GRIDS, min_size=1, max_size=2),
    st.dictionaries(
        st.sampled_from([name for name in Campaign.model_fields if name != "grid"] + ["y"]), VALUES, max_size=1
    ),
)


def toml(value: object) -> str:
    """A value as TOML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 10**1000:
        return hex(value)
    if isinstance(value, int | float | date):
        return str(value)
    if isinstance(value, str):
        return (
            '"' + "".join(f"\\U{ord(c):08x}" if not (c.isprintable() and c not in '"\\') else c for c in value) + '"'
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    assert isinstance(value, dict)
    return "{" + ", ".join(f"{toml(str(name))} = {toml(entry)}" for name, entry in value.items()) + "}"


def written(made: tuple[list[tuple[dict, dict]], dict]) -> str:
    """The text of a campaign file."""
    grids, top = made
    lines = [f"{name} = {toml(value)}" for name, value in {"name": "fuzz", **top}.items()]
    for valid, odd in grids:
        lines += ["[[grid]]", *(f"{toml(name)} = {toml(value)}" for name, value in {**valid, **odd}.items())]
    return "\n".join(lines)


MARKS = [
    "[", "]", "{", "}", '"', "=", "\n", "..", "-", "[[grid]]\n", "\ufeff", "\0", "9" * 5000, "[" * 3000, "e99", "'''",
    "#", "in 999999999",
]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A campaign file of the package with a few places overwritten."""
    text = draw(st.sampled_from(SHIPPED))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        with_what = draw(st.one_of(st.sampled_from(MARKS), TEXTS))
        text = text[:at] + with_what + text[at + draw(st.sampled_from([0, 0, 1, 3, 40])) :]
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Working directory of all of it."""
    place, before = tmp_path_factory.mktemp("fuzz"), Path.cwd()
    os.chdir(place)
    yield place
    os.chdir(before)


def accepted(text: str) -> Campaign | None:
    """The campaign of a text, its points listed if they are few; None where InputError says why there is none."""
    refused = ""
    with bounded(10, 512):
        try:
            campaign = parse_campaign(text, "fuzz.toml")
            if campaign.size() <= FEW:
                points = campaign.points()
                assert len(points) == campaign.size()
                assert all(point.problem.samples(point.n) >= 1 for point in points)
        except InputError as error:
            refused = str(error)
    assert "\n" not in refused and len(refused) < 2000
    return None if refused else campaign


def planned(text: str, campaign: Campaign) -> None:
    """What is read is planned, and rendered as a job."""
    if campaign.size() <= FEW:
        Path("fuzz.toml").write_text(text, encoding="utf-8")
        command(["plan", "fuzz.toml", "--out", "none"])
        command(["slurm", "fuzz.toml", "--out", "none", "--program", "hpcbbp"])


@fuzzed(300)
@given(CAMPAIGNS)
def test_campaign_files_of_odd_values(folder, made):
    campaign = accepted(written(made))
    if campaign is not None:
        planned(written(made), campaign)


@fuzzed(500)
@given(damaged())
def test_damaged_campaign_files(folder, text):
    accepted(text)


def test_the_cases_are_not_all_refused(folder):
    """Of files without odd values most are campaigns."""
    assert accepted(written(([(PLAIN_GRID, {})], {}))) is not None
