"""Run the command line as a user does: another process, with or without mpirun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from forking import Forker

ROOT = Path(__file__).resolve().parents[2]
# For the sys.path of scripts that tests start; pytest has both from pyproject.toml.
HELPERS, ORACLES = ROOT / "tests" / "helpers", ROOT / "tests" / "oracles"
MPIRUN = os.environ.get("MPIRUN", "mpirun")
SMALL = ("solve", "-n", 100, "-p", 2, "--p-star", 1, "-a", 1.5, "--alpha", 3)
PATIENCE = float(os.environ.get("HPCBBP_PATIENCE", "1"))  # multiplies the time after which a command hangs


def _settings() -> dict[str, str]:
    """What the Makefile too sets for mpirun."""
    lines = (ROOT / ".ci" / "mpi.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    **_settings(),
    "OMPI_ALLOW_RUN_AS_ROOT": "1",  # mpirun of Open MPI 5 too reads these, and not PRTE_ALLOW_RUN_AS_ROOT
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "XDG_CONFIG_HOME": "/nonexistent",  # the profile of whoever runs the tests is not theirs
}


FORKER = Forker()
"""For commands without mpirun and without variables of their own."""


def run(
    *words: object, ranks: int = 0, timeout: float = 120, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """hpcbbp WORDS under mpirun with that many ranks (0: without mpirun, in a process forked for it)."""
    if not ranks and not environment:
        variables = {**os.environ, **ENVIRONMENT}
        return FORKER.run([str(word) for word in words], str(cwd or Path.cwd()), variables, timeout * PATIENCE, kill)
    return run_python("-m", "hpcbbp", *words, ranks=ranks, timeout=timeout, cwd=cwd, **environment)


def run_python(
    *words: object, ranks: int = 0, timeout: float = 120, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    launcher = [MPIRUN, "-n", str(ranks)] if ranks else []
    process = subprocess.Popen(
        [*launcher, sys.executable, *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd,
        env={**os.environ, **ENVIRONMENT, **environment},
    )  # fmt: skip
    try:
        stdout, stderr = process.communicate(timeout=timeout * PATIENCE)
    except BaseException:  # what hangs does not outlive its test; its ranks neither
        kill(process)
        process.communicate()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def answer(*words: object, ranks: int = 0, **environment: str) -> dict[str, Any]:
    """The JSON object of a command that succeeds."""
    done = run(*words, "--json", ranks=ranks, **environment)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def error_lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines of standard error that hpcbbp wrote (mpirun adds its own)."""
    return [line for line in done.stderr.splitlines() if line.startswith("hpcbbp: error:")]


def kill(process: subprocess.Popen[Any] | int) -> None:
    """Kill -9 of a command and all that it started at once; nothing of it is left when this returns.

    Ranks have sessions of their own: a signal to mpirun's group does not reach them.
    """
    family = _family(process if isinstance(process, int) else process.pid)
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    if not isinstance(process, int):
        process.wait(30)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive, alive


def outlive(process: subprocess.Popen[Any]) -> list[psutil.Process]:
    """Kill -9 of mpirun alone, as a batch system may; its ranks, which notice it a moment later."""
    family = _family(process.pid)
    process.kill()
    process.wait(30)
    return [member for member in family if member.pid != process.pid]


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    return []
