"""The driver with a solver that computes nothing: what is started, what is stopped, what is counted and recorded."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import deque

import pytest
from commands import HELPERS, run_python
from records import point_at, solved

from hpcbbp import InputError
from hpcbbp.campaign.driver import Dispatcher, run_points
from hpcbbp.campaign.store import Store
from hpcbbp.errors import StoppedError
from hpcbbp.machine import petsc
from hpcbbp.machine.ranks import Group

POINTS = [point_at(seed) for seed in range(4)]


def drive(folder, points, solver, **options):
    told = []
    outcome = run_points(
        points, Store(folder / "results.jsonl"), Group(), ranks_per_instance=1, solver=solver,
        seconds=options.pop("seconds", lambda _: 1.0), finished=lambda point, _: told.append(point.seed), **options,
    )  # fmt: skip
    return outcome, told, Store(folder / "results.jsonl").read()


def test_what_fits_no_more_is_left_and_what_runs_goes_on(tmp_path):
    """An hour is left: the instance of two hours is not begun, a stoppable one is, and nothing asks it to stop."""
    asked = []

    def solver(point, group, stop):
        asked.append((point.seed, stop()))
        return solved(point)

    long = {0: 7200.0, 1: 5400.0, 2: 60.0, 3: 30.0}
    outcome, told, _ = drive(
        tmp_path, POINTS, solver, seconds=lambda point: long[point.seed], wall_time=3600.0,
        stoppable=lambda point: point.seed == 1,
    )  # fmt: skip
    assert asked == [(1, False), (2, False), (3, False)]
    assert told == [1, 2, 3]
    assert (outcome.computed, outcome.left) == (3, 1)
    assert outcome.stopped.startswith("wall time")


def test_in_flight_goes_on_while_nothing_more_is_started(tmp_path):
    """The dispatcher of two groups: one asks for more in vain while the other's long instance runs."""
    dispatcher = Dispatcher(
        deque(POINTS[:3]), Store(tmp_path / "r.jsonl"), lambda point: 1000.0 * (2 - point.seed),
        lambda *_: None, lambda point: point.seed == 0, deadline=time.monotonic() + 500.0,
    )  # fmt: skip
    assert dispatcher.next(None).seed == 0  # stoppable, longer than the time left
    assert dispatcher.next(None).seed == 2  # 1 takes 1000 s, and there are 500
    assert dispatcher.next((POINTS[2], _filed(POINTS[2]))) is None
    assert not dispatcher.stopping()
    assert dispatcher.next((POINTS[0], _filed(POINTS[0]))) is None
    outcome = dispatcher.outcome()
    assert (outcome.computed, outcome.left) == (2, 1)
    dispatcher.deadline = time.monotonic()
    assert dispatcher.stopping()


def _filed(point):
    return solved(point)


def test_what_is_stopped_on_the_way_is_left_and_not_begun_again(tmp_path):
    begun = []

    def solver(point, group, stop):
        begun.append(point.seed)
        raise StoppedError("as it was told")

    outcome, told, records = drive(tmp_path, POINTS, solver)
    assert begun == [0, 1, 2, 3]
    assert (outcome.computed, outcome.failed, outcome.left, told, records) == (0, 0, 4, [], {})


def test_numbers_that_are_none_are_a_failure_of_that_instance(tmp_path):
    """NaN from a solver ended the whole job with a traceback."""

    def solver(point, group, stop):
        record = solved(point)
        if point.seed == 1:
            record["eigenvalues"] = [float("nan"), 0.0]
        if point.seed == 2:
            record["overlap2"] = [-1.0, 0.0]
        return record

    outcome, told, records = drive(tmp_path, POINTS, solver)
    assert (outcome.computed, outcome.failed, outcome.left, outcome.stopped) == (2, 2, 0, None)
    assert told == [0, 1, 2, 3]
    assert "eigenvalues" in records[POINTS[1].key].failed
    assert "overlap2" in records[POINTS[2].key].failed


