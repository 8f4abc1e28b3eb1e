"""pytest on several ranks: one report, ranks in step, a failure that ends the run, and a journal of how far it came.

A test that fails on one rank may leave the others in a collective call, for ever: nothing but the end of all ranks
helps. tests/collective.py starts anew with the tests that are left; the journals here, a file a rank in the folder
HPCBBP_JOURNAL, tell it which those are. Without that folder (`mpirun -n 2 python -m pytest -m mpi`) the first failure
is printed and ends the run.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpcbbp.machine import petsc
from hpcbbp.machine.launcher import launched_rank
from hpcbbp.machine.ranks import Group, leave

# The process that hands tests out to workers (pytest -n) runs none; MPI started there would leave its variables to
# the mpirun of every worker.
HANDS_OUT = "PYTEST_XDIST_WORKER" not in os.environ and any(
    word.startswith(("-n", "--numprocesses")) for word in sys.argv[1:]
)
WORLD = Group() if HANDS_OUT or petsc.missing_modules() else Group.world()
STEPS: Any = WORLD.comm.Dup() if WORLD.size > 1 else None  # what tests leave unfinished does not reach it
FOLDER = os.environ.get("HPCBBP_JOURNAL")
LIMIT = float(os.environ.get("HPCBBP_TEST_LIMIT", "300"))

if WORLD.size > 1:  # ranks that clean up one folder together trip over each other
    root = Path(tempfile.gettempdir()) / f"hpcbbp-tests-{os.getuid()}-{WORLD.rank}-of-{WORLD.size}"
    root.mkdir(exist_ok=True)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(root)


def write(**entry: Any) -> None:
    """One line of this rank's journal, in the file when this returns."""
    if FOLDER is not None:
        with (Path(FOLDER) / f"rank-{WORLD.rank}.jsonl").open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(entry) + "\n")


def fail(name: str, text: str) -> None:
    """End all ranks, saying which test failed; the other ranks may be waiting for this one in a collective call."""
    write(failed=name, text=text)
    if FOLDER is None:
        print(f"rank {WORLD.rank} of {WORLD.size}: {name} failed\n{text}", file=sys.stderr, flush=True)
    WORLD.comm.Abort(1)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if launched_rank() > 0:  # one report, not one a rank
        reporter = config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            config.pluginmanager.unregister(reporter)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    done = Path(FOLDER, "done.json") if FOLDER is not None else None
    if done is not None and done.exists():
        names = set(json.loads(done.read_text(encoding="utf-8")))
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in names])
        items[:] = [item for item in items if item.nodeid not in names]


def pytest_collection_finish(session: pytest.Session) -> None:
    write(collected=[item.nodeid for item in session.items])


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if WORLD.size == 1:
        yield
        return
    begun = STEPS.allgather(item.nodeid)
    if len(set(begun)) > 1:
        fail(item.nodeid, f"the ranks collected different tests: {', '.join(begun)}")
    write(begin=item.nodeid)
    if FOLDER is None:
        yield
        return
    with (Path(FOLDER) / f"stack-{WORLD.rank}.txt").open("w", encoding="utf-8") as stack:
        faulthandler.dump_traceback_later(0.8 * LIMIT, file=stack)
        yield
        faulthandler.cancel_dump_traceback_later()
    write(end=item.nodeid)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    if WORLD.size > 1:
        if report.failed:
            fail(item.nodeid, report.longreprtext)
        if report.when == "call" or report.skipped:
            write(outcome=report.outcome, of=item.nodeid)


_status = 0


def pytest_sessionfinish(exitstatus: int) -> None:
    global _status
    _status = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Leave as commands do: PETSc's own end hangs where tests have left ranks with different garbage."""
    if WORLD.size > 1:
        leave(_status)
