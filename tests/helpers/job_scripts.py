"""Job scripts: where those of the repository lie, and a campaign to make others of."""

from __future__ import annotations

import json
from pathlib import Path

from commands import ROOT, run

JOBS = ROOT / "jobs"

CAMPAIGN = """
name = "c"
ranks_per_instance = 2
[[grid]]
p = 1
a = 1.5
alpha = [2.0, 3.0]
n = {n}
seeds = 4
method = "{method}"
"""

SMALL = """
name = "{name}"
ranks_per_instance = {ranks}
{more}
[[grid]]
p = {p}
a = 1.5
alpha = {alpha}
n = {n}
seeds = {seeds}
method = "{method}"
"""


def small_campaign(folder: Path, name: str, **values: object) -> Path:
    values = {"ranks": 1, "more": "", "p": 1, "alpha": 3.0, "n": 200, "seeds": 4, "method": "stored", **values}
    file = folder / f"{name}.toml"
    file.write_text(SMALL.format(name=name, **values))
    return file


def rendered(folder: Path, file: Path, *options: object) -> Path:
    """The job script of `hpcbbp slurm`, as a user writes it."""
    done = run("slurm", file.name, *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    script = folder / f"{file.stem}-{len(list(folder.glob('*.sbatch')))}.sbatch"
    script.write_text(done.stdout)
    return script


def records(store: Path) -> list[dict]:
    return [json.loads(line) for line in (store / "results.jsonl").read_text().splitlines()]
