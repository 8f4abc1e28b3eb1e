"""Campaign files: what they mean, and one line for whatever is wrong with them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from fuzzing import bounded

from hpcbbp import InputError
from hpcbbp.campaign.spec import load_campaign, parse_campaign
from hpcbbp.solvers.point import PHYSICS
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
        ("n = [400, 1e4]", "n = []", "grid.0.n is empty: at least one value is wanted"),
        ("p = 2\n", "p = []\n", "grid.0.p is empty: at least one value is wanted$"),
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
        ("[0.7, 1.5]", "[0.7, 0.7]", "^/.*campaign.toml: duplicate point"),
        ("[0.7, 1.5]", "[-1]", "grid.0.a.0 = -1"),
        ("{400 = 3, 10000 = 1}", "{400 = 3}", "0 instances at N = 10000"),
        ("{400 = 3, 10000 = 1}", '"a..b"', "a range of seeds"),
        ('name = "test"', 'name = "a b"', "name = 'a b'"),
        ('name = "test"', "name = ", "not a TOML file"),
        ('name = "test"', f'name = "{"n" * 101}"', "at most 100 characters"),
        ("3.0]", "1e308]", "alpha = 1e.308: .* at most 1e.12"),
        ("3.0]", '"1e308 alpha_bbp"]', 'alpha = "1e308 alpha_bbp": .* at most 1e.12'),
        ("3.0]", '"1e400 alpha_bbp"]', 'alpha = "1e400 alpha_bbp": .* at most 1e.12'),
        ("3.0]", "inf]", "alpha = inf"),
        ("3.0]", "true]", "grid.0.alpha.1 = True: a number"),
        ("3.0]", "1e-9]", "alpha = 1e-09: alphas are rounded to 1e-6"),
        ("3.0]", '"0.5..1.5 in 1"]', 'alpha = "0.5..1.5 in 1": as 1.5'),
        ("3.0]", '"1e5.0 alpha_bbp"]', 'alpha = "1e5.0 alpha_bbp": as 1.5'),
        ("[0.7, 1.5]", "true", "grid.0.a.0 = True: a number"),
        ("[0.7, 1.5]", '"1.5"', "grid.0.a.0 = '1.5': a number"),
        ("[0.7, 1.5]", "nan", "grid.0.a.0 = nan"),
        ("[0.7, 1.5]", "inf", "grid.0.a.0 = inf"),
        ("[0.7, 1.5]", "1" + 400 * "0", "grid.0.a.0 = 10.400, about: too large"),
        ("[0.7, 1.5]", "1e9", "a = 1000000000.0: theory is computed for 1e-09 <= a <= 1e.06"),
        ("p = 2\n", "p = 1000000\n", "p = 1000000: theory is computed for up to 100000 hidden units"),
        ("p = 2\n", f"p = 1{400 * '0'}\n", "grid.0.p.0 = 10.[0-9]+, about: .*less than or equal to 1000000000"),
        ("p = 2\n", f"p = {5000 * '1'}\n", "not a TOML file .an integer of thousands of digits.$"),
        ("p = 2\n", f"p = 0x{5000 * 'f'}\n", "grid.0.p.0"),
        ("p = 2\n", f"p = {2000 * '['}{2000 * ']'}\n", "nested too deeply"),
        ("p = 2\n", f"p = {100 * '['}{100 * ']'}\n", "grid.0.p.0"),
        ("p = 2\n", "p = true\n", "grid.0.p.0 = True"),
        ("n = [400, 1e4]", "n = 1e300", "grid.0.n.0 = 1e.300"),
        ("n = [400, 1e4]", "n = inf", "grid.0.n.0 = inf"),
        ("n = [400, 1e4]", "n = [400, 10000, 1000]", "0 instances at N = 1000"),
        ("{400 = 3, 10000 = 1}", "{400 = 3, 10000 = 1, 999 = 2}", "seeds: N = 999 is no N of the grid .400, 10000"),
        ("{400 = 3, 10000 = 1}", "{400 = 3, 10000 = 1, 1e4 = 2}", "seeds.*N = 10000 twice"),
        ("{400 = 3, 10000 = 1}", "{400 = 3, many = 1}", "seeds.*many.*as 1000 or 1e5"),
        ("{400 = 3, 10000 = 1}", "{400 = true, 10000 = 1}", "seeds"),
        ("{400 = 3, 10000 = 1}", "0", "0 instances at N = 400"),
        ("{400 = 3, 10000 = 1}", "true", "seeds"),
        ("{400 = 3, 10000 = 1}", "2.5", "seeds"),
        ("{400 = 3, 10000 = 1}", '"9..0"', 'seeds = "9..0": no seed from 9 to 0; as "0..9"'),
        ("{400 = 3, 10000 = 1}", f'"0..{2**64}"', "a whole number >= 0 .and below 2.64"),
        ("{400 = 3, 10000 = 1}", f'"0..{5000 * "1"}"', "a range of seeds"),
        ("{400 = 3, 10000 = 1}", '"0..100000000000"', "2400000000024 instances.*at most 1000000"),
        ("{400 = 3, 10000 = 1}", "100000000000", "2400000000000 instances.*at most 1000000"),
        ("in 5", "in 10000000000", "instances.*at most 1000000"),
        ("in 5", f"in {5000 * '9'}", "instances.*at most 1000000"),
        ('"2 h"', '"9.9.9 h"', "wall_time = '9.9.9 h': a time is a number of seconds"),
        ('"2 h"', '". s"', "wall_time = '. s': a time is a number of seconds"),
        ('"2 h"', "inf", "wall_time = inf"),
        ('"2 h"', "1e300", "wall_time = 1e.300"),
        ('"2 h"', "1e-300", "wall_time = 1e-300"),
        ('"2 h"', "true", "wall_time = True: a number"),
        ('"2 h"', f"{300 * '1'}", "wall_time = 10.[0-9]+, about"),
        ('"2 h"', '"2 h"\ncore_hours = inf', "core_hours = inf"),
        ('"2 h"', '"2 h"\ncore_hours = true', "core_hours = True: a number"),
        ('"2 h"', '"2 h"\nranks_per_instance = 100000000000', "ranks_per_instance = 100000000000"),
        ('"2 h"', '"2 h"\nranks_per_instance = true', "ranks_per_instance = True"),
        ("p = 2\n", "p = 2\ntol = nan\n", "grid.0.tol = nan"),
        ("p = 2\n", "p = 2\ntol = '1e-6'\n", "grid.0.tol = '1e-6': a number"),
        ("p = 2\n", "p = 2\nnev = true\n", "grid.0.nev"),
        ("p = 2\n", 'p = 2\n"a\\nb" = true\n', "unknown key"),
        *(
            (
                "p = 2\n",
                f'p = 2\nstorage = "int16"\nmethod = "{method}"\n',
                f'^/.*campaign.toml: storage = "int16" with method = "{method}": X or its images are kept '
                f'in one of float64, float32{also}; int16 goes with method = "deferred"$',
            )
            for method, also in (("stored", ", bf16, int8"), ("dice", ""), ("dense", ""))
        ),
        (
            "p = 2\n",
            'p = 2\nstorage = "float64"\nmethod = "regenerated"\n',
            'one of float32; "?float64"? goes with method = "stored", "dice", "deferred" or "dense"$',
        ),
        ("p = 2\n", 'p = 2\nstorage = "int16"\n', 'storage = "int16" with method = "stored"'),  # auto, at N = 400
        (
            "p = 2\n",
            'p = 2\nmethod = "deferred"\ntol = 1e-20\n',
            'tol = 1e-20 with method = "deferred", storage = "float64": residuals are good to about 1.0e-12 '
            'of .lambda. at N = 400, a = 0.7; take tol = 1e-12 or more or method = "stored"$',
        ),
        (
            "p = 2\n",
            'p = 2\nmethod = "deferred"\nstorage = "float32"\ntol = 1e-10\n',
            'tol = 1e-10 with method = "deferred", storage = "float32".* or more or storage = "float64" .good',
        ),
        (
            "p = 2\n",
            'p = 2\nmethod = "dice"\nstorage = "float32"\ntol = 1e-8\n',
            'tol = 1e-08 with method = "dice", storage = "float32".*take tol = 1e-07 or more or storage = "float64"$',
        ),
        ("p = 2\n", "p = 2\nnev = 801\n", "nev = 801: the Hessian has only p N = 800 eigenpairs at p = 2, N = 400"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, old, new, message):
    assert old in FILE
    with pytest.raises(InputError, match=message) as caught, bounded():
        load(tmp_path, FILE.replace(old, new)).points()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_sizes_in_seeds_are_written_as_in_n(tmp_path):
    same = [load(tmp_path, FILE.replace("10000 = 1", words)).points() for words in ("10000 = 1", "1e4 = 1.0")]
    assert same[0] == same[1]


def special(folder: Path, kind: str) -> Path:
    """A path that is no campaign file."""
    path = folder / f"{kind}.toml"
    contents = {
        "binary": bytes(range(256)), "latin": "name = 'é'".encode("latin-1"), "empty": b"", "large": b"#" * 2**21,
        "zeros": bytes(100), "utf16": FILE.encode("utf-16"),
    }  # fmt: skip
    if kind in contents:
        path.write_bytes(contents[kind])
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "device":
        return Path("/dev/zero")
    elif kind == "long":
        return folder / ("x" * 300)
    elif kind == "nul":
        return folder / "a\0b"
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("none", "cannot be read .No such file"),
        ("folder", "is a folder"),
        ("pipe", "not a file"),
        ("device", "not a file"),
        ("loop", "cannot be read"),
        ("long", "cannot be read .File name too long"),
        ("nul", "cannot be read"),
        ("large", "at most 1 MiB"),
        ("binary", "not a TOML file"),
        ("zeros", "not a TOML file"),
        ("latin", "not a TOML file"),
        ("utf16", "not a TOML file"),
        ("empty", "name is missing"),
    ],
)
def test_what_is_no_campaign_file(tmp_path, kind, message):
    with pytest.raises(InputError, match=message) as caught, bounded(mebibytes=256):
        load_campaign(special(tmp_path, kind))
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbf" + FILE.replace("\n", "\r\n").encode())
    assert load_campaign(path).model_dump() == load(tmp_path, FILE).model_dump()


def test_dice_take_the_storage_that_reaches_their_tolerance(tmp_path):
    for tol, storage in (("1e-5", "float32"), ("1e-6", "float64")):
        points = load(tmp_path, FILE.replace("p = 2\n", f'p = 2\nmethod = "dice"\ntol = {tol}\n')).points()
        assert {point.storage for point in points} == {storage}


def test_no_pairs_asked_for_are_as_many_as_there_may_be(tmp_path):
    text = 'name = "x"\n[[grid]]\np = 1\np_star = 5\na = 1\nalpha = 3\nn = 3\n'
    assert {point.nev for point in load(tmp_path, text).points()} == {3}


def test_many_points_are_told_of_while_they_are_made(tmp_path):
    campaign, told = load(tmp_path, FILE), []
    points = campaign.points(lambda made, total: told.append((made, total)))
    assert told[-1] == (len(points), len(points))
    assert all(total == len(points) for _, total in told)
    assert len(campaign.points()) == campaign.size() == 48


def test_a_key_says_every_parameter(tmp_path):
    """Written out by hand in Point for speed: no field may be forgotten there, stores depend on every letter."""
    for point in load(tmp_path, FILE).points()[:3]:
        values = " ".join(f"{name}={value!r}" for name, value in point.to_dict().items())
        assert point.key == f"physics={PHYSICS} {values}"
    assert pickle.loads(pickle.dumps(point)) == point


def test_models_are_counted_before_any_is_made():
    """Lists of a small file multiply: 2000^2 combinations would take minutes and gigabytes."""
    noise = ", ".join(f'"uniform:{i}"' for i in range(1, 2001))
    constants = ", ".join(f"{i}.5" for i in range(2000))
    text = f'name = "x"\n[[grid]]\np = 1\na = [{constants}]\nnoise = [{noise}]\nalpha = 1\nn = 100\n'
    with pytest.raises(InputError, match="4000000 combinations of a and parts of the model; at most 1000000"):
        parse_campaign(text, "x.toml").size()
