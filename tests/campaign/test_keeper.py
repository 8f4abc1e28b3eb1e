"""Long instances of a campaign: killed, stopped or out of memory, they go on to the same bits; budgets."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from commands import ENVIRONMENT, MPIRUN, PATIENCE, answer, error_lines, kill, run

from hpcbbp import InputError, deferred_instance, solve_deferred
from hpcbbp.campaign.keeper import LONG, Keeper, check_budget
from hpcbbp.campaign.measure import solve_point
from hpcbbp.campaign.spec import load_campaign
from hpcbbp.campaign.store import Solved, Store
from hpcbbp.cli.progress import SPOKEN
from hpcbbp.errors import StoppedError
from hpcbbp.machine import petsc
from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.deferred.engine import made
from hpcbbp.solvers.methods import deferred
from hpcbbp.solvers.point import Point

needs_mpi = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")

POINT = Point(p=2, p_star=1, a=1.5, alpha=3.0, n=400, seed=0, method="deferred", nev=2, tol=1e-8)


def straight(point):
    instance = deferred_instance(point.problem, point.n, point.seed, storage=point.storage, nev=point.nev)
    return solve_deferred(instance, point.nev, tol=point.tol).eigen


def after(steps):
    """Say stop at that question."""
    asked = iter(range(10**6))
    return lambda: next(asked) == steps


def test_what_is_stopped_goes_on_to_the_same_bits_and_is_kept_until_it_is_recorded(tmp_path):
    keeper = Keeper(tmp_path / "checkpoints", 0.0, lambda _: 1.0)
    for steps in (5, 9):
        with pytest.raises(StoppedError):
            keeper.solve(POINT, Group(), after(steps))
    record = keeper.solve(POINT, Group(), lambda: False)
    assert record["eigenvalues"] == straight(POINT).eigenvalues.tolist()
    assert record["provenance"]["resumed_directions"] > 20
    assert (keeper.of(POINT) / "state.npz").exists()  # a kill now costs little
    other = dataclasses.replace(POINT, seed=1)
    with pytest.raises(StoppedError):
        keeper.solve(other, Group(), after(3))
    keeper.tidy([POINT])
    assert (keeper.of(POINT).exists(), keeper.of(other).exists()) == (False, True)
    keeper.clear(POINT)  # nothing there: no error


def test_which_instances_are_kept(tmp_path):
    stored, dense = (dataclasses.replace(POINT, method=method) for method in ("stored", "dense"))
    for every, seconds, kept in ((600.0, LONG + 1, True), (600.0, LONG - 1, False), (0.0, 1.0, True)):
        keeper = Keeper(tmp_path / "c", every, lambda _, seconds=seconds: seconds)
        assert (keeper.keeps(POINT), keeper.keeps(stored), keeper.keeps(dense)) == (kept, kept, False)
    Keeper(tmp_path / "c", 600.0, lambda _: 1.0).solve(POINT, Group(), lambda: True)
    assert not (tmp_path / "c").exists()


@needs_mpi
@pytest.mark.parametrize("method", ["stored", "regenerated"])
def test_a_solve_by_slepc_goes_on_in_the_next_job(method, tmp_path, capsys):
    """A stop at every restart: the record is that of one job, but for its times."""
    point = dataclasses.replace(POINT, method=method, storage="float64", nev=4, tol=1e-8)
    if method == "regenerated":
        point = dataclasses.replace(point, storage="float32", tol=1e-6)
    keeper = Keeper(tmp_path / "c", 1e9, lambda _: LONG + 1, SPOKEN)
    stops = 0
    while True:
        try:
            record = keeper.solve(point, Group(), lambda: True)
            break
        except StoppedError:
            stops += 1
    whole = solve_point(point, Group())
    assert stops > 2 and record["provenance"]["resumed"] > 0
    np.testing.assert_allclose(record["eigenvalues"], whole["eigenvalues"], rtol=1e-6)
    assert record["converged"] == 4 and record["wall_seconds"] >= 0
    assert keeper.of(point).exists()  # until the record is on disk
    keeper.clear(point)
    assert not keeper.of(point).exists()
    assert "goes on from" in capsys.readouterr().err


def test_what_memory_ended_is_kept_and_goes_on_with_more(tmp_path, monkeypatch, capsys):
    keeper = Keeper(tmp_path / "c", 1e9, lambda _: LONG + 1, SPOKEN)
    with monkeypatch.context() as patch:
        patch.setattr(
            deferred, "deferred_instance", lambda problem, n, seed, **_: made(problem, n, seed, "float64", 80)
        )
        for _ in range(2):
            with pytest.raises(InputError, match="memory is used up by .* directions.*what was computed is in"):
                keeper.solve(POINT, Group(), lambda: False)
    capsys.readouterr()
    record = keeper.solve(POINT, Group(), lambda: False)
    assert record["converged"] == 2
    assert record["provenance"]["resumed_directions"] > 60
    assert "goes on from" in capsys.readouterr().err


def test_a_state_of_something_else_is_told_and_left(tmp_path):
    keeper = Keeper(tmp_path / "c", 0.0, lambda _: 1.0)
    other = dataclasses.replace(POINT, seed=1)
    with pytest.raises(StoppedError):
        keeper.solve(other, Group(), after(3))
    keeper.of(other).rename(keeper.of(POINT))
    before = (keeper.of(POINT) / "state.npz").read_bytes()
    with pytest.raises(InputError, match=r"another instance \(seed = 1, not 0\)"):
        keeper.solve(POINT, Group(), lambda: False)
    assert (keeper.of(POINT) / "state.npz").read_bytes() == before


LONG_FILE = """
name = "long"
ranks_per_instance = {each}
checkpoint_every = 0
{more}
[[grid]]
p = 2
a = 1.5
alpha = 3
n = 12000
tol = 1e-5
seeds = "0..{last}"
"""


def expected(path):
    return {point.key: straight(point).eigenvalues.tolist() for point in load_campaign(path).points()}


def begin(path, out, ranks):
    launcher = [MPIRUN, "-n", str(ranks)] if ranks else []
    return subprocess.Popen(
        [*launcher, sys.executable, "-m", "hpcbbp", "run", str(path), "--out", str(out), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, start_new_session=True,
        env={**os.environ, **ENVIRONMENT},
    )  # fmt: skip


def wait_for_states(process, out, count):
    """Until that many states have been written after this moment."""
    since, patience = time.time(), time.monotonic() + 60 * PATIENCE

    def fresh():
        found = (out / "checkpoints").glob("*/state.npz")
        return sum(state.stat().st_mtime > since for state in found)

    while fresh() < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < patience
        time.sleep(0.01)


@pytest.mark.launcher
@needs_mpi
@pytest.mark.parametrize(("ranks", "each"), [(0, 1), (2, 1), (2, 2)])
def test_stopped_killed_and_gone_on_with(tmp_path, ranks, each):
    path, out = tmp_path / "long.toml", tmp_path / "out"
    path.write_text(LONG_FILE.format(each=each, more="", last=2))
    groups = max(1, ranks // each)
    process = begin(path, out, ranks)
    wait_for_states(process, out, groups)
    process.send_signal(signal.SIGUSR1)
    stdout, stderr = process.communicate(timeout=60 * PATIENCE)
    assert process.returncode == 75, stderr
    stopped = json.loads(stdout)
    assert (stopped["stopped"], stopped["failed"]) == ("SIGUSR1", 0)
    assert stopped["computed"] + stopped["left"] == 3
    assert stopped["left"] >= 1
    assert all(isinstance(record, Solved) for record in Store(out / "results.jsonl").read().values())
    process = begin(path, out, ranks)
    wait_for_states(process, out, 1)
    kill(process)
    process.communicate()
    begun = len(list((out / "checkpoints").glob("*/state.npz")))
    assert begun >= 1
    done = run("run", path, "--out", out, "--json", ranks=ranks)
    assert done.returncode == 0, done.stderr
    assert 1 <= done.stderr.count("goes on from") <= begun
    found = Store(out / "results.jsonl").read()
    assert {key: record.eigenvalues for key, record in found.items()} == expected(path)
    assert max(record.provenance["resumed_directions"] for record in found.values()) > 0
    assert list((out / "checkpoints").iterdir()) == []


@pytest.mark.launcher
@needs_mpi
def test_slepc_s_solves_are_killed_and_go_on(tmp_path):
    """Kill -9 of a campaign, twice; the next run goes on from the states of the instances in flight."""
    path, out = tmp_path / "long.toml", tmp_path / "out"
    size = 'n = 700\nnev = 30\nstorage = "float64"\nmethod = "stored"'
    path.write_text(LONG_FILE.format(each=2, more="", last=1).replace("n = 12000\ntol = 1e-5", size))
    for _ in range(2):
        process = begin(path, out, 2)
        wait_for_states(process, out, 1)
        kill(process)
        process.communicate()
    done = run("run", path, "--out", out, "--json", ranks=2)
    assert done.returncode == 0, done.stderr
    assert "goes on from" in done.stderr
    found = Store(out / "results.jsonl").read()
    assert len(found) == 2 and max(record.provenance.get("resumed", 0) for record in found.values()) > 0
    for point in load_campaign(path).points():
        whole = solve_point(point, Group())
        assert found[point.key].converged == point.nev
        assert found[point.key].eigenvalues == pytest.approx(whole["eigenvalues"], rel=1e-5)
    assert list((out / "checkpoints").iterdir()) == []


@pytest.mark.launcher
@needs_mpi
@pytest.mark.parametrize("ranks", [0, 2])
def test_an_instance_longer_than_the_wall_time_is_done_in_several_jobs(tmp_path, ranks):
    path, out = tmp_path / "long.toml", tmp_path / "out"
    path.write_text(LONG_FILE.format(each=1, more="wall_time = 0.3", last=1))
    assert answer("plan", path, "--out", out)["jobs_left"] > 5
    done = run("run", path, "--out", out, "--json", ranks=ranks)
    assert done.returncode == 75, done.stderr
    stopped = json.loads(done.stdout)
    assert (stopped["computed"], stopped["failed"], stopped["left"]) == (0, 0, 2)  # the other group has learned of it
    assert stopped["stopped"].startswith("wall time")
    path.write_text(LONG_FILE.format(each=1, more='wall_time = "1 h"', last=1))
    last = answer("run", path, "--out", out, ranks=ranks)
    assert (last["computed"], last["stopped"]) == (2, None)
    found = Store(out / "results.jsonl").read()
    assert {key: record.eigenvalues for key, record in found.items()} == expected(path)
    assert any(record.provenance["resumed_directions"] for record in found.values())


@pytest.mark.launcher
@needs_mpi
def test_core_hours(tmp_path):
    path, out = tmp_path / "long.toml", tmp_path / "out"
    path.write_text(LONG_FILE.format(each=2, more='core_hours = 1e-4\nwall_time = "1 h"', last=1))
    planned = answer("plan", path, "--out", out)
    assert planned["core_hours"] == 1e-4
    np.testing.assert_allclose(planned["core_hours_left"], planned["seconds_left"] * 2 / 3600)
    assert planned["jobs_left"] == 1
    assert "of the 0.0001 that the file allows" in run("plan", path, "--out", out).stdout
    done = run("run", path, "--out", out, ranks=2)
    assert done.returncode == 2
    assert len(error_lines(done)) == 1
    assert "core_hours = 0.0001: what is missing takes about" in error_lines(done)[0]
    assert not (out / "results.jsonl").exists()


def test_what_can_be_stopped_may_be_longer_than_a_job(tmp_path):
    path = tmp_path / "long.toml"
    path.write_text(
        LONG_FILE.format(each=1, more='wall_time = "1 h"\ncore_hours = 2', last=1).replace("every = 0", "every = 60")
    )
    campaign = load_campaign(path)
    keeper = Keeper(tmp_path / "c", campaign.checkpoint_every, lambda _: 3601.0)
    check_budget(campaign, [POINT], keeper)
    with pytest.raises(InputError, match="the longest instance takes about 60 min 01 s"):
        check_budget(campaign, [dataclasses.replace(POINT, method="dense")], keeper)
    with pytest.raises(InputError, match="core_hours = 2: what is missing takes about 3 core hours"):
        check_budget(campaign, [POINT, POINT, POINT], keeper)
