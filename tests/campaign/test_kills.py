"""kill -9 and full disks: nothing recorded is lost, nothing is computed twice, nothing half stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from commands import ENVIRONMENT, HELPERS, answer, error_lines, run_python
from fuzzing import FACTOR
from records import point_at

from hpcbbp.campaign.store import Store
from hpcbbp.machine import petsc

COUNT = 2000 if FACTOR > 1 else 600  # more than all kills let through
DRIVER = f"""
import os, sys, time
from pathlib import Path
sys.path.append(r"{HELPERS}")
from records import solved
from hpcbbp.campaign.driver import run_points
from hpcbbp.solvers.point import Point
from hpcbbp.campaign.store import Store
from hpcbbp.machine.ranks import Group

def solver(point, group, stop):
    time.sleep(0.001)
    return {{**solved(point), "filler": "x" * 3000}}

store = Store(Path(sys.argv[1]))
points = [Point(p=1, p_star=1, a=1.0, alpha=2.0, n=50, seed=seed) for seed in range({COUNT})]
known = store.read()
missing = [point for point in points if point.key not in known]
os.write(1, b"begin\\n")
run_points(
    missing, store, Group(), ranks_per_instance=1, solver=solver, seconds=lambda _: 1.0,
    finished=lambda point, _: os.write(1, f"{{point.seed}}\\n".encode()),
)
"""


def lines_of(path):
    """Whole records, and what is no record."""
    whole, torn = [], []
    for line in path.read_bytes().split(b"\n") if path.exists() else []:
        try:
            whole.append(json.loads(line))
        except json.JSONDecodeError:
            torn += [line] if line else []
    return whole, torn


def test_kills_of_the_driver(tmp_path):
    """Every acknowledged record is in the store after each kill, once, and the last run computes exactly the rest."""
    path, rng = tmp_path / "out" / "results.jsonl", np.random.default_rng(20261124)
    command = [sys.executable, "-c", DRIVER, str(path)]
    acknowledged: list[int] = []
    cut: set[bytes] = set()  # last lines that a kill left half
    grown = records = 0
    kills = 30 if FACTOR > 1 else 10
    for attempt in range(kills):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begin\n"
            if attempt % 2:  # on a slow disk the times below may be too short for a record
                acknowledged.append(int(process.stdout.readline()))
            time.sleep(rng.uniform(0.0, 0.05))
            assert process.poll() is None
            os.kill(process.pid, signal.SIGKILL)
            # The pipe too may end within a line.
            acknowledged += [int(line) for line in process.stdout.read().split(b"\n")[:-1]]
        whole, torn = lines_of(path)
        if torn and path.read_bytes().endswith(torn[-1]):
            cut.add(torn[-1])
        assert set(torn) <= cut
        assert all(len(record["filler"]) == 3000 for record in whole)
        assert set(acknowledged) <= {record["point"]["seed"] for record in whole}
        assert len(Store(path).read()) == len(whole) >= records
        grown += len(whole) > records
        records = len(whole)
    assert len(acknowledged) == len(set(acknowledged))
    assert grown >= kills // 2
    assert records < COUNT
    before = {record["point"]["seed"] for record in lines_of(path)[0]}
    done = subprocess.run(command, capture_output=True, check=True)
    assert {int(line) for line in done.stdout.split()[1:]} == set(range(COUNT)) - before
    assert sorted(record["point"]["seed"] for record in lines_of(path)[0]) == list(range(COUNT))


SPEC = 'name = "full"\n[[grid]]\np = 1\na = 1\nalpha = 2\nn = 150\nseeds = {}\nmethod = "stored"\n'
# MPI and its files come first: only what hpcbbp writes meets the limit (Python ignores SIGXFSZ).
LIMITED = """
import resource, sys
from mpi4py import MPI
size = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
from hpcbbp.__main__ import main
main()
"""


@pytest.mark.launcher
@pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")
@pytest.mark.parametrize("ranks", [1, 2])
def test_a_disk_that_is_full_in_the_middle_of_a_record(tmp_path, ranks):
    path, out, script = tmp_path / "full.toml", tmp_path / "out", tmp_path / "limited.py"
    script.write_text(LIMITED)
    path.write_text(SPEC.format(3))
    answer("run", path, "--out", out, ranks=ranks)
    store = out / "results.jsonl"
    before = store.read_bytes()
    path.write_text(SPEC.format(12))
    for _ in range(2):  # still full when it is tried again
        done = run_python(script, len(before) * 7 // 6, "run", path, "--out", out, ranks=ranks)
        assert done.returncode == 2, done.stderr
        assert len(error_lines(done)) == 1, done.stderr
        assert "results.jsonl: cannot be written (File too large)" in error_lines(done)[0]
        assert "Traceback" not in done.stderr
        assert store.read_bytes() == before
    again = answer("run", path, "--out", out, ranks=ranks)
    assert (again["done_before"], again["computed"]) == (3, 9)
    whole, torn = lines_of(store)
    assert (len(whole), len({record["key"] for record in whole}), torn) == (12, 12, [])


def test_a_first_record_that_does_not_fit_leaves_a_store_that_goes_on(tmp_path):
    """Twice nothing but half a line would no longer be a store."""
    code = (
        "import resource, sys; from pathlib import Path; from hpcbbp.campaign.store import Store\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
        "store = Store(Path(sys.argv[1]))\n"
        f"sys.path.append({str(HELPERS)!r})\n"
        "from records import failed, point_at\n"
        "for _ in range(3):\n"
        "    try: store.append(failed(point_at(0), 'x' * 2000))\n"
        "    except ValueError: pass\n"
        "    else: raise SystemExit('written')\n"
        "store.append(failed(point_at(1)))\n"
    )
    store = Store(tmp_path / "results.jsonl")
    subprocess.run([sys.executable, "-c", code, str(store.path)], check=True, env={**os.environ, **ENVIRONMENT})
    assert set(store.read()) == {point_at(1).key}
