"""What all tests share: the group of ranks, and failures that end a parallel run instead of hanging it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hpcbbp import Problem, gaussian_instance, petsc
from hpcbbp.parallel import Group, launched_rank

WORLD = Group() if petsc.missing_modules() else Group.world()
if WORLD.size > 1:  # ranks that clean up one folder together trip over each other
    root = Path(tempfile.gettempdir()) / f"hpcbbp-tests-{os.getuid()}-{WORLD.rank}-of-{WORLD.size}"
    root.mkdir(exist_ok=True)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(root)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if launched_rank() > 0:  # one report, not one a rank
        reporter = config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            config.pluginmanager.unregister(reporter)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    if report.failed and WORLD.size > 1:
        # The other ranks may be waiting for this one in a collective call.
        print(f"rank {WORLD.rank} of {WORLD.size}: {item.nodeid} failed\n{report.longreprtext}", file=sys.stderr)
        sys.stderr.flush()
        WORLD.comm.Abort(1)


@pytest.fixture(scope="session")
def group() -> Group:
    """All ranks of this run; one process in the serial suite."""
    return WORLD


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20251018)


@pytest.fixture
def files(tmp_path):
    """An instance of the model written to files, and the words that solve it."""
    instance = gaussian_instance(Problem(p=2, p_star=1, alpha=3.0, a=1.5), 100, 0)
    paths = {"--data": instance.data.local, "--teacher": instance.teacher.T, "--student": instance.student.T}
    words = []
    for option, array in paths.items():
        path = tmp_path / f"{option[2:]}.npy"
        np.save(path, array)
        words += [option, str(path)]
    return words
