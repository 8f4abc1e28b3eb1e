"""What earlier versions have left, word for word (tests/earlier), is read, counted as done, and gone on with.

Written by hpcbbp 0.1.0: a campaign file, its store by every method, the state of a deferred solve that was killed.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import answer

from hpcbbp import Checkpoint, Problem, deferred_instance, solve_deferred
from hpcbbp.analysis.instances import instance_table
from hpcbbp.campaign.job import open_campaign
from hpcbbp.campaign.measure import solve_point
from hpcbbp.campaign.spec import load_campaign
from hpcbbp.machine.ranks import Group

EARLIER = Path(__file__).parent / "earlier"
ADDED = {"schema", "sha256", "key", "point", "hpcbbp", "begin", "wall_seconds", "host", "ranks"}
"""What the store adds to a record."""

VERSIONS = sorted(path.name for path in EARLIER.iterdir())


@pytest.fixture
def left(request, tmp_path):
    """A copy of what a version has left."""
    shutil.copytree(EARLIER / request.param, tmp_path / "left")
    return tmp_path / "left"


@pytest.mark.parametrize("left", VERSIONS, indirect=True)
def test_a_store_is_whole_and_its_campaign_is_done(left):
    work = open_campaign(load_campaign(left / "small.toml"), left)
    assert work.missing == []
    assert not work.records.warnings()
    assert len(work.results()) == len(work.points) == 13
    assert set(instance_table(work.results())["method"]) == {"stored", "dice", "deferred", "dense"}


@pytest.mark.launcher
@pytest.mark.parametrize("left", VERSIONS, indirect=True)
def test_commands_take_it(left):
    assert answer("plan", "small.toml", "--out", ".", cwd=left)["done"] == 13
    assert answer("run", "small.toml", "--out", ".", cwd=left)["computed"] == 0
    assert answer("export", ".", "--to", "pairs.csv", cwd=left)["rows"] == 17
    assert len(answer("analyze", "small.toml", "--out", ".", cwd=left)["curves"]) == 8


@pytest.mark.parametrize("left", VERSIONS, indirect=True)
def test_the_same_instance_is_computed_today(left):
    """One seed is one instance in every version; records have at least the keys that they had."""
    lines = {(line := json.loads(text))["key"]: line for text in (left / "results.jsonl").read_text().splitlines()}
    work = open_campaign(load_campaign(left / "small.toml"), left)
    for point in work.points:
        then, now = lines[point.key], json.loads(json.dumps(solve_point(point, Group())))
        assert set(then) - set(now) <= ADDED, point
        assert now["eigenvalues"] == pytest.approx(then["eigenvalues"], abs=4 * point.tol), point
        # The outliers' vectors mix within their cluster as rounding has it: their sum is good to residual over gap.
        assert sum(now["overlap2"]) == pytest.approx(sum(then["overlap2"]), abs=40 * point.tol), point
        if then["quenched"]["edge"] is not None:
            assert now["quenched"]["edge"] == pytest.approx(then["quenched"]["edge"], abs=1e-6)


@pytest.mark.parametrize("left", VERSIONS, indirect=True)
def test_a_state_goes_on(left):
    problem = Problem(p=1, p_star=1, alpha=3.0, a=1.5)
    checkpoint = Checkpoint(left / "state", 1e9)
    found = solve_deferred(deferred_instance(problem, 60, 4), tol=1e-3, checkpoint=checkpoint).eigen
    assert checkpoint.resumed > 4
    assert not checkpoint.unchecked
    assert found.converged.all()
    undisturbed = solve_deferred(deferred_instance(problem, 60, 4), tol=1e-3).eigen
    np.testing.assert_allclose(found.eigenvalues, undisturbed.eigenvalues, rtol=1e-9)
