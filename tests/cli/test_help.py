"""What helps along: examples, topics, completion, the nearest word, versions; colours on terminals only."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys

import pytest
from commands import ENVIRONMENT, error_lines, run

from hpcbbp.cli import options
from hpcbbp.cli.app import COMMANDS, name_of
from hpcbbp.cli.examples import EXAMPLES
from hpcbbp.cli.help import TOPICS, text_of_topic
from hpcbbp.errors import InputError
from hpcbbp.figures.catalogue import FIGURES
from hpcbbp.machine.optional import missing_modules
from hpcbbp.model import registry
from hpcbbp.solvers.methods import METHODS, STORAGES

pytestmark = pytest.mark.launcher
NAMES = [name_of(command) for command in COMMANDS]


def completed(line: str) -> list[str]:
    """What a shell is offered at the end of a line."""
    words = line.split(" ")
    done = run(_HPCBBP_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_every_command_has_two_examples_that_its_help_shows():
    assert set(EXAMPLES) == set(NAMES)
    for name, examples in EXAMPLES.items():
        shown = run(name, "--help", COLUMNS="200").stdout
        assert len(examples) == 2
        for line, about in examples:
            assert f" {line} " in shown, (name, line)
            assert about in shown


@pytest.mark.parametrize("name", NAMES)
def test_the_options_of_examples_exist(name):
    shown = run(name, "--help", COLUMNS="200").stdout.split("Example, ", 1)[0]
    for line, _ in EXAMPLES[name]:
        words = shlex.split(line.split(" > ")[0])
        assert words[words.index("hpcbbp") + 1] == name
        for option in (word for word in words[words.index("hpcbbp") :] if re.fullmatch(r"--?[a-z][a-z-]*", word)):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", shown), (name, option)


@pytest.mark.parametrize(
    "line",
    [line for name in ("theory", "models", "cite", "help") for line, _ in EXAMPLES[name] if "campaign" not in line],
)
def test_examples_that_take_no_time_run(line):
    done = run(*shlex.split(line.split(" > ")[0])[1:])
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_topics_are_told_and_the_nearest_is_named():
    every = run("help").stdout
    for topic in TOPICS:
        assert f"hpcbbp help {topic}" in every
        text = run("help", topic).stdout
        assert text == text_of_topic(topic)
        assert text.startswith("# ")
    assert run("help", "solve").stdout.split() == run("solve", "--help").stdout.split()
    with pytest.raises(InputError, match="did you mean methods"):
        text_of_topic("methdos")
    done = run("help", "nonsense")
    assert done.returncode == 2
    assert "there are methods, " in error_lines(done)[0]


def test_topics_say_what_is_there():
    methods = text_of_topic("methods")
    assert set(re.findall(r"^\| (\w+) \|", methods, re.M)) == set(METHODS)
    shown = " ".join(text_of_topic(topic) for topic in TOPICS)
    for name in set(re.findall(r"hpcbbp ([a-z][a-z-]+)", shown)):
        assert name in NAMES, name


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("solve", "--mehtod", "dice"), "--mehtod; did you mean --method? see hpcbbp solve --help"),
        (("theory", "--alph", "3"), "--alph; did you mean --alpha? see hpcbbp theory --help"),
        (("run", "--wal-time", "3"), "--wal-time; did you mean --wall-time? see hpcbbp run --help"),
        (("solve", "-eps_monitor"), "PETSc options go after '--'"),
        (("theory", "--zzzzzz"), "--zzzzzz; see hpcbbp theory --help"),
        (("theory", "--hlep"), "--hlep; did you mean --help? see hpcbbp theory --help"),
        (("--verison",), "--verison; did you mean --version? see hpcbbp --help"),
        (("help", "slove"), "no topic 'slove': did you mean solve?"),
        (("theori",), "Did you mean 'theory'? see hpcbbp --help"),
    ],
)
def test_the_nearest_option_is_named(words, near):
    done = run(*words)
    assert done.returncode == 2
    (line,) = error_lines(done)
    assert near in line and line == done.stderr.strip()


def test_shells_complete_commands_options_and_values():
    assert {"theory", "solve", "cite"} <= set(completed("hpcbbp "))
    assert completed("hpcbbp so") == ["solve"]
    assert "--storage" in completed("hpcbbp solve --st")
    assert completed("hpcbbp solve --method d") == ["dice", "deferred", "dense"]
    assert completed("hpcbbp help r") == ["ranks"]
    assert "complete -o" in run(_HPCBBP_COMPLETE="source_bash").stdout


def test_what_is_offered_is_what_there_is():
    assert options.METHODS("") == list(METHODS)
    for command, option, there in (
        ("solve", "--storage", STORAGES),
        ("theory", "--activation", registry.ACTIVATIONS),
        ("theory", "--loss", registry.LOSSES),
    ):
        assert set(completed(f"hpcbbp {command} {option} ")) == set(there), option
    assert set(completed("hpcbbp figure ")) == set(FIGURES)


def test_version_has_commit_and_petsc():
    first, second = run("--version").stdout.splitlines()
    assert re.fullmatch(r"hpcbbp \d+\.\d+\.\d+(, commit [0-9a-f]{12})?", first)
    for name in ("mpi4py", "petsc4py", "slepc4py"):
        assert re.search(rf"{name} \d+\.\d+|no {name}", second)


@pytest.mark.skipif(bool(missing_modules()), reason="SLEPc is not installed")
@pytest.mark.parametrize("words", [("--version",), ("help", "solve"), ("cite", "--json"), ("explore",)], ids=" ".join)
def test_under_mpirun_the_first_rank_alone_answers(words, tmp_path):
    """Without colours, although Open MPI gives it a pseudo-terminal."""
    alone, together = run(*words, cwd=tmp_path), run(*words, ranks=2, cwd=tmp_path)
    assert together.returncode == 0
    assert together.stdout.split() == alone.stdout.split()


def test_colours_are_for_terminals():
    environment = {**os.environ, **ENVIRONMENT, "GITHUB_ACTIONS": "true", "FORCE_COLOR": "", "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    for words in (("theory", "-p", "2", "-a", "1.5"), ("solve", "--help"), ("help", "methods"), ("info",)):
        command = [sys.executable, "-m", "hpcbbp", *words]
        done = subprocess.run(command, capture_output=True, env=environment, check=True, timeout=120)
        assert b"\x1b" not in done.stdout + done.stderr, words
    assert b"\x1b[" in on_a_terminal(["help", "methods"], environment)
    assert b"\x1b[3" not in on_a_terminal(["help", "methods"], environment | {"NO_COLOR": "1"})


def on_a_terminal(words: list[str], environment: dict[str, str]) -> bytes:
    """What a command writes to a pseudo-terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hpcbbp", *words]
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait(60) == 0
    return shown
