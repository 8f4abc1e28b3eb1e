"""Job scripts on a real Slurm that the test starts: states, exit codes, results; requeue, arrays, two nodes."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from commands import answer, run
from job_scripts import records, rendered, small_campaign
from slurm_cluster import Cluster, usable, wait_for

pytestmark = [pytest.mark.slurm, pytest.mark.skipif(bool(usable()), reason=usable() or "no reason")]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("slurm")) as started:
        yield started


# One minute is the shortest time limit that Slurm knows; scripts are rendered for longer ones.
SHORT = ("--time=1", "--signal=B:USR1@45")


def shortened(script: Path, *dropped: str, wall_time: int = 15) -> Path:
    """A job script for the time limit of a minute: its own numbers of seconds, and without what is to fail."""
    text = re.sub(r"sleep \d+ &", "sleep 12 &", script.read_text())
    text = re.sub(r"--wall-time \d+", f"--wall-time {wall_time}", text)
    for pattern in dropped:
        assert re.search(pattern, text), pattern
        text = re.sub(pattern, "", text)
    script.write_text(text)
    return script


@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_a_campaign_and_a_solve_on_two_ranks(cluster, tmp_path, launcher):
    file = small_campaign(tmp_path, "small", ranks=1)
    job = cluster.submit(
        rendered(tmp_path, file, "--ntasks-per-node", 2, "--launcher", launcher, "--time", 10), cwd=tmp_path
    )
    single = small_campaign(tmp_path, "single", n=600, seeds='"0..0"', p=2)
    solve = cluster.submit(
        rendered(tmp_path, single, "--as", "solve", "--ntasks-per-node", 2, "--launcher", launcher), cwd=tmp_path
    )
    cluster.ended(120)
    log = (tmp_path / "small.log").read_text()
    assert cluster.states(job) == ["COMPLETED"], log
    assert "exit code 0" in log and "warning" not in log
    assert len(records(tmp_path / "small")) == 4
    assert cluster.states(solve) == ["COMPLETED"], (tmp_path / "single.log").read_text()
    found = json.loads((tmp_path / "single" / "solve.json").read_text())
    alone = answer(
        "solve", "-n", 600, "-p", 2, "-a", 1.5, "--alpha", 3, "--nev", 2, "--tol", 1e-6, "--storage", "float32"
    )
    assert found["converged"] == 2
    assert found["eigenvalues"] == pytest.approx(alone["eigenvalues"], abs=1e-5)


WALL_TIME, FORWARD = r" --wall-time \d+", r'kill -USR1 "\$launched" 2>/dev/null'


def test_a_job_that_reaches_its_time_limit_goes_back_and_on(cluster, tmp_path):
    """By its own clock, by Slurm's signal, and where nothing stops it, by the last resort."""
    jobs = {}
    for name, dropped in (("walltime", ()), ("signal", (WALL_TIME,)), ("last", (WALL_TIME, FORWARD))):
        file = small_campaign(tmp_path, name, n=1500, seeds=80, p=2)
        script = shortened(rendered(tmp_path, file, "--time", 10), *dropped)
        jobs[name] = cluster.submit(script, *SHORT, cwd=tmp_path)
    hurry(cluster)
    for name, job in jobs.items():
        log = (tmp_path / f"{name}.log").read_text()
        assert len(re.findall(r", start \d+, on", log)) >= 2, log
        assert "back into the queue" in log
        assert cluster.states(job)[-1] == "COMPLETED", log
        done = records(tmp_path / name)
        assert len(done) == len({record["key"] for record in done}) == 80
        assert not any("failed" in record for record in done)
        assert (f"{name}: exit code 75" in log) == (name != "last"), log
        assert ("the time limit is near" in log) or name == "walltime", log


def test_a_checkpointed_solve_goes_on_after_the_time_limit(cluster, tmp_path):
    """As the template of N = 10^8, at a size for two cores: one instance, longer than its job."""
    file = small_campaign(
        tmp_path, "deferred", ranks=2, more="checkpoint_every = 0", n=250000, seeds='"0..0"', p=2, method="deferred"
    )
    script = shortened(rendered(tmp_path, file, "--time", 10))
    job = cluster.submit(script, *SHORT, cwd=tmp_path)
    hurry(cluster)
    log = (tmp_path / "deferred.log").read_text()
    assert "goes on from" in log and "back into the queue" in log, log
    assert cluster.states(job)[-1] == "COMPLETED"
    (record,) = records(tmp_path / "deferred")
    assert record["converged"] == record["nev"]
    assert not list((tmp_path / "deferred" / "checkpoints").iterdir())


