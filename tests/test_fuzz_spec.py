"""Campaign files and option lines that no one would write: an answer, or one line and exit code 2, soon."""

from __future__ import annotations

import io
import math
import os
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from fuzzing import bounded, fuzzed
from hypothesis import given
from hypothesis import strategies as st

from hpcbbp import InputError
from hpcbbp.campaign.spec import Campaign, Grid, parse_campaign
from hpcbbp.cli import main

pytestmark = pytest.mark.fuzz

FEW = 300
"""Instances of a campaign that is listed and planned; larger ones are only counted."""

SHIPPED = [path.read_text() for path in resources.files("hpcbbp.paper").iterdir() if path.name.endswith(".toml")]
SHIPPED += [path.read_text() for path in sorted((Path(__file__).parent.parent / "jobs").glob("*.toml"))]

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


@contextmanager
def streams_kept():
    """Standard output as it was: --json sends file descriptor 1 elsewhere until the process ends."""
    out, err, kept = io.StringIO(), io.StringIO(), os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            yield out, err
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def command(words: list[str], codes: tuple[int, ...] = (0, 2), seconds: float = 60.0) -> int:
    """Exit code of a command; whatever it is asked, it answers, or says one line why it does not."""
    with bounded(seconds, 1536), streams_kept() as (out, err), pytest.raises(SystemExit) as caught:
        main(words)
    code, told = caught.value.code, err.getvalue()
    assert code in codes, (words, told)
    assert "Traceback" not in told and "still running" not in told, (words, told)
    errors = [line for line in told.splitlines() if line.startswith("hpcbbp: error:")]
    assert len(errors) == (code == 2 and bool(words) and bool(told)), (words, told)
    if errors:
        assert out.getvalue() == "", words
        assert len(errors[0]) < 2000 + 2 * sum(map(len, words)), words
    return int(code or 0)


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


# What is merely large and lawful (a million predicted samples) takes minutes, and is in none of these.
ODD = st.one_of(
    st.sampled_from(
        ["", " ", "0", "-1", "1e-9", "1e400", "-1e308", "nan", "inf", "-inf", "x", "1_0", "0x10", "٣", "9" * 5000,
         "1" + 400 * "0"]
    ),
    st.sampled_from(
        ["9.9.9 h", "9.9.9G", "--", "-x", "é", "\udc80", "a\nb", "x" * 300, "true", "1,5", "9" * 20, "[1]", "1/2",
         "%s", "-h"]
    ),
    st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=8),
    st.sampled_from(
        [".", "none/none", "/dev/null", "/dev/full", "/dev/zero", "/proc/self/mem", "pipe", "loop", "c.toml/x", "r",
         "t.csv", "r/results.jsonl", "t.png", "x.jsonl"]
    ),
)  # fmt: skip

