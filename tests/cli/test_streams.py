"""Standard streams that are full or closed, and environments that are odd: one line and no traceback."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ENVIRONMENT, error_lines, run

from hpcbbp.cli.app import main
from hpcbbp.cli.progress import Patience
from hpcbbp.machine.stdio import visible

pytestmark = pytest.mark.launcher

FILE = 'name = "c"\n[[grid]]\np = 1\na = 1.5\nalpha = 3.0\nn = 50\n'

COMMANDS = [
    ("--version",),
    ("--help",),
    ("theory", "-p", "1", "-a", "1"),
    ("theory", "-p", "1", "-a", "1", "--json"),
    ("plan", "c.toml"),
    ("slurm", "c.toml"),
    ("info", "--json"),
    ("solve", "-n", "30", "-p", "1", "-a", "1", "--alpha", "3", "--method", "deferred"),
    ("run", "c.toml", "--json"),
]


def redirected(folder: Path, words: tuple[str, ...], redirection: str) -> subprocess.CompletedProcess[str]:
    """hpcbbp WORDS with a redirection of the shell's."""
    (folder / "c.toml").write_text(FILE)
    return subprocess.run(
        ["sh", "-c", f"{shlex.join([sys.executable, '-m', 'hpcbbp', *words])} {redirection}"],
        capture_output=True, text=True, cwd=folder, env={**os.environ, **ENVIRONMENT}, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_full_device_is_one_line(tmp_path, words):
    done = redirected(tmp_path, words, "> /dev/full")
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if not line.startswith("[")] == error_lines(done)
    (line,) = error_lines(done)
    assert "standard output" in line and "No space left on device" in line


@pytest.mark.parametrize("words", [COMMANDS[0], COMMANDS[3], COMMANDS[-1]], ids=" ".join)
def test_a_closed_standard_output_is_one_line(tmp_path, words):
    done = redirected(tmp_path, words, ">&-")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("hpcbbp: error: standard output is closed")


def test_a_closed_standard_error_does_not_reach_the_answer(tmp_path):
    done = redirected(tmp_path, ("theory", "-p", "0", "-a", "1", "--json"), "2>&-")
    assert (done.returncode, done.stdout) == (2, "")
    done = redirected(tmp_path, ("run", "c.toml", "--json"), "2>&- <&-")
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1 and '"computed": 1' in done.stdout


def test_a_full_standard_error_does_not_end_a_run(tmp_path):
    done = redirected(tmp_path, ("run", "c.toml", "--json"), "2> /dev/full")
    assert done.returncode == 0 and '"computed": 1' in done.stdout
    assert redirected(tmp_path, ("theory", "-p", "0", "-a", "1"), "2> /dev/full").returncode == 2


def test_pictures_do_not_depend_on_the_backend_of_matplotlib(tmp_path):
    done = run("density", "-p", 1, "-a", 1, "--alpha", 2, "--points", 20, cwd=tmp_path, MPLBACKEND="foo")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "density.png").stat().st_size > 1000


@pytest.mark.parametrize("method", [("--data", "stored"), ("--method", "deferred")])
def test_kernels_run_without_numba_s_compiler(method):
    done = run("solve", "-n", 20, "-p", 1, "-a", 1, "--alpha", 3, *method, NUMBA_DISABLE_JIT="1")
    assert done.returncode == 0, done.stderr
    assert "converged: the requested pairs" in done.stdout


LONG = "x" * 300
PATHS = [
    ("plan", "PATH"),
    ("plan", "c.toml", "--out", "PATH"),
    ("slurm", "PATH"),
    ("slurm", "c.toml", "--out", "PATH"),
    ("analyze", "PATH"),
    ("analyze", "c.toml", "--out", "PATH"),
    ("report", "PATH"),
    ("report", "c.toml", "--out", "PATH"),
    ("collect", "PATH", "--out", "r"),
    ("collect", "r", "--out", "PATH"),
    ("export", "PATH", "--to", "t.csv"),
    ("export", "r", "--to", "PATH.csv"),
    ("density", "-p", "1", "-a", "1", "--alpha", "2", "--points", "9", "--out", "PATH.png"),
    ("phase-diagram", "--points", "2", "-p", "1", "--out", "PATH.png"),
    ("predict", "-p", "1", "-a", "1", "--alpha", "2", "-n", "50", "--samples", "1", "--out", "PATH.png"),
    ("figure", "2", "--quick", "--out", "PATH"),
]
# These end the process, as a job of ranks does.
RUNS = [
    ("run", "PATH"),
    ("run", "c.toml", "--out", "PATH"),
    ("demo", "--quick", "--out", "PATH"),
    ("solve", "-a", "1", "--data", "PATH.npy", "--teacher", "T.npy", "--student", "W.npy"),
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_text(FILE)
    Path("r").mkdir()
    return tmp_path


@pytest.mark.parametrize("words", PATHS, ids=" ".join)
@pytest.mark.parametrize("path", [LONG, "/dev/null/x", "c.toml/x", "loop"])
def test_odd_paths_are_one_line(place, capsys, words, path):
    Path("loop").symlink_to("loop")
    given = [word.replace("PATH", path) for word in words]
    with pytest.raises(SystemExit) as caught:
        main(given)
    told = capsys.readouterr()
    if caught.value.code != 0:  # some may be allowed: plan and slurm do not touch a folder that is not there
        assert caught.value.code == 2, told.err
        assert told.out == ""
        (line,) = told.err.splitlines()
        assert line.startswith("hpcbbp: error:")


@pytest.mark.parametrize("words", RUNS, ids=" ".join)
def test_a_long_name_is_one_line_where_ranks_run(tmp_path, words):
    done = redirected(tmp_path, tuple(word.replace("PATH", LONG) for word in words), "")
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("hpcbbp: error:") and "File name too long" in line


def test_what_takes_long_is_told_now_and_then(capsys):
    never, at_once = Patience("instances listed", first=1e9), Patience("instances listed", first=0.0, every=1e9)
    for patience in (never, at_once, at_once):
        patience(5, 10)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("hpcbbp: 5 of 10 instances listed, about ")


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "a\x1b[31mb\x07.toml"),
        ("solve", "--data", "a\x1b[31mb\x07.npy", "--teacher", "T.npy", "--student", "S.npy", "-a", "1"),
        ("solve", "--method", "a\x1b[31mb\x07"),
        ("demo", "a\x1b[31mb\x07"),
        ("theory", "-p", "1", "-a", "a\x1b[31mb\x07"),
    ],
)
def test_nothing_quoted_acts_on_the_terminal(tmp_path, words):
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.isprintable()
    assert "a\\x1b[31mb\\x07" in line
    assert visible("caf\u00e9 \udcff \u202e") == "caf\u00e9 \\udcff \\u202e"
