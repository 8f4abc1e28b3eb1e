"""Descents in campaigns: keys, records, states that survive a kill, tables."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from commands import answer, run

from hpcbbp import InputError
from hpcbbp.campaign.cost import memory_needed, model_seconds
from hpcbbp.campaign.courses import courses, reached
from hpcbbp.campaign.descents import descend_point
from hpcbbp.campaign.keeper import Keeper
from hpcbbp.campaign.kept import DamagedError, checked
from hpcbbp.campaign.record import from_line, to_line
from hpcbbp.campaign.spec import parse_campaign
from hpcbbp.campaign.store import Descended, Store
from hpcbbp.dynamics import Schedule, descend, prepared
from hpcbbp.errors import StoppedError
from hpcbbp.machine import petsc
from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.point import Point

needs_mpi = pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")

GRID = """name = "c"
[[grid]]
p = 1
a = 1.5
alpha = 3.0
n = [60, 100]
seeds = 2
steps = 12
"""
WORDS = "steps:12 eta:0.05"
POINT = Point(p=1, p_star=1, a=1.5, alpha=3.0, n=100, seed=3, nev=1, tol=1e-6, descent=WORDS + " sphere")
DEFERRED = dataclasses.replace(POINT, method="deferred", block=1)


def test_every_combination_is_a_point():
    more = GRID + "eta = [0.05, 0.02]\nsphere = true\nmomentum = [0.0, 0.5]\noverlap = [0.3, 0.5]\nbatch = 0.5\n"
    points = parse_campaign(more + "hessian_every = 4\n", "c.toml").points()
    assert len(points) == 2 * 2 * 2 * 2 * 2
    schedules = {point.descent for point in points}
    assert "steps:12 eta:0.02 overlap:0.3 momentum:0.5 batch:0.5 sphere" in schedules
    assert len(schedules) == 8
    assert len({point.key for point in points}) == len(points)
    assert all(f"descent={point.descent!r} hessian_every=4" in point.key for point in points)
    plain = parse_campaign(GRID.replace("steps = 12\n", ""), "c.toml").points()
    assert all("descent" not in point.key for point in plain)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("eta = 0.0", r"grid.0.eta.0 = 0.0: Input should be greater than 0"),
        ("steps = 0", "Cannot overwrite a value|steps = 0"),
        ("momentum = 1.0", "momentum = 1.0: 0 <= momentum < 1"),
        ("batch = 0.0", "batch = 0.0: the share"),
        ("overlap = 2", "overlap = 2.0: a cosine"),
        ("sphere = 1", "sphere = 1"),
        ("hessian_every = 0", "hessian_every = 0"),
        ('method = "dense"', 'method = "dense": a descent goes by method = "stored" or'.replace('"stored" or', "")),
        ('method = "deferred"\nstorage = "int16"', 'storage = "int16": a descent keeps'),
        ('estimator = "trimmed:1"', "trimmed:1 has no loss"),
        ("etas = 0.05", "unknown key grid.0.etas; the nearest known one is eta"),
    ],
)
def test_what_is_no_descent(lines, said):
    text = GRID if "estimator" not in lines else GRID.replace("a = 1.5\n", "")
    with pytest.raises(InputError, match=said):
        parse_campaign(text + lines + "\n", "c.toml").points()


def test_keys_of_a_descent_without_steps():
    with pytest.raises(InputError, match="c.toml: sphere without steps: it belongs to a descent"):
        parse_campaign(GRID.replace("steps = 12\n", "sphere = true\n"), "c.toml").points()


@pytest.mark.parametrize(
    "schedule", [Schedule(5, 0.1), Schedule(7, 1e-3, True, 0.5, 0.25, -0.3), Schedule(10**6, 1 / 3, overlap=0.0)]
)
def test_words_of_a_schedule_are_read_back(schedule):
    assert Schedule.of(schedule.words) == schedule


@pytest.mark.parametrize(
    "words", ["", "steps:5", "steps:5 eta:x", "eta:0.05 steps:5", "steps:5 eta:0.05 colour", "x"]
)
def test_words_that_are_none(words):
    with pytest.raises(InputError, match="descent ="):
        Schedule.of(words)


@pytest.mark.parametrize("point", [POINT, DEFERRED], ids=["stored", "deferred"])
def test_a_record_is_what_a_descent_found(point):
    record = descend_point(point, Group())
    schedule = Schedule(12, 0.05, sphere=True)
    found = descend(prepared(point.request, schedule), schedule)
    assert record["course"]["overlap2"] == [at.overlap2 for at in found.moments]
    assert record["course"]["loss"] == [at.loss for at in found.moments]
    assert record["largest_overlap2"] == max(at.overlap2 for at in found.moments)
    assert (record["made"], record["reason"], record["hessians"]) == (12, "", [])
    assert memory_needed(point, 2) < 2**31
    assert model_seconds(point) > 0


def filed(point, content):
    about = {"key": point.key, "point": point.to_dict(), "hpcbbp": "0", "host": "h", "begin": 0.0, "ranks": 1}
    return {**about, "wall_seconds": 1.0, **content}


def test_records_are_checked():
    content = filed(POINT, descend_point(POINT, Group()))
    record = from_line(to_line(content).rstrip(b"\n"))
    assert isinstance(record, Descended)
    assert record.point == POINT
    course = content["course"]
    for change in (
        {"made": 11}, {"largest_overlap2": 1e-9}, {"course": {**course, "loss": course["loss"][:-1]}},
        {"course": {**course, "step": [0] * len(course["step"])}}, {"course": {**course, "overlap2": [2.0] * 13}},
        {"reason": 3}, {"point": {**POINT.to_dict(), "descent": "steps:12"}},
    ):  # fmt: skip
        with pytest.raises(DamagedError):
            checked({**content, "schema": 2, **change})


def test_long_courses_are_thinned():
    point = dataclasses.replace(POINT, n=20, descent="steps:450 eta:0.01")
    record = descend_point(point, Group())
    assert 100 <= len(record["course"]["step"]) <= 120
    assert record["course"]["step"][-1] == record["made"] == 450


@pytest.mark.parametrize("point", [POINT, DEFERRED], ids=["stored", "deferred"])
def test_what_is_stopped_goes_on(tmp_path, point):
    keeper = Keeper(tmp_path / "checkpoints", 0.0, lambda _: 1.0)
    asked = iter(range(100))
    with pytest.raises(StoppedError):
        keeper.solve(point, Group(), lambda: next(asked) == 5)
    record, whole = keeper.solve(point, Group(), lambda: False), descend_point(point, Group())
    assert record["course"] == whole["course"]
    assert (keeper.of(point) / "state.npz").exists()
    keeper.clear(point)
    assert not keeper.of(point).exists()


@needs_mpi
def test_a_campaign_from_file_to_tables(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text(
        GRID + "hessian_every = 6\n" + GRID.split("\n", 1)[1].replace("steps = 12", "steps = 3\neta = 60")
    )
    assert answer("plan", file, "--out", tmp_path / "c")["instances"] == 8
    done = answer("run", file, "--out", tmp_path / "c", ranks=2)
    assert done["computed"] == 8
    again = answer("run", file, "--out", tmp_path / "c")
    assert (again["computed"], again["left"]) == (0, 0)
    records = list(Store(tmp_path / "c" / "results.jsonl").read().values())
    rows = courses(records)
    assert len(rows) == 8
    assert rows["eigenvalue_first"].notna().sum() == 4
    whole = reached(rows)
    assert whole["seeds"].sum() + whole["early"].sum() == 8
    assert whole["early"].sum() == sum(rows["reason"] != "") > 0
    told = answer("analyze", tmp_path / "c", "--to", tmp_path / "tables")
    assert len(told["descents"]) == 4
    assert (tmp_path / "tables" / "descents.csv").exists()
    assert run("export", tmp_path / "c", "--to", tmp_path / "t.csv").returncode == 0
    np.testing.assert_allclose(
        np.sort(pd.read_csv(tmp_path / "t.csv")["largest_overlap2"]), np.sort(rows["largest_overlap2"])
    )
    refused = run("report", file, "--out", tmp_path / "c")
    assert refused.returncode == 2
    assert "descents alone have no report" in refused.stderr
    assert json.loads((tmp_path / "c" / "results.jsonl").read_text().splitlines()[0])["course"]["step"][0] == 0
