"""On a real Slurm that the test starts: operators of the user's own, and what sacct says of jobs afterwards."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest
from commands import run
from job_scripts import rendered, small_campaign
from slurm_cluster import Cluster, accounts, usable, wait_for

pytestmark = [pytest.mark.slurm, pytest.mark.skipif(bool(usable()), reason=usable() or "no reason")]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("accounting"), accounting=not accounts()) as started:
        yield started


OPERATOR = """
import numpy as np
from hpcbbp.operators import summed_operator


def made(group):
    mine = group.owned(2000)
    d = np.linspace(1, 9, 2000)
    d[: mine.start] = d[mine.stop :] = 0
    return summed_operator(lambda v: d * v, 2000, group, name="diagonal")
"""


def test_an_operator_of_one_s_own(cluster, tmp_path):
    (tmp_path / "mine.py").write_text(OPERATOR)
    words = ("--operator", "mine:made", "--time", 10, "--memory-per-rank", "1G", "--ntasks-per-node", 2)
    done = run("slurm", *words, "--", "--nev", 2, "--which", "both", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (tmp_path / "made.sbatch").write_text(done.stdout)
    job = cluster.submit(tmp_path / "made.sbatch", cwd=tmp_path)
    cluster.ended(120)
    assert cluster.states(job) == ["COMPLETED"], (tmp_path / "made.log").read_text()
    found = json.loads((tmp_path / "made" / "solve.json").read_text())
    d = np.linspace(1, 9, 2000)
    assert found["eigenvalues"] == pytest.approx([d[0], d[1], d[-1], d[-2]], rel=1e-7)
    assert found["provenance"]["ranks"] == 2


@pytest.mark.skipif(bool(accounts()), reason=accounts() or "no reason")
@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_accounts_beside_the_estimates(cluster, tmp_path, launcher):
    """By sacct, of a Slurm with a database of its own."""
    file = small_campaign(tmp_path, "counted", n=1500, seeds=6, p=2)
    words = ("--ntasks-per-node", 2, "--launcher", launcher, "--time", 10)
    job = cluster.submit(rendered(tmp_path, file, *words), cwd=tmp_path)
    cluster.ended(120)
    assert (tmp_path / "counted" / "results.jsonl").exists(), (tmp_path / "counted.log").read_text()

    def known() -> bool:
        return "COMPLETED" in cluster.run("sacct", "-n", "-j", job, "-o", "State", check=False)

    def accounting(job: str) -> subprocess.CompletedProcess[str]:
        where = {"SLURM_CONF": cluster.environment["SLURM_CONF"]}
        return run("accounting", "counted.toml", job, "--json", cwd=tmp_path, **where)

    wait_for(known, 60, "accounts")
    told, other = accounting(job), accounting("99")
    assert other.returncode == 2 and "sacct --jobs 99: no such job" in other.stderr
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    (start,) = found["starts"]
    assert (start["job"], start["state"], start["cpus"], start["limit"]) == (job, "COMPLETED", 2, 600)
    assert found["instances"] == 6 and found["longest"] <= found["seconds"] + 1
    assert 5e7 < found["memory"] < found["memory_asked"] < 2e9  # MPI, PETSc and 36 MB of X
    assert 0 < found["cpu_share"] and found["seconds_estimated"] > 0
