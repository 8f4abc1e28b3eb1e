"""jobs/Snakefile by a real Snakemake: shards, retries, what is refused, what a kill leaves, results as of one run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import ENVIRONMENT, PATIENCE, ROOT, kill, run
from job_scripts import CAMPAIGN, JOBS

SNAKEMAKE = ROOT / ".venv" / "workflows" / "bin" / "snakemake"
pytestmark = [
    pytest.mark.workflows,
    pytest.mark.skipif(not SNAKEMAKE.exists(), reason="no Snakemake (make test-workflows installs it)"),
]

PROGRAM = f"{sys.executable} -m hpcbbp"


def campaign(folder: Path, **changes: str) -> Path:
    text = CAMPAIGN.format(n=150, method="stored").replace("seeds = 4", "seeds = 2")
    for old, new in changes.items():
        text = text.replace(old, new)
    file = folder / "c.toml"
    file.write_text(text)
    return file


def started(folder: Path, *options: str, **config: object) -> subprocess.Popen[str]:
    config = {"campaign": "c.toml", "shards": 2, "program": PROGRAM, **config}
    words = [
        SNAKEMAKE,
        "--snakefile",
        JOBS / "Snakefile",
        "--cores",
        2,
        "--nocolor",
        *options,
    ]
    words += ["--config", *(f"{name}={value}" for name, value in config.items())]
    return subprocess.Popen(
        [str(word) for word in words], cwd=folder, env={**os.environ, **ENVIRONMENT}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def snakemake(folder: Path, *options: str, status: int = 0, **config: object) -> str:
    """What it says."""
    process = started(folder, *options, **config)
    try:
        said, _ = process.communicate(timeout=240 * PATIENCE)
    except BaseException:
        kill(process)
        raise
    logs = "\n".join(log.read_text() for log in folder.glob("c*/shards/*.log"))
    assert process.returncode == status, said + logs
    return said


def records(store: Path) -> dict[str, dict]:
    lines = (store / "results.jsonl").read_text().splitlines()
    found = {record["key"]: record for record in map(json.loads, lines)}
    assert len(found) == len(lines)  # nothing was computed twice
    return found


def test_shards_of_two_ranks_are_one_run(tmp_path):
    """What they compute, to the last record, is what `hpcbbp run` does; a second call has nothing to do."""
    campaign(tmp_path)
    snakemake(tmp_path)
    assert run("run", "c.toml", "--out", "alone", ranks=2, cwd=tmp_path).returncode == 0
    found, alone = records(tmp_path / "c"), records(tmp_path / "alone")
    assert found.keys() == alone.keys() and len(found) == 4
    for key, record in found.items():
        assert record["eigenvalues"] == pytest.approx(alone[key]["eigenvalues"], rel=1e-6)
        assert record["ranks"] == 2
    stores = [records(tmp_path / "c" / "shards" / f"{shard}-of-2") for shard in (1, 2)]
    assert len(stores[0]) == len(stores[1]) == 2 and not stores[0].keys() & stores[1].keys()
    assert (tmp_path / "c" / "report.html").exists() and (tmp_path / "c" / "tables" / "curves.csv").exists()
    assert "Nothing to be done" in snakemake(tmp_path)


ENDS_EARLY_ONCE = """#!/bin/bash
{program} "$@" || exit
[ "$1" = run ] && [ ! -e was-here ] && touch was-here && exit {status}
exit 0
"""


@pytest.mark.parametrize("status", [75, 1])
def test_what_ends_early_is_started_again_and_more_seeds_are_added(tmp_path, status):
    program = tmp_path / "program"
    program.write_text(ENDS_EARLY_ONCE.format(program=PROGRAM, status=status))
    program.chmod(0o755)
    file = campaign(tmp_path, **{"ranks_per_instance = 2": ""})
    told = snakemake(tmp_path, program="./program", shards=3)
    assert told.count("Trying to restart") == 1
    before = records(tmp_path / "c")
    assert len(before) == 4
    file.write_text(file.read_text().replace("seeds = 2", "seeds = 3"))
    snakemake(tmp_path, program="./program", shards=3)
    after = records(tmp_path / "c")
    assert len(after) == 6 and all(after[key] == record for key, record in before.items())


def test_a_store_of_its_own_is_not_touched_by_a_failure(tmp_path):
    """One shard fails for good: the others are computed, what was there stays, and nothing is called whole."""
    file = campaign(tmp_path, **{"ranks_per_instance = 2": ""})
    assert run("run", file.name, "--shard", "1/2", cwd=tmp_path).returncode == 0
    (tmp_path / "c" / "results.jsonl").write_text("")
    store = tmp_path / "c" / "shards" / "1-of-2" / "results.jsonl"
    was = store.read_bytes()
    (tmp_path / "c" / "shards" / "2-of-2").write_text("no folder")
    told = snakemake(tmp_path, "--keep-going", status=1, retries=1)
    assert told.count("Trying to restart") == 1
    assert "hpcbbp: error:" in (tmp_path / "c" / "shards" / "2-of-2.log").read_text()
    assert store.read_bytes() == was and (tmp_path / "c" / "results.jsonl").exists()
    assert (tmp_path / "c" / "shards" / "1-of-2.done").exists()
    assert not (tmp_path / "c" / "shards" / "collected").exists()


def test_bad_input_starts_no_shard(tmp_path):
    campaign(tmp_path, **{"a = 1.5": "a = -1.5"})
    told = snakemake(tmp_path, status=1)
    assert "hpcbbp: error: c.toml" in told and "Trying to restart" not in told
    assert not list(tmp_path.glob("c/shards/*.log"))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"campaign": "none.toml"}, "none.toml"),
        ({"shards": 0}, "shards = 0"),
        ({"ranks": -1}, "ranks = -1"),
        ({"retries": "often"}, "retries = often: a whole number"),
        ({"wall_time": "1h"}, "wall_time = 1h"),
    ],
)
def test_what_is_refused_before_anything_is_done(tmp_path, config, words):
    campaign(tmp_path)
    assert words in snakemake(tmp_path, status=1, **config)
    assert not (tmp_path / "c").exists()


def test_a_killed_workflow_goes_on(tmp_path):
    """Kill -9 of all that runs; nothing that was recorded is lost or computed twice."""
    campaign(tmp_path, **{"ranks_per_instance = 2": "", "seeds = 2": "seeds = 30", "n = 150": "n = 400"})
    process = started(tmp_path)
    store = tmp_path / "c" / "shards" / "1-of-2" / "results.jsonl"
    end = time.monotonic() + 120 * PATIENCE
    while not store.exists() or store.read_bytes().count(b"\n") < 3:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)
    kill(process)
    process.communicate()
    kept = store.read_bytes().splitlines()[:3]
    snakemake(tmp_path, "--unlock")
    snakemake(tmp_path, "--rerun-incomplete")
    assert store.read_bytes().splitlines()[:3] == kept
    assert len(records(tmp_path / "c")) == 60
