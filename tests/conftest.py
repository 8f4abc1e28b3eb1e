"""What all tests share: the group of ranks, an instance in files; ranks.py for runs of several ranks."""

from __future__ import annotations

import numpy as np
import pytest
import ranks
from hypothesis import settings
from processes import leaves_nothing_running, modules_leave_nothing_running  # noqa: F401 (fixtures of all tests)

from hpcbbp import Problem, gaussian_instance
from hpcbbp.machine.ranks import Group

# The same examples every time and no limit on how long one takes: a loaded machine is no failure, and neither are
# ranks that would draw different examples. Fuzz tests (fuzzing.py) say themselves when they draw new ones.
settings.register_profile("the same everywhere", derandomize=True, deadline=None, database=None)
settings.load_profile("the same everywhere")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if not config.pluginmanager.has_plugin("ranks"):  # tests/collective.py asks for it by name
        config.pluginmanager.register(ranks, "ranks")


@pytest.fixture(scope="session")
def group() -> Group:
    """All ranks of this run; one process in the serial suite."""
    return ranks.WORLD


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
