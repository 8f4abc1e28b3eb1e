"""hpcbbp plan and run: what is missing is computed by all ranks, nothing recorded is lost or done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import h5py
import numpy as np
import pandas as pd
import psutil
import pytest
from commands import ENVIRONMENT, MPIRUN, PATIENCE, answer, error_lines, kill, outlive, run
from dense import dense_hessian

from hpcbbp import Problem, gaussian_instance
from hpcbbp.campaign.job import open_campaign, run_campaign
from hpcbbp.campaign.spec import load_campaign
from hpcbbp.campaign.store import SCHEMA, Store
from hpcbbp.machine import petsc
from hpcbbp.machine.ranks import Group
from hpcbbp.theory import quenched

pytestmark = [
    pytest.mark.launcher,
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
]

FILE = """
name = "try"
[[grid]]
p = 2
a = [0.7, 1.5]
alpha = ["0.5..1.5 alpha_bbp in 2", 3.0]
n = [60, 90]
seeds = 2
[[grid]]
p = 1
a = 1.0
alpha = 3
n = 2000
method = "deferred"
tol = 1e-4
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "try.toml"
    path.write_text(FILE)
    return path


def records(folder):
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_run_and_go_on(tmp_path, spec, ranks):
    out = tmp_path / "out"
    keys = {point.key for point in load_campaign(spec).points()}
    assert answer("plan", spec, "--out", out)["done"] == 0
    first = answer("run", spec, "--out", out, ranks=ranks)
    assert (first["instances"], first["computed"], first["failed"], first["left"]) == (25, 25, 0, 0)
    found = records(out)
    assert {record["key"] for record in found} == keys
    assert len(found) == 25
    # Half of it lost, one line torn: exactly that is computed again.
    lines = (out / "results.jsonl").read_text().splitlines(keepends=True)
    (out / "results.jsonl").write_text("".join(lines[:12]) + lines[12][:100])
    again = answer("run", spec, "--out", out, ranks=ranks)
    assert (again["done_before"], again["computed"]) == (12, 13)
    read = Store(out / "results.jsonl").read()
    assert set(read) == keys
    for record in found:
        np.testing.assert_allclose(read[record["key"]].eigenvalues, record["eigenvalues"], rtol=1e-6)
    planned = answer("plan", spec, "--out", out)
    assert (planned["done"], planned["seconds_left"]) == (25, 0.0)


