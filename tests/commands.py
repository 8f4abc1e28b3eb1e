"""Run the command line as a user does: another process, with or without mpirun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

MPIRUN = os.environ.get("MPIRUN", "mpirun")
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
}


def run(
    *words: object, ranks: int = 0, timeout: float = 120, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """hpcbbp WORDS under mpirun with that many ranks (0: without mpirun)."""
    return run_python("-m", "hpcbbp", *words, ranks=ranks, timeout=timeout, cwd=cwd, **environment)


def run_python(
    *words: object, ranks: int = 0, timeout: float = 120, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    launcher = [MPIRUN, "-n", str(ranks)] if ranks else []
    return subprocess.run(
        [*launcher, sys.executable, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=cwd,
        env={**os.environ, **ENVIRONMENT, **environment},
        check=False,
    )


def answer(*words: object, ranks: int = 0, **environment: str) -> dict[str, Any]:
    """The JSON object of a command that succeeds."""
    done = run(*words, "--json", ranks=ranks, **environment)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def error_lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines of standard error that hpcbbp wrote (mpirun adds its own)."""
    return [line for line in done.stderr.splitlines() if line.startswith("hpcbbp: error:")]