def test_a_stored_solve_of_its_own_goes_on_after_the_time_limit(cluster, tmp_path):
    """At a restart of SLEPc's; what is there when the limit is near is kept."""
    file = small_campaign(tmp_path, "long", n=2500, seeds='"3..3"', more="")
    file.write_text(file.read_text() + "nev = 300\ntol = 1e-12\n")
    script = shortened(rendered(tmp_path, file, "--as", "solve", "--ntasks-per-node", 2, "--time", 10))
    assert "--checkpoint long/state" in script.read_text()
    job = cluster.submit(script, *SHORT, cwd=tmp_path)
    hurry(cluster)
    log = (tmp_path / "long.log").read_text()
    assert "goes on from" in log and "back into the queue" in log and "exit code 75" in log, log
    assert cluster.states(job)[-1] == "COMPLETED", log
    found = json.loads((tmp_path / "long" / "solve.json").read_text())
    assert found["converged"] == found["nev"] == 300 and found["provenance"]["resumed"] > 0
    assert not (tmp_path / "long" / "state").exists()


def test_a_failing_task_of_an_array_hurts_no_other_and_is_alone_resubmitted(cluster, tmp_path):
    file = small_campaign(tmp_path, "shards", seeds=30, n=[200, 300])
    script = rendered(tmp_path, file, "--as", "array", "--tasks", 3, "--time", 10)
    assert "--array=1-3\n" in script.read_text()
    (tmp_path / "shards" / "shards").mkdir(parents=True)
    (tmp_path / "shards" / "shards" / "2-of-3").write_text("not a folder")
    first = cluster.submit(script, cwd=tmp_path)
    collect = rendered(tmp_path, file, "--as", "collect")
    cluster.ended(120)
    assert sorted(cluster.states(first)) == ["COMPLETED", "COMPLETED", "FAILED"]
    assert "hpcbbp: error:" in (tmp_path / "shards-2.log").read_text()
    (tmp_path / "shards" / "shards" / "2-of-3").unlink()

    again = rendered(tmp_path, file, "--as", "array", "--tasks", 3, "--time", 10)
    assert "--array=2\n" in again.read_text()
    second = cluster.submit(again, cwd=tmp_path)
    merged = cluster.submit(collect, f"--dependency=afterany:{second}", cwd=tmp_path)
    cluster.ended(180)
    log = (tmp_path / "shards-collect.log").read_text()
    assert cluster.states(second) == ["COMPLETED"]
    assert cluster.states(merged) == ["COMPLETED"], log
    whole = records(tmp_path / "shards")
    assert len(whole) == len({record["key"] for record in whole}) == 60
    assert (tmp_path / "shards" / "report.html").exists(), log
    done = run("slurm", file.name, "--as", "array", "--tasks", 3, cwd=tmp_path)
    assert done.returncode == 2 and "nothing of shards is missing" in done.stderr


ENDS_EARLY_ONCE = """#!/bin/bash
[ "$1" = plan ] && exit 0
if [ "$SLURM_ARRAY_JOB_ID" != "$SLURM_JOB_ID" ]; then
    until [ -e over ]; do sleep 0.2; done
elif [ "${SLURM_RESTART_COUNT:-0}" = 0 ]; then
    until [ "$(ls *.log | wc -l)" = 2 ]; do sleep 0.2; done # the other task is under way
    exit 75
else
    touch over
fi
"""