def test_a_record_holds_what_was_computed(tmp_path, spec):
    out = tmp_path / "out"
    answer("run", spec, "--out", out, ranks=2)
    by_n = {record["n"]: record for record in records(out)}
    record = by_n[90]
    point = record["point"]
    problem = Problem(p=2, p_star=1, alpha=point["alpha"], a=point["a"])
    instance = gaussian_instance(problem, 90, point["seed"], storage="float32")
    values = np.linalg.eigvalsh(dense_hessian(instance.data.local.astype(float), instance.hessian.curvature.dense()))
    np.testing.assert_allclose(record["eigenvalues"], values[:2], atol=1e-5)
    weights = np.concatenate([instance.student, instance.teacher], axis=1)
    expected = quenched(*instance.projections, point["a"], 90, gram=weights.T @ weights / 90)
    assert abs(record["quenched"]["edge"] - expected.edge) < 1e-6
    np.testing.assert_allclose(record["quenched"]["eigenvalues"], expected.eigenvalues, atol=1e-5)
    assert (record["schema"], record["converged"], record["ranks"]) == (SCHEMA, 2, 1)
    assert by_n[2000]["method"] == "deferred"
    assert abs(by_n[2000]["quenched"]["lambda_1"] - by_n[2000]["eigenvalues"][0]) < 0.3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_ends_a_run_after_what_is_in_flight(tmp_path, number):
    path, out = tmp_path / "long.toml", tmp_path / "out"
    path.write_text('name = "long"\n[[grid]]\np = 2\na = 1.5\nalpha = 2\nn = 300\nseeds = 400\nmethod = "stored"\n')
    process = subprocess.Popen(
        [sys.executable, "-m", "hpcbbp", "run", str(path), "--out", str(out), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **ENVIRONMENT},
    )  # fmt: skip
    while not (out / "results.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60 * PATIENCE)
    assert process.returncode == 75, stderr
    found = json.loads(stdout)
    assert found["stopped"] == number.name
    assert 1 <= found["computed"] == len(records(out)) < 400
    assert found["left"] == 400 - found["computed"]


def test_a_kill_loses_nothing_that_was_recorded(tmp_path):
    """kill -9 of a job on two ranks at six moments, then the rest."""
    path, out = tmp_path / "killed.toml", tmp_path / "out"
    path.write_text('name = "killed"\n[[grid]]\np = 1\na = 1\nalpha = 2\nn = 150\nseeds = 60\nmethod = "stored"\n')
    seen: set[str] = set()
    for attempt in range(6):
        process = subprocess.Popen(
            [MPIRUN, "-n", "2", sys.executable, "-m", "hpcbbp", "run", str(path), "--out", str(out)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, **ENVIRONMENT},
        )  # fmt: skip
        time.sleep(2.0 + 0.2 * attempt)
        kill(process)
        now = set(Store(out / "results.jsonl").read())
        assert seen <= now
        seen = now
    found = answer("run", path, "--out", out, ranks=2)
    assert found["done_before"] == len(seen)
    assert found["computed"] == 60 - len(seen)
    assert len({record["key"] for record in records_whole(out)}) == len(records_whole(out)) == 60


def test_what_another_run_recorded_meanwhile_was_done_before(tmp_path):
    """A run that waited for the store counts what it found there, not what it saw before it waited."""
    spec = tmp_path / "try.toml"
    spec.write_text('name = "try"\n[[grid]]\np = 1\na = 1.0\nalpha = 3\nn = [20, 30]\nseeds = 3\n')
    campaign = load_campaign(spec)
    first, second = (open_campaign(campaign, tmp_path / "out") for _ in range(2))
    assert len(second.missing) == 6
    outcome = run_campaign(first, Group())
    assert (outcome.computed, outcome.done_before) == (6, 0)
    outcome = run_campaign(second, Group())
    assert (outcome.computed, outcome.failed, outcome.left, outcome.done_before) == (0, 0, 0, 6)


def records_whole(out):
    whole = []
    for line in (out / "results.jsonl").read_text().splitlines():
        try:
            whole.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return whole


def test_ranks_that_outlive_their_mpirun_are_waited_for(tmp_path):
    """They notice that it was killed a moment later, and hold the store until then."""
    path, out = tmp_path / "orphans.toml", tmp_path / "out"
    path.write_text('name = "orphans"\n[[grid]]\np = 2\na = 1\nalpha = 2\nn = 300\nseeds = 40\nmethod = "stored"\n')
    process = subprocess.Popen(
        [MPIRUN, "-n", "2", sys.executable, "-m", "hpcbbp", "run", str(path), "--out", str(out)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **ENVIRONMENT},
    )  # fmt: skip
    while not (out / "results.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.02)
    orphans = outlive(process)
    answer("run", path, "--out", out)
    assert len({record["key"] for record in records_whole(out)}) == len(records_whole(out))
    assert not psutil.wait_procs(orphans, timeout=30)[1]


def test_what_a_dying_job_still_records_is_not_computed_again(tmp_path):
    """It holds the store, and writes, after another job has read what is missing."""
    path, out = tmp_path / "late.toml", tmp_path / "out"
    path.write_text('name = "late"\n[[grid]]\np = 1\na = 1\nalpha = 3\nn = 60\nseeds = 3\nmethod = "deferred"\n')
    answer("run", path, "--out", out)
    last = records(out)[-1]
    store = Store(out / "results.jsonl")
    store.path.write_text("")
    work = open_campaign(load_campaign(path), out)
    assert len(work.missing) == 3
    with ExitStack() as dying:
        dying.enter_context(store.claimed())
        threading.Timer(0.5, lambda: (store.append(last), dying.close())).start()
        assert run_campaign(work, Group()).computed == 2
    assert len(records(out)) == 3


def test_failures_are_recorded_and_tried_again(tmp_path):
    """An instance that cannot be solved (its dimension has no room for a block) does not end the others."""
    path, out = tmp_path / "fails.toml", tmp_path / "out"
    path.write_text(
        'name = "fails"\n[[grid]]\np = 2\na = 1\nalpha = 2\nn = [3, 50]\nseeds = 2\nmethod = "deferred"\ntol = 1e-3\n'
    )
    done = run("run", path, "--out", out, "--json", ranks=2)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["computed"], found["failed"], found["left"]) == (2, 2, 0)
    assert "warning: N = 3" in done.stderr
    failed = [record for record in records(out) if "failed" in record]
    assert "min(N, M)" in failed[0]["failed"]
    assert answer("plan", path, "--out", out)["done"] == 2


def test_bad_input_is_one_line(tmp_path, spec):
    out = tmp_path / "out"
    cases = [
        (("run", tmp_path / "none.toml"), "cannot be read"),
        (("plan", spec, "--ranks", 0), "--ranks 0: a multiple of ranks_per_instance = 1"),
        (("plan", spec, "--nodes", 0), "--nodes 0: a number from 1"),
        (("plan", spec, "--ranks", 2, "--nodes", 3), "--nodes 3: a number from 1 to that of the ranks, 2"),
        (("run", spec, "--out", "/proc/none"), "cannot be written"),
    ]
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "results.jsonl").write_text("a,b\n1,2\n")
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "results.jsonl").write_text(json.dumps({"key": "x", "schema": SCHEMA + 1}) + "\n")
    big = tmp_path / "big.toml"
    big.write_text('name = "big"\n[[grid]]\np = 2\na = 1\nalpha = 3\nn = 1e6\nmethod = "stored"\n')
    uneven = tmp_path / "uneven.toml"
    uneven.write_text(FILE.replace('name = "try"', 'name = "try"\nranks_per_instance = 2'))
    short = tmp_path / "short.toml"
    short.write_text('name = "short"\nwall_time = "1 s"\n[[grid]]\np = 1\na = 1\nalpha = 3\nn = 1e5\ntol = 1e-5\n')
    cases += [
        (("run", spec, "--out", foreign), "not a store of hpcbbp"),
        (("plan", spec, "--out", newer), "update it"),
        (("run", big, "--out", out), "GiB are free"),
        (("run", uneven, "--out", out), "does not divide 1 ranks"),
        (("run", short, "--out", out), "the longest instance takes about"),
    ]
    for words, message in cases:
        done = run(*words)
        assert done.returncode == 2, (words, done.stderr)
        assert len(error_lines(done)) == 1, (words, done.stderr)
        assert message in error_lines(done)[0]
    assert not (out / "results.jsonl").exists()


