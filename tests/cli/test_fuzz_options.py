"""Option lines that no one would write: an answer, or one line and exit code 2, soon."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fuzzing import command, fuzzed
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.fuzz

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
        {"--p-star": P, "--alpha": (*ALPHA, "1e12", "1e-12"), "-n": ("1e6", "100", "1e31"), "--json": FLAG},
    ),
    "phase-diagram": (
        {"--points": ("2", "3"), "-p": P},
        {"--p-star": P, "--a-min": A, "--a-max": A, "-a": A, "--inset-a": A, "-n": ("1e6", "100"), "--out": PICTURE,
         "--json": FLAG},
    ),
    "density": (
        {"-p": (*P, "inf"), "-a": A, "--alpha": ALPHA, "--points": ("5", "20")},
        {
            "--p-star": P, "--simulate": ("20", "3e1"), "--method": ("stored", "dice", "deferred"),
            "--probes": ("1", "2"), "--steps": ("2", "9"), "--storage": ("float32",), "--seed": ("0", "3"),
            "--out": PICTURE, "--json": FLAG,
        },
    ),
    "predict": (
        {"-p": P, "-a": A, "--alpha": ALPHA, "-n": ("20", "1e2"), "--samples": ("1", "2")},
        {"--p-star": P, "--seed": ("0", "3"), "--out": PICTURE, "--json": FLAG},
    ),
    "explore": (
        {"-p": (*P, "inf", "500"), "-a": (*A, "1e3")},
        {"--p-star": P, "--alpha": ALPHA, "-n": ("1e6", "inf", "100"), "--out": ("o.html", "new/o.html"),
         "--json": FLAG},
    ),
    "descend": (
        {"-n": ("20", "30"), "-p": P, "-a": A, "--alpha": ALPHA, "--steps": ("1", "3")},
        {"--p-star": P, "--seed": ("0", "3"), "--eta": ("0.05", "3"), "--sphere": FLAG, "--momentum": ("0.5",),
         "--batch": ("0.5",), "--overlap": ("0.5", "-1"), "--hessian-every": ("1", "2"), "--nev": ("1", "2"),
         "--tol": ("1e-4",), "--storage": ("float32",), "--method": ("dice", "deferred"), "--checkpoint": FOLDER,
         "--checkpoint-every": ("0",), "--wall-time": ("60", "1e-3"), "--activation": ("tanh",), "--out": PICTURE,
         "--json": FLAG},
    ),
    "solve": (
        {"-n": ("20", "30"), "-p": P, "-a": A, "--alpha": ALPHA},
        {"--p-star": P, "--seed": ("0", "3"), "--nev": ("1", "2"), "--below": ("0", "-0.5"), "--verify": FLAG,
         "--tol": ("1e-4",), "--storage": ("float32",), "--method": ("dice", "deferred", "dense"), "--block": ("1",),
         "--checkpoint": FOLDER, "--checkpoint-every": ("0",), "--wall-time": ("60", "1e-3"), "--which": ("both",),
         "--above": ("1",), "--operator": ("json:loads", "os:getcwd"), "--json": FLAG},
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
         "--profile": ("none.toml", "c.toml"),
         "--ntasks-per-node": ("1", "2"), "--time": ("90", "12:00:00", "12 h", "1-0"),
         "--operator": ("json:loads", "m:f"), "--memory-per-rank": ("4G", "x"),
         "--node-memory": ("256G", "1M"), "--requeues": ("0", "3"), "--launcher": ("mpirun", "srun"),
         **dict.fromkeys(SLURM_WORDS, ("x", "a b"))},
    ),
    "accounting": ({"": FILE}, {"--out": FOLDER, "--sacct": ("none.toml", "c.toml"), "--json": FLAG}),
    "collect": ({"": FOLDER, "--out": FOLDER}, {"--mixed-versions": FLAG, "--json": FLAG}),
    "export": ({"": FOLDER, "--to": ("t.csv", "t.h5")}, {"--json": FLAG}),
    "analyze": ({"": (*FILE, *FOLDER)}, {"--out": FOLDER, "--to": FOLDER, "--level": ("0.9",), "--json": FLAG}),
    "report": ({"": FILE}, {"--out": FOLDER, "--to": FOLDER, "--level": ("0.9", "0.5"), "--json": FLAG}),
    "run": ({"": FILE}, {"--out": FOLDER, "--shard": ("1/2",), "--wall-time": ("1e-9", "60"), "--json": FLAG}),
    "figure": ({"": ("11", "x")}, {"--quick": FLAG, "--out": FOLDER, "--json": FLAG}),
    "info": ({}, {"--json": FLAG}),
    "cite": ({}, {"": (*FILE, *FOLDER, "r/results.jsonl", "a.json"), "--json": FLAG}),
    "help": ({}, {"": ("methods", "solve", "ranks")}),
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
def things(tmp_path_factory):
    """What the paths of option lines may meet in their folder, which is the working directory."""
    folder, before = tmp_path_factory.mktemp("fuzz"), Path.cwd()
    os.chdir(folder)
    (folder / "c.toml").write_text('name = "c"\n[[grid]]\np = 1\na = 1.5\nalpha = 3.0\nn = 20\nseeds = 2\n')
    (folder / "t.csv").write_text("a,b\n")
    (folder / "a.json").write_text('{"data": "StoredData", "method": "krylov-schur"}')
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    command(["run", "c.toml", "--out", "r"], seconds=300)  # kernels may have to be compiled
    command(["predict", "-p", "1", "-a", "1", "--alpha", "2", "-n", "20", "--samples", "1"], seconds=300)
    yield folder
    os.chdir(before)


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
