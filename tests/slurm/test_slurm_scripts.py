"""Job scripts as text: resources from estimates, what is refused, and that those in jobs/ are what is rendered."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace

import pytest
from commands import answer, error_lines, run
from job_scripts import CAMPAIGN, JOBS

from hpcbbp.campaign.job import open_campaign
from hpcbbp.campaign.shards import Shard
from hpcbbp.campaign.spec import load_campaign
from hpcbbp.cli.slurm import bytes_of
from hpcbbp.errors import InputError
from hpcbbp.slurm.script import solve_words
from hpcbbp.slurm.sizes import JobRequest, seconds_of, sizes, slurm_time


@pytest.fixture
def work(tmp_path):
    def made(n: object = 200, method: str = "stored", change=lambda text: text):
        file = tmp_path / "c.toml"
        file.write_text(change(CAMPAIGN.format(n=n, method=method)))
        return open_campaign(load_campaign(file), tmp_path / "c")

    return made


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 5400),
        ("2:30", 150),
        ("12:00:00", 43200),
        ("1-0", 86400),
        ("1-02:03:04", 93784),
        ("12 h", 43200),
        ("90 min", 5400),
    ],
)
def test_times_are_read_as_slurm_does(text, seconds):
    assert seconds_of(text) == seconds
    assert seconds_of(slurm_time(seconds)) == pytest.approx(seconds, abs=60)


@pytest.mark.parametrize(
    "text",
    ["soon", "0", "-3", "1:2:3:4", "30 s", "", "9.9.9 h", ". h", "9" * 5000, "9" * 5000 + " h", "1e300 h",
     "999999999 d", "9" * 400, "١٢:00:00"],
)  # fmt: skip
def test_other_times_are_refused(text):
    with pytest.raises(InputError, match="--time") as caught:
        seconds_of(text)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("text", ["much", "0G", "9.9.9G", ".G", "-1G", "9" * 5000 + "G", "1", ""])
def test_other_memories_are_refused(text):
    with pytest.raises(InputError, match="--node-memory") as caught:
        bytes_of(text)
    assert len(str(caught.value)) < 400


def test_memory_time_and_signal_come_from_the_estimates(work):
    small, large = work(200), work(20000)
    request = JobRequest(ntasks_per_node=2)
    few, many = sizes(small, request), sizes(large, request)
    assert many.memory_mib > few.memory_mib + 1000  # 4.8 GB of X between two ranks
    assert many.time > few.time
    assert many.lead > few.lead == 120
    assert sizes(large, JobRequest(nodes=4, ntasks_per_node=2)).left < many.left
    assert sizes(small, JobRequest(ntasks_per_node=2, time=7200.0)).time == 7200


def test_long_deferred_instances_need_time_to_keep_their_state(work):
    long = work("1e8", "deferred", lambda text: text.replace("seeds = 4", 'seeds = 4\nstorage = "int16"'))
    found = sizes(long, JobRequest(ntasks_per_node=2, time=1200.0))  # longer than a job, but it goes on
    assert found.longest > 1200
    assert found.lead > 120


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nodes": 0}, "--nodes 0: at least 1"),
        ({"ntasks_per_node": 3}, "ranks_per_instance = 2 does not divide 3"),
        ({"kind": "solo"}, "one of campaign, array"),
        ({"kind": "solve"}, "a campaign of one instance"),
        ({"kind": "array", "tasks": 9}, "8 instances"),
        ({"tasks": 2}, "--as array"),
        ({"launcher": "ssh"}, "srun or mpirun"),
        ({"nodes": 10**400}, "--nodes '1000"),
        ({"ntasks_per_node": 10**9}, "--ntasks-per-node 1000000000: at least 1"),
        ({"requeues": -1}, "--requeues"),
        ({"requeues": 10**400}, "--requeues '1000"),
        ({"kind": "array", "tasks": 10**400}, "--tasks '1000"),
        ({"binds": ["/x"]}, "--container"),
        ({"node_memory": 2.0**29}, "do not fit in --node-memory"),
        ({"time": 60.0}, "allow 00:0"),
    ],
)
def test_impossible_resources_are_refused(work, change, message):
    with pytest.raises(InputError, match=re.escape(message)):
        sizes(work(), JobRequest(**{"ntasks_per_node": 2, **change}))


def test_a_time_limit_shorter_than_an_instance_is_refused(work):
    long = work(30000, "dense")  # the one method that cannot be stopped
    with pytest.raises(InputError, match="the longest instance takes about"):
        sizes(long, JobRequest(ntasks_per_node=2, time=600.0))


def test_a_solve_of_its_own_says_all_about_its_model(work):
    def other(text):
        more = 'activation = "tanh"\nloss = "square"\nnoise = "gaussian:0.2"\n'
        return text.replace("a = 1.5\n", more).replace("[2.0, 3.0]", "2.5").replace("seeds = 4", "seeds = '7..7'")

    point = work(change=other).points[0]
    words = " ".join(solve_words(point))
    assert words == (
        "solve -n 200 -p 1 --p-star 1 --alpha 2.5 --seed 7 --nev 1 --tol 1e-06 --storage float32 --method stored "
        "--activation tanh --loss square --noise gaussian:0.2"
    )
    with pytest.raises(InputError, match="the instance is a descent, which hpcbbp descend goes"):
        solve_words(replace(point, descent="steps=3"))


def test_shards_share_the_points_fairly_and_always_alike(work):
    points = work([100, 200, 400]).points
    shards = [Shard(i, 5).of(points) for i in range(1, 6)]
    assert sorted(point.key for shard in shards for point in shard) == sorted(point.key for point in points)
    assert max(map(len, shards)) - min(map(len, shards)) <= 1
    assert [Shard(i, 5).of(points[::-1]) for i in range(1, 6)] == shards
    for text in ("0/3", "4/3", "3", "a/b", "1/0", "9" * 5000 + "/3", "1/" + "9" * 5000):
        with pytest.raises(InputError, match="--shard"):
            Shard.parse(text)


@pytest.mark.launcher
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("campaign", "--nodes 2 --ntasks-per-node 32"),
        ("array", "--as array --tasks 20 --ntasks-per-node 16"),
        ("collect", "--as collect"),
        ("solve", "--as solve --nodes 2 --ntasks-per-node 32"),
        ("deferred", "--nodes 4 --ntasks-per-node 32 --time 12:00:00"),
        ("apptainer", "--nodes 2 --ntasks-per-node 32 --container hpcbbp.sif"),
    ],
)
def test_the_scripts_in_jobs_are_what_the_command_renders(tmp_path, script, words):
    shutil.copytree(JOBS, tmp_path / "jobs")
    file = {"collect": "array", "apptainer": "campaign"}.get(script, script)
    done = run("slurm", f"jobs/{file}.toml", *words.split(), "--program", ".venv/bin/hpcbbp", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    stored = JOBS / f"{script}.sbatch"
    assert done.stdout == stored.read_text(), f"render {stored.name} again"
    assert subprocess.run(["bash", "-n", stored], check=False).returncode == 0


@pytest.mark.launcher
def test_options_reach_the_script(tmp_path):
    shutil.copy(JOBS / "campaign.toml", tmp_path)
    told = answer(
        "slurm", tmp_path / "campaign.toml", "--ntasks-per-node", 4, "--account", "phys", "--partition", "long",
        "--module", "openmpi/4.1", "--module", "petsc", "--sbatch", "--exclusive",
        "--container", "h.sif", "--bind", "/scratch",
        "--launcher", "mpirun", "--requeues", 0, "--out", tmp_path / "r",
    )  # fmt: skip
    for line in (
        "#SBATCH --account=phys", "#SBATCH --partition=long", "module load openmpi/4.1", "module load petsc",
        "#SBATCH --exclusive", "#SBATCH --no-requeue",
    ):  # fmt: skip
        assert f"{line}" in told["script"]
    assert 'mpirun -n 4 apptainer exec --bind "$PWD" --pwd "$PWD" --bind /scratch h.sif hpcbbp' in told["script"]
    assert "requeue()" not in told["script"]


@pytest.mark.launcher
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.toml"], "cannot be read"),
        (["campaign.toml", "--node-memory", "much"], "--node-memory much"),
        (["campaign.toml", "--time", "never"], "--time never"),
        (["campaign.toml", "--nodes", "0"], "--nodes 0"),
        (["campaign.toml", "--out", "campaign.toml/x"], "cannot be written"),
        (["campaign.toml", "--module", "a\nb", "--ntasks-per-node", "4"], "one line"),
    ],
)
def test_bad_input_is_one_line(tmp_path, words, message):
    shutil.copy(JOBS / "campaign.toml", tmp_path)
    done = run("slurm", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = error_lines(done)
    assert message in line


def test_a_task_of_an_array_requeues_itself_alone(tmp_path):
    """$SLURM_JOB_ID of the task that carries the array's number would be the whole array."""
    text = (JOBS / "array.sbatch").read_text()
    assert 'scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"' in text
    assert 'requeue "$SLURM_JOB_ID"' not in text
    assert 'scontrol requeue "$SLURM_JOB_ID"' in (JOBS / "campaign.sbatch").read_text()
