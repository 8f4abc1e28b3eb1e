"""A job script near its time limit, run by bash with a stand-in for Slurm: what it starts ends with it."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from job_scripts import JOBS

SCRIPT = JOBS / "campaign.sbatch"
pytestmark = pytest.mark.launcher

# The launched program: says that it is under way; ends a second after the signal, or never.
LAUNCHER = """#!/bin/bash
trap '{on_signal}' USR1
touch under-way
for _ in $(seq 600); do sleep 0.1; done
"""
# Slurm: notes what it is asked, and ends the script's start as it would (without cgroups: what is its child).
SCONTROL = """#!/bin/bash
echo "$*" >> asked
kill -KILL $(cat script.pid)
kill -TERM $(cat launcher.pid) 2>/dev/null
exit 0
"""


def staged(folder: Path, on_signal: str, last: float) -> subprocess.Popen[bytes]:
    """The script of jobs/ under way, its last resort some seconds after the signal."""
    programs = folder / "bin"
    programs.mkdir()
    launcher = LAUNCHER.format(on_signal=on_signal).replace("touch", "echo $$ > launcher.pid; touch")
    for name, text in {"srun": launcher, "scontrol": SCONTROL}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    text = re.sub(r"sleep 211 &", f"sleep {last:g} &", SCRIPT.read_text())
    text = text.replace(".venv/bin/hpcbbp", "true")
    script = folder / "job.sbatch"
    script.write_text(text)
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n1"}
    with (folder / "log").open("wb") as log:
        job = subprocess.Popen(["bash", str(script)], cwd=folder, env=environment, stdout=log, stderr=log)
    (folder / "script.pid").write_text(str(job.pid))
    wait_for(folder / "under-way")
    return job


def wait_for(file: Path, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not file.exists():
        assert time.monotonic() < end, f"{file.name} did not come"
        time.sleep(0.05)


def of(folder: Path) -> list[psutil.Process]:
    """What still runs in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:  # gone, or another user's
            continue
    return found


def test_a_job_that_ends_after_its_signal_leaves_no_timer(tmp_path):
    """A last resort that outlived its job would put a finished job back into the queue."""
    job = staged(tmp_path, "sleep 0.5; exit 0", last=1e4)
    job.send_signal(10)
    assert job.wait(60) == 0, (tmp_path / "log").read_text()
    _, alive = psutil.wait_procs(of(tmp_path), timeout=10)
    assert not alive, [process.cmdline() for process in alive]
    assert not (tmp_path / "asked").exists()


def test_the_last_resort_ends_once_it_has_acted(tmp_path):
    """Slurm ends the script, and without cgroups nothing that has lost its parent: a sleep would stay for minutes."""
    job = staged(tmp_path, ":", last=1)
    job.send_signal(10)
    job.wait(60)
    assert (tmp_path / "asked").read_text().split() == ["requeue", "7"]
    _, alive = psutil.wait_procs(of(tmp_path), timeout=10)
    assert not alive, [process.cmdline() for process in alive]
