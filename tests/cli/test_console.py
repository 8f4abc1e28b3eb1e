"""Standard output with --json is one object, whatever else is printed, and whoever forwards it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys

import pytest
from commands import ENVIRONMENT, run, run_python

from hpcbbp.machine import petsc

pytestmark = pytest.mark.launcher
needs_slepc = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")

# A monitor from compiled code, then the answer.
PROGRAM = """
import os
from hpcbbp.cli.output import Output
output = Output(True)
os.write(1, b"  1 EPS nconv=0")
os.write(1, b" first unconverged value (error) 1.0\\n")
output.json({"answer": 42})
"""


def started(**environment):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **ENVIRONMENT, **environment},
    )  # fmt: skip


def test_the_launcher_reads_half_lines_to_their_end_before_the_answer():
    """Open MPI 5 would put them before it, on standard output."""
    with started(PMIX_RANK="0", PMIX_NAMESPACE="1") as process:
        assert select.select([process.stderr], [], [], 60)[0]
        assert not select.select([process.stdout], [], [], 0.5)[0]  # not as long as the monitor's lines lie there
        assert process.stderr.readline().startswith("  1 EPS nconv=0 first")
        assert json.loads(process.stdout.read()) == {"answer": 42}
        assert process.wait(60) == 0


def test_a_launcher_that_never_reads_does_not_keep_the_answer_back():
    with started(PMIX_RANK="0", PMIX_NAMESPACE="1") as process:
        assert json.loads(process.stdout.read()) == {"answer": 42}


def test_alone_nobody_is_waited_for():
    with started() as process:
        assert json.loads(process.stdout.read()) == {"answer": 42}
        assert "EPS nconv" in process.stderr.read()


LONG = """
import os
from mpi4py import MPI
from hpcbbp.cli.output import Output, warn
output = Output(True)
if MPI.COMM_WORLD.rank == 0:
    os.write(1, b"half a line, ")
    os.write(1, b"and its end\\n")
    output.json({"answer": "x" * 20000})
    for _ in range(20):
        warn("something")
"""


@pytest.mark.skipif("mpi4py" in petsc.missing_modules(), reason="mpi4py is not installed")
def test_a_long_answer_is_not_mixed_with_what_comes_after_it():
    """Open MPI 5.0.7 put 12 000 of 20 000 characters into standard error."""
    done = run_python("-c", LONG, ranks=2)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"answer": "x" * 20000}
    assert done.stderr.count("hpcbbp: warning: something\n") == 20
    assert "half a line, and its end" in done.stderr


@needs_slepc
@pytest.mark.parametrize("ranks", [0, 2, 3])
def test_json_is_one_object_with_every_monitor(ranks):
    """A long one, of many reads of a launcher, with much on standard error before it and warnings."""
    words = ("solve", "-n", 60, "-p", 2, "-a", 1.5, "--alpha", 3, "--nev", 40, "--json")
    monitors = ("-eps_monitor", "-eps_monitor_all", "-eps_monitor_conv", "-eps_view", "-not_an_option", 3)
    done = run(*words, "--", *monitors, ranks=ranks)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) > 4096
    assert len(json.loads(done.stdout)["eigenvalues"]) == 40
    assert "EPS Object" in done.stderr
    assert "was not used" in done.stderr
    assert "{" not in "".join(line for line in done.stderr.splitlines() if "eigenvalues" in line)