def test_a_task_that_goes_back_into_the_queue_leaves_the_others_alone(cluster, tmp_path):
    """The task whose number of a job is that of the whole array ends early while another one is computing."""
    program = tmp_path / "ends early"
    program.write_text(ENDS_EARLY_ONCE)
    program.chmod(0o755)
    file = small_campaign(tmp_path, "siblings")
    words = ("--as", "array", "--tasks", 2, "--time", 10, "--launcher", "mpirun", "--account", "phys & co")
    script = rendered(tmp_path, file, *words, "--program", program)
    job = cluster.submit(script, cwd=tmp_path)
    assert "Account=phys & co " in cluster.run("scontrol", "show", "job", job)
    hurry(cluster)
    logs = {task: (tmp_path / f"siblings-{task}.log").read_text() for task in (1, 2)}
    starts = {task: re.findall(r": job (\d+), start (\d+)", log) for task, log in logs.items()}
    (again,) = [task for task, found in starts.items() if found[0][0] == job]  # it carries the array's number
    assert [start for _, start in starts[again]] == ["1", "2"], logs
    assert [start for _, start in starts[3 - again]] == ["1"], logs
    assert logs[again].count("back into the queue") == 1 and "exit code 75" in logs[again]
    states = cluster.states(job)  # of three starts
    assert len(states) == 3 and states.count("COMPLETED") == 2


def test_a_container_is_called_with_what_it_needs(cluster, tmp_path, monkeypatch):
    """No Apptainer is to be had here: a stand-in checks how it is called, and runs what it is told to."""
    stand_in = tmp_path / "bin" / "apptainer"
    stand_in.parent.mkdir()
    stand_in.write_text(
        '#!/bin/bash\n[ "$1 $2 $3 $4 $5" = "exec --bind $PWD --pwd $PWD" ] && [ "$6" = hpcbbp.sif ] || exit 9\n'
        'shift 6\nexec "$@"\n'
    )
    stand_in.chmod(0o755)
    import sys

    path = f"{stand_in.parent}:{Path(sys.executable).parent}:{cluster.environment['PATH']}"
    monkeypatch.setitem(cluster.environment, "PATH", path)
    file = small_campaign(tmp_path, "contained")
    script = rendered(tmp_path, file, "--container", "hpcbbp.sif", "--time", 10, "--ntasks-per-node", 2)
    job = cluster.submit(script, cwd=tmp_path)
    cluster.ended(120)
    assert cluster.states(job) == ["COMPLETED"], (tmp_path / "contained.log").read_text()
    assert len(records(tmp_path / "contained")) == 4


def hurry(cluster: Cluster) -> None:
    """Wait for jobs to end; requeued ones wait two minutes by Slurm's default, which a test need not."""

    def over() -> bool:
        for line in cluster.run("squeue", "-h", "-o", "%i %r", check=False).splitlines():
            job, _, reason = line.partition(" ")
            if reason == "BeginTime":
                time.sleep(3.0)  # the nodes are done with the last start
                cluster.run("scontrol", "update", f"JobId={job}", "StartTime=now", check=False)
        return not cluster.run("squeue", "-h")

    wait_for(over, 500, "the jobs")


class TestTwoNodes:
    """A second Slurm, with two nodes: two slurmd in network namespaces of their own."""

    @pytest.mark.parametrize("launcher", ["srun", "mpirun"])
    def test_one_solve_across_both(self, tmp_path, tmp_path_factory, launcher):
        with Cluster(tmp_path_factory.mktemp("two"), nodes=2) as two:
            file = small_campaign(tmp_path, "across", n=600, seeds='"0..0"', p=2, ranks=2)
            script = rendered(
                tmp_path, file, "--nodes", 2, "--launcher", launcher, "--ntasks-per-node", 1, "--time", 10
            )
            program = re.findall(r"(\S+hpcbbp) ", script.read_text())[-1]
            probe = tmp_path / "probe.sbatch"
            probe.write_text(
                "#!/bin/bash\n#SBATCH --nodes=2 --ntasks-per-node=1 --time=5 --output=probe.json\n"
                f"export OMP_NUM_THREADS=1\n{'srun --mpi=pmix' if launcher == 'srun' else 'mpirun -n 2'} "
                f"{program} info --json\n"
            )
            job = two.submit(script, cwd=tmp_path)
            two.submit(probe, cwd=tmp_path)
            two.ended(120)
            log = (tmp_path / "across.log").read_text()
            assert two.states(job) == ["COMPLETED"], log
        (record,) = records(tmp_path / "across")
        assert record["ranks"] == 2 and record["converged"] == record["nev"]
        text = (tmp_path / "probe.json").read_text()
        told = json.loads(text[text.index("{") :])
        assert told["ranks"] == 2 and told["ranks_on_this_node"] == 1 and told["traps"] == []
