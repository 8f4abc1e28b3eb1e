"""Signals at any moment of a run: exit code 75, nothing recorded lost, and the same command goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from commands import ENVIRONMENT, MPIRUN, run

from hpcbbp.campaign.store import Store
from hpcbbp.machine import petsc, signals

pytestmark = [
    pytest.mark.launcher,
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
]

COUNT = 600
FILE = f'name = "s"\n[[grid]]\np = 2\na = 1.5\nalpha = 2\nn = 200\nseeds = {COUNT}\nmethod = "stored"\n'


def begin(path, out, ranks):
    launcher = [MPIRUN, "-n", str(ranks)] if ranks else []
    return subprocess.Popen(
        [*launcher, sys.executable, "-m", "hpcbbp", "run", str(path), "--out", str(out), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **ENVIRONMENT},
    )  # fmt: skip


def children(pid):
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def listens(pid, number):
    """Whether a process of Python has a handler for a signal, as the kernel sees it."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def until(condition, process):
    patience = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < patience
        time.sleep(0.001)


def stopped(process, out, name):
    """The run's answer after a signal, checked against its store."""
    stdout, stderr = process.communicate(timeout=100)
    assert process.returncode == 75, stderr
    found = json.loads(stdout)
    store = Store(out / "results.jsonl").read()
    assert (found["stopped"], found["failed"], store.damaged) == (name, 0, ())
    assert found["done_before"] + found["computed"] == len(store)
    assert found["left"] == COUNT - len(store) > 0
    return found


def test_a_signal_at_any_moment_is_exit_code_75(tmp_path):
    """As soon as there is a handler, before MPI is started, and at moments after it."""
    path, out = tmp_path / "s.toml", tmp_path / "out"
    path.write_text(FILE)
    rng = np.random.default_rng(20261124)
    for attempt, wait in enumerate((0.0, 0.1, *rng.uniform(0.2, 3.0, 4))):
        number = signals.STOPS[attempt % 2]
        process = begin(path, out, 0)
        until(lambda number=number, process=process: listens(process.pid, number), process)
        time.sleep(wait)
        process.send_signal(number)
        found = stopped(process, out, number.name)
        assert found["computed"] == 0 or wait


def test_sigusr1_to_mpirun_at_any_moment_of_its_ranks(tmp_path):
    path, out = tmp_path / "s.toml", tmp_path / "out"
    path.write_text(FILE)
    for wait in (0.0, 0.7, 3.0):
        process = begin(path, out, 2)

        def ready(process=process):
            ranks = children(process.pid)
            return len(ranks) == 2 and all(listens(rank, signal.SIGUSR1) for rank in ranks)

        until(ready, process)
        time.sleep(wait)
        process.send_signal(signal.SIGUSR1)
        stopped(process, out, "SIGUSR1")


def test_sigterm_to_mpirun_loses_nothing(tmp_path):
    """The exit code is mpirun's own then (1 with Open MPI 4.1), and it kills its ranks after a second."""
    path, out = tmp_path / "s.toml", tmp_path / "out"
    path.write_text(FILE)
    process = begin(path, out, 2)
    until(lambda: (out / "results.jsonl").exists(), process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode != 0
    before = Store(out / "results.jsonl").read()
    assert 1 <= len(before) < COUNT
    assert run("plan", path, "--out", out, "--check").returncode == 75
    assert all(record.converged == 2 for record in before.values())


def test_what_is_no_run_ends_by_a_signal_as_ever():
    code = (
        "import os; from hpcbbp.machine.signals import listen, default\n"
        "listen(['{}']); {}; os.kill(os.getpid(), 15); print(1)\n"
    )
    for words, more, status in (("plan", "0", -15), ("run", "0", 0), ("figure", "default()", -15)):
        done = subprocess.run([sys.executable, "-c", code.format(words, more)], capture_output=True, check=False)
        assert done.returncode == status, words
    done = subprocess.run(
        [sys.executable, "-c", code.format("figure", "os.kill(os.getpid(), 15); default(); print(2)")],
        capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (-15, b"")
