"""Campaign files: what they mean, and one line for whatever is wrong with them."""

from __future__ import annotations

import pytest

from hpcbbp import InputError
from hpcbbp.campaign.spec import load_campaign
from hpcbbp.theory import transition

FILE = """
name = "test"
wall_time = "2 h"
[[grid]]
p = 2
a = [0.7, 1.5]
alpha = ["0.5..1.5 alpha_bbp in 5", 3.0]
n = [400, 1e4]
seeds = {400 = 3, 10000 = 1}
"""


def load(tmp_path, text):
    path = tmp_path / "campaign.toml"
    path.write_text(text)
    return load_campaign(path)


def test_every_combination(tmp_path):
    campaign = load(tmp_path, FILE)
    points = campaign.points()
    assert campaign.wall_time == 7200.0
    assert len(points) == 2 * 6 * (3 + 1)
    assert len({point.key for point in points}) == len(points)
    first = points[0]
    assert (first.p, first.p_star, first.a, first.n, first.nev) == (2, 1, 0.7, 400, 2)
    threshold = transition(2, 1, 0.7).alpha_bbp
    assert sorted({point.alpha for point in points if point.a == 0.7}) == [
        round(f * threshold, 6) for f in (0.5, 0.75, 1.0, 1.25, 1.5)
    ] + [3.0]
    assert {(point.n, point.method) for point in points} == {(400, "stored"), (10_000, "deferred")}
    # Other seeds at each point, the same ones for the same point.
    assert len({point.seed for point in points}) == len(points)
    assert [point.seed for point in load(tmp_path, FILE).points()] == [point.seed for point in points]


def test_checkpoints_and_budget(tmp_path):
    campaign = load(tmp_path, FILE)
    assert (campaign.checkpoint_every, campaign.core_hours) == (600.0, None)
    campaign = load(tmp_path, 'checkpoint_every = "20 min"\ncore_hours = 1e4' + FILE)
    assert (campaign.checkpoint_every, campaign.core_hours) == (1200.0, 1e4)


def test_more_seeds_keep_those_there_were(tmp_path):
    text = FILE.replace("seeds = {400 = 3, 10000 = 1}", "seeds = {}")
    few, many = ({point.key for point in load(tmp_path, text.format(count)).points()} for count in (3, 5))
    assert few < many
    ranged = load(tmp_path, text.format('"4..6"')).points()
    assert {point.seed for point in ranged} == {4, 5, 6}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds =", "sedes =", "unknown key grid.0.sedes; the nearest known one is seeds"),
        ('name = "test"', 'name = "test"\nwalltime = 3', "unknown key walltime; the nearest known one is wall_time"),
        ("p = 2\n", "", "grid.0.p is missing"),
        ("[[grid]]", "[other]", "unknown key other|grid is missing"),
        ("n = [400, 1e4]", "n = []", "grid.0.n"),
        ("n = [400, 1e4]", "n = [400.5]", "grid.0.n.0 = 400.5"),
        ("p = 2\n", "p = 0\n", "grid.0.p.0 = 0"),
        ('"2 h"', '"2 weeks"', 'wall_time = .2 weeks.: a time is a number of seconds, or as "90 min"'),
        ('"2 h"', "-1", "wall_time = -1"),
        ('"2 h"', '"2 h"\ncore_hours = 0', "core_hours = 0"),
        ('"2 h"', '"2 h"\ncore_hours = nan', "core_hours = nan"),
        ('"2 h"', '"2 h"\ncheckpoint_every = -1', "checkpoint_every = -1"),
        ('"2 h"', '"2 h"\ncheckpoint_every = "often"', "checkpoint_every = 'often': a time is a number of seconds"),
        ("3.0]", "nan]", "alpha = nan"),
        ("3.0]", "-3]", "alpha = -3"),
        ("3.0]", '"2..1"]', 'alpha = "2..1": as 1.5'),
        ("[0.7, 1.5]", "[0.7, 0.7]", "duplicate point"),
        ("[0.7, 1.5]", "[-1]", "grid.0.a.0 = -1"),
        ("{400 = 3, 10000 = 1}", "{400 = 3}", "0 instances at N = 10000"),
        ("{400 = 3, 10000 = 1}", '"a..b"', "a range of seeds"),
        ('name = "test"', 'name = "a b"', "name = 'a b'"),
        ('name = "test"', "name = ", "not a TOML file"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, old, new, message):
    assert old in FILE
    with pytest.raises(InputError, match=message) as caught:
        load(tmp_path, FILE.replace(old, new)).points()
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_campaign(tmp_path / "none.toml")