P, A, ALPHA, PICTURE = ("1", "2", "3"), ("0.01", "1", "1.5"), ("0.1", "1", "3"), ("o.png", "o.pdf", "new/o.svg")
FILE, FOLDER, FLAG = ("c.toml",), ("r", "s"), (None,)
SLURM_WORDS = (
    "--account",
    "--qos",
    "--module",
    "--container",
    "--bind",
    "--program",
    "--mpi",
    "--sbatch",
    "--partition",
)
COMMANDS = {
    "theory": (
        {"-p": (*P, "inf", "100000"), "-a": (*A, "1e6", "1e-9")},
        {"--p-star": P, "--alpha": (*ALPHA, "1e12", "1e-12"), "--json": FLAG},
    ),
    "phase-diagram": (
        {"--points": ("2", "3"), "-p": P},
        {"--p-star": P, "--a-min": A, "--a-max": A, "-a": A, "--inset-a": A, "--out": PICTURE, "--json": FLAG},
    ),
    "density": (
        {"-p": (*P, "inf"), "-a": A, "--alpha": ALPHA, "--points": ("5", "20")},
        {"--p-star": P, "--out": PICTURE, "--json": FLAG},
    ),
    "predict": (
        {"-p": P, "-a": A, "--alpha": ALPHA, "-n": ("20", "1e2"), "--samples": ("1", "2")},
        {"--p-star": P, "--seed": ("0", "3"), "--out": PICTURE, "--json": FLAG},
    ),
    "plan": (
        {"": FILE},
        {"--out": FOLDER, "--ranks": ("1", "4"), "--nodes": ("1", "2"), "--shard": ("1/2",), "--check": FLAG,
         "--json": FLAG},
    ),
    "slurm": (
        {"": FILE, "--program": ("hpcbbp",)},
        {"--out": FOLDER, "--as": ("array", "collect", "solve"), "--nodes": ("1", "2"), "--tasks": ("1", "2"),
         "--json": FLAG,
         "--ntasks-per-node": ("1", "2"), "--time": ("90", "12:00:00", "12 h", "1-0"),
         "--node-memory": ("256G", "1M"), "--requeues": ("0", "3"), "--launcher": ("mpirun", "srun"),
         **dict.fromkeys(SLURM_WORDS, ("x", "a b"))},
    ),
    "collect": ({"": FOLDER, "--out": FOLDER}, {"--mixed-versions": FLAG, "--json": FLAG}),
    "export": ({"": FOLDER, "--to": ("t.csv", "t.h5")}, {"--json": FLAG}),
    "analyze": ({"": (*FILE, *FOLDER)}, {"--out": FOLDER, "--to": FOLDER, "--level": ("0.9",), "--json": FLAG}),
    "report": ({"": FILE}, {"--out": FOLDER, "--to": FOLDER, "--level": ("0.9", "0.5"), "--json": FLAG}),
    "run": ({"": FILE}, {"--out": FOLDER, "--shard": ("1/2",), "--wall-time": ("1e-9", "60"), "--json": FLAG}),
    "figure": ({"": ("8", "x")}, {"--quick": FLAG, "--out": FOLDER, "--json": FLAG}),
    "info": ({}, {"--json": FLAG}),
    "": ({}, {"--version": FLAG, "--help": FLAG}),
}  # fmt: skip


@st.composite
def option_lines(draw: st.DrawFn, name: str) -> list[str]:
    """A command with what it needs and some of what it may have; most have a value or two that nobody means."""
    needed, others = COMMANDS[name]
    more = draw(st.lists(st.sampled_from(sorted(others)), unique=True, max_size=3)) if others else []
    words, odd = [name] if name else [], draw(st.integers(0, 2))
    for option, values in {**needed, **{option: others[option] for option in more}}.items():
        value = draw(st.sampled_from(values))
        if value is not None and odd and draw(st.booleans()):
            value, odd = draw(ODD), odd - 1
        words += [word for word in (option, value) if word]
    if not draw(st.integers(0, 9)):
        words.insert(draw(st.integers(0, len(words))), draw(ODD))
    return words


@pytest.fixture(scope="module")
def things(folder):
    """What the paths of option lines may meet in their folder."""
    (folder / "c.toml").write_text('name = "c"\n[[grid]]\np = 1\na = 1.5\nalpha = 3.0\nn = 20\nseeds = 2\n')
    (folder / "t.csv").write_text("a,b\n")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    command(["run", "c.toml", "--out", "r"], seconds=300)  # kernels may have to be compiled
    command(["predict", "-p", "1", "-a", "1", "--alpha", "2", "-n", "20", "--samples", "1"], seconds=300)
    return folder


@pytest.mark.parametrize("name", [name or "none" for name in COMMANDS])
def test_option_lines(things, name):
    found = set()

    @fuzzed(10 if name in ("phase-diagram", "density", "predict", "report", "run") else 30)  # these take longer
    @given(option_lines(name.removeprefix("none")))
    def lines(words: list[str]) -> None:
        found.add(command(words, (0, 1, 2, 75)))

    lines()
    assert 2 in found


def test_what_longer_runs_have_found(things):
    many = "1" + 400 * "0"
    assert command(["theory", "-p", many, "-a", "1"]) == 2
    assert command(["theory", "-p", "1", "--p-star", many, "-a", "1"]) == 2