def test_a_full_disk_loses_no_count(tmp_path):
    """Two groups: the first record finds no room, the second does; nothing more is begun."""
    store = Store(tmp_path / "results.jsonl")
    dispatcher = Dispatcher(deque(POINTS), store, lambda _: 1.0, lambda *_: None, lambda _: False)
    first, second = dispatcher.next(None), dispatcher.next(None)
    store.path.mkdir()
    assert dispatcher.next((first, solved(first))) is None
    store.path.rmdir()
    assert dispatcher.next((second, solved(second))) is None
    assert "cannot be written" in dispatcher.error
    outcome = dispatcher.outcome()
    assert (outcome.computed, outcome.failed, outcome.left) == (1, 0, 3)
    assert list(store.read()) == [second.key]

    def solver(point, group, stop):
        (tmp_path / "x" / "results.jsonl").mkdir(parents=True, exist_ok=True)
        return solved(point)

    with pytest.raises(InputError, match="cannot be written"):
        drive(tmp_path / "x", POINTS, solver)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_stops_what_can_go_on_and_starts_nothing(tmp_path, number):
    def solver(point, group, stop):
        if point.seed == 1:
            os.kill(os.getpid(), number)
            assert stop()
        return solved(point)

    outcome, told, _ = drive(tmp_path, POINTS, solver)
    assert told == [0, 1]
    assert (outcome.left, outcome.stopped) == (2, number.name)
    assert signal.getsignal(number) is signal.SIG_DFL
    outcome, told, _ = drive(tmp_path, POINTS[2:], lambda point, *_: solved(point))  # the next run is another one
    assert (told, outcome.stopped) == ([2, 3], None)


def test_a_signal_is_heard_while_rank_0_is_in_a_long_call(tmp_path):
    """A thread asks, as the one that hands out instances does; the main thread runs no handler meanwhile."""
    from hpcbbp.machine.signals import listening

    heard = []

    def ask():
        patience = time.monotonic() + 10
        while ear.heard() is None and time.monotonic() < patience:
            time.sleep(0.001)
        heard.append((ear.heard(), finished.is_set()))

    finished = threading.Event()
    with listening() as ear:
        thread = threading.Thread(target=ask)
        thread.start()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})  # the thread's own mask lets it through
        thread.join(0.05)
        os.kill(os.getpid(), signal.SIGUSR1)
        thread.join(10)
        finished.set()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
    assert heard == [("SIGUSR1", False)]


TWO_GROUPS = f"""
import json, sys, time
from collections import deque
from pathlib import Path
sys.path.append(r"{HELPERS}")
from records import point_at, solved
from hpcbbp.campaign.driver import run_points
from hpcbbp.campaign.store import Store
from hpcbbp.errors import StoppedError
from hpcbbp.machine.ranks import Group

world = Group.world()
LONG, SHORT, NEVER = (point_at(seed) for seed in range(3))
begin = time.monotonic()

def solver(point, group, stop):
    if point.seed == 0:  # long, may be stopped: asks for three seconds, long after nothing else fits
        while time.monotonic() < begin + 3:
            if stop():
                raise StoppedError("stopped")
            time.sleep(0.05)
    return solved(point)

outcome = run_points(
    [LONG, SHORT, NEVER], Store(Path(sys.argv[1])), world, ranks_per_instance=1, solver=solver,
    seconds=lambda point: (8000.0, 0.1, 7000.0)[point.seed], finished=lambda *_: None, wall_time=3600.0,
    stoppable=lambda point: point.seed == 0,
)
if world.rank == 0:
    print(json.dumps(vars(outcome)))
"""


@pytest.mark.launcher
@pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")
def test_a_group_without_work_does_not_stop_the_other(tmp_path):
    """Two groups under mpirun, an hour left: nothing queued fits into it, and the long instance is computed."""
    done = run_python("-c", TWO_GROUPS, tmp_path / "results.jsonl", ranks=2)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert (outcome["computed"], outcome["left"]) == (2, 1)
    assert {record.seed for record in Store(tmp_path / "results.jsonl").read().values()} == {0, 1}
