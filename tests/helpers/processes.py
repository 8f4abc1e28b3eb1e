"""What no test may do: call a program that nothing installs, or leave a process running. Taken in by conftest.py."""

from __future__ import annotations

import os
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from commands import FORKER

from hpcbbp.machine.signals import STOPS

ROOT = Path(__file__).parents[2]
# What a system has on which `make test` could be called (git: unless the sources came as an archive, which its tests
# ask); mpirun is what .ci/install.sh installs.
PROGRAMS = {"sh", "bash", "make", "git", Path(sys.executable).name, Path(os.environ.get("MPIRUN", "mpirun")).name}
PROGRAMS |= {"hpcbbp"}  # of environments that tests make and install it into
PROGRAMS |= {"snakemake", "reframe"}  # of make test-workflows, whose tests are skipped without them
# Marks what tests start, also what has lost its parent since.
_MARK = ("HPCBBP_TESTS", uuid.uuid4().hex)


def refuse_what_nothing_installs(event: str, arguments: tuple[Any, ...]) -> None:
    """Audit hook: our own files start nothing but PROGRAMS (slurm_cluster.py has its own list and its own target)."""
    if event != "subprocess.Popen":
        return
    frame = sys._getframe(1)
    while frame.f_back is not None and Path(frame.f_code.co_filename).name == "subprocess.py":
        frame = frame.f_back
    caller = Path(frame.f_code.co_filename)
    own = ROOT in caller.parents and ".venv" not in caller.parts and caller.name != "slurm_cluster.py"
    program = Path(os.fsdecode(arguments[0])).name
    assert program in PROGRAMS or not own, f"{program}: nothing installs it (minimal systems have no ps, pkill, gcc)"


def left_running(patience: float = 10.0) -> list[str]:
    """Command lines of what tests have started and still runs, after some seconds in which it may end."""
    ours = (os.getpid(), FORKER.pid)
    left = [process for process in psutil.process_iter() if process.pid not in ours and _marked(process)]
    lines = {process.pid: _line(process) for process in left}
    _, alive = psutil.wait_procs(left, timeout=patience)
    return [lines[process.pid] for process in alive]


def _marked(process: psutil.Process) -> bool:
    try:
        return process.environ().get(_MARK[0]) == _MARK[1] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:  # gone, or another user's
        return False


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return "?"


def _ignored() -> set[signal.Signals]:
    return {number for number in STOPS if signal.getsignal(number) == signal.SIG_IGN}


@pytest.fixture(autouse=True)
def leaves_nothing_running(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that starts processes ends them (every launcher test, and what the others of a module may start)."""
    ignored = _ignored()
    yield
    assert _ignored() <= ignored, "signals are ignored from now on, also by what later tests start"
    if request.node.get_closest_marker("launcher") is not None:
        left = left_running()
        assert not left, f"left running: {left}"


@pytest.fixture(autouse=True, scope="module")
def modules_leave_nothing_running() -> Iterator[None]:
    """The same for tests that do not say that they start processes."""
    os.environ[_MARK[0]] = _MARK[1]  # not before: MPI's own daemon of this process is none of theirs
    yield
    left = left_running()
    assert not left, f"left running: {left}"


sys.addaudithook(refuse_what_nothing_installs)
