"""A campaign in shards: nothing computed twice, nothing lost, versions told apart; and what communication costs."""

from __future__ import annotations

import json

import pytest
from commands import error_lines, run
from records import point_at, solved

from hpcbbp import InputError
from hpcbbp.campaign.cost import model_seconds
from hpcbbp.campaign.merge import merge
from hpcbbp.campaign.store import Store
from hpcbbp.machine import petsc
from hpcbbp.machine.network import Network
from hpcbbp.solvers.point import Point

FILE = """
name = "s"
[[grid]]
p = 1
a = 1.5
alpha = [2.0, 3.0]
n = 60
seeds = 3
"""


def keys(store):
    return [json.loads(line)["key"] for line in (store / "results.jsonl").read_text().splitlines()]


@pytest.mark.launcher
@pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")
def test_shards_are_collected_and_not_computed_again(tmp_path):
    path, out = tmp_path / "s.toml", tmp_path / "out"
    path.write_text(FILE)
    for i in (1, 2):
        done = run("run", path, "--out", out, "--shard", f"{i}/3")
        assert done.returncode == 0, done.stderr
    assert run("plan", path, "--out", out, "--check").returncode == 75
    assert run("plan", path, "--out", out, "--shard", "1/3", "--check").returncode == 0
    again = run("run", path, "--out", out, "--shard", "1/3")
    assert "0 computed" in again.stdout
    rest = run("run", path, "--out", out)  # without a shard: what no store has
    assert "2 computed" in rest.stdout
    assert "4 results are in shards" in rest.stderr
    shards = [out / "shards" / f"{i}-of-3" for i in (1, 2)]
    assert run("collect", *shards, "--out", out).returncode == 0
    found = keys(out)
    assert len(found) == len(set(found)) == 6
    done = run("run", path, "--out", out, "--shard", "7/9")
    assert done.returncode == 2
    assert error_lines(done) == ["hpcbbp: error: --shard 7/9: the campaign has 6 instances"]


def test_results_of_different_versions_are_merged_only_on_demand(tmp_path):
    stores = [Store(tmp_path / name / "results.jsonl") for name in "abc"]
    for store, version in zip(stores, ("0.1.0", "0.2.0", "0.1.0"), strict=True):
        store.append({**solved(point_at("abc".index(store.path.parent.name))), "hpcbbp": version})
    target = Store(tmp_path / "all" / "results.jsonl")
    with pytest.raises(InputError, match=r"different versions .*0\.1\.0 in .*0\.2\.0 in .*--mixed-versions"):
        merge(stores, target)
    assert not target.path.exists()
    assert merge([stores[0], stores[2]], target).appended == 2
    with pytest.raises(InputError, match="different versions"):  # the target has some already
        merge([stores[1]], target)
    made = merge(stores, target, mixed=True)
    assert (made.appended, made.present) == (1, 2)


@pytest.mark.parametrize("method", ["stored", "dice", "deferred"])
def test_more_nodes_help_until_latency_takes_over(method):
    point = Point(1, 1, 1.5, 3.0, 100_000, 0, method, "float32", 1, 1e-5)
    seconds = [model_seconds(point, 64 * nodes, Network(nodes=nodes)) for nodes in (1, 16, 4096, 10**6)]
    assert seconds[0] > seconds[1]
    assert seconds[3] > seconds[2]
    slow = Network(nodes=16, latency=1e-4, bandwidth=1e8)
    assert model_seconds(point, 1024, slow) > seconds[1]
    assert model_seconds(point) > model_seconds(point, 2) > model_seconds(point) / 2