def test_two_jobs_do_not_write_one_store(tmp_path, spec):
    store = Store(tmp_path / "out" / "results.jsonl")
    with store.claimed():
        done = run("run", spec, "--out", tmp_path / "out", ranks=2)
    assert done.returncode == 2
    assert "is being written by process" in error_lines(done)[0]


def test_export_and_collect(tmp_path, spec):
    out = tmp_path / "out"
    answer("run", spec, "--out", out, ranks=2)
    tables = {}
    for name in ("pairs.csv", "pairs.parquet", "pairs.h5"):
        assert answer("export", out, "--to", tmp_path / name)["rows"] == 24 * 2 + 1
    tables["csv"] = pd.read_csv(tmp_path / "pairs.csv")
    tables["parquet"] = pd.read_parquet(tmp_path / "pairs.parquet")
    with h5py.File(tmp_path / "pairs.h5") as file:
        columns = {
            name: data.asstr()[()] if data.dtype.kind == "O" else data[()] for name, data in file["pairs"].items()
        }
    tables["h5"] = pd.DataFrame(columns)
    found = {(r["n"], r["seed"]): r for r in records(out)}
    for table in tables.values():
        assert set(table.columns) == set(tables["csv"].columns)
        for row in table.to_dict("records"):
            record = found[row["n"], row["seed"]]
            assert row["eigenvalue"] == pytest.approx(record["eigenvalues"][row["pair"] - 1], rel=1e-12)
            assert row["quenched_edge"] == pytest.approx(record["quenched"]["edge"], rel=1e-12)
            assert bool(row["converged"])
    # Two shards and an overlap between them make the whole again, once each.
    lines = (out / "results.jsonl").read_text().splitlines(keepends=True)
    for name, part in (("a", lines[:14]), ("b", lines[10:])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.jsonl").write_text("".join(part))
    merged = answer("collect", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "all")
    assert (merged["appended"], merged["present"]) == (25, 4)
    assert Store(tmp_path / "all" / "results.jsonl").read() == Store(out / "results.jsonl").read()
    for words, message in (
        (("export", out, "--to", tmp_path / "x.xls"), ".csv, .parquet, .h5"),
        (("export", tmp_path / "nothing", "--to", tmp_path / "x.csv"), "no results to export"),
        (("collect", tmp_path / "nothing", "--out", tmp_path / "y"), "no store there"),
    ):
        assert (done := run(*words)).returncode == 2
        assert message in error_lines(done)[0]
