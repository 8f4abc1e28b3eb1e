"""What sacct says of jobs beside the plan's estimates: read, added up, refused; on a real Slurm in test_slurm.py."""

from __future__ import annotations

import json

import pytest
from commands import answer, error_lines, run
from damage import damaged, read_or_refused
from fuzzing import fuzzed
from hypothesis import given
from hypothesis import strategies as st
from job_scripts import CAMPAIGN

from hpcbbp.campaign.cost import memory_needed, model_seconds
from hpcbbp.campaign.job import open_campaign
from hpcbbp.campaign.spec import load_campaign
from hpcbbp.errors import InputError
from hpcbbp.slurm.accounting import FIELDS, check_jobs, starts_of

# Of Slurm 22.05: a job by srun that was requeued, its second start by srun and then by mpirun.
REQUEUED = """1|REQUEUED|1795904468|1795904474|6|5|00:12.631|2||1000M|
1.batch|CANCELLED|1795904468|1795904474|6||00:00.027|2|1||13332480
1.0|COMPLETED|1795904468|1795904474|6||00:12.603|2|2||213815296
1|COMPLETED|1795904479|1795904490|11|5|00:13.128|2||1000M|
1.batch|COMPLETED|1795904479|1795904490|11||00:00.814|2|1||443559936
1.0|COMPLETED|1795904479|1795904485|6||00:12.313|2|2||213807104
"""
OTHERS = """7_1|CANCELLED by 0|1795904468|Unknown|6|UNLIMITED|1-02:03:04|4||2Gn|
7_1.batch|RUNNING|1795904468|Unknown|6||03:04.5|4|1||400M
7_2|PENDING|Unknown|Unknown|0|60|00:00:00|0||0|
7_[3-9%2]|PENDING|Unknown|Unknown|0|60|00:00:00|0||0|
8+1|PENDING|Unknown|Unknown|0|60|00:00:00|0||0|
"""


def test_starts_of_jobs():
    first, second = starts_of(REQUEUED)
    assert (first.job, first.state, second.state) == ("1", "REQUEUED", "COMPLETED")
    assert (first.begin, first.end, first.seconds, first.limit) == (1795904468, 1795904474, 6, 300)
    assert first.cpu_seconds == pytest.approx(12.631) and first.cpus == 2
    assert first.memory == 213815296 and first.memory_asked == 500 * 2**20
    assert second.had(1795904480) and not second.had(1795904470)
    running, pending, *more = starts_of(OTHERS)
    assert [one.job for one in more] == ["7_[3-9%2]", "8+1"]  # tasks that wait; a part of a heterogeneous job
    assert running.state == "CANCELLED" and running.end is None and running.limit is None and running.had(2e9)
    assert running.cpu_seconds == 93784 and running.memory == 100 * 2**20 and running.memory_asked == 2**29
    assert pending.begin is None and pending.memory is None and not pending.had(2e9)


@pytest.mark.parametrize(
    "text", ["1|COMPLETED\n", "hello\n", "1.batch" + "|" * (len(FIELDS) - 1), "x" + "|" * (len(FIELDS) - 1)]
)
def test_what_is_no_answer_of_sacct(text):
    with pytest.raises(InputError, match="line 1 of sacct"):
        starts_of(text)


@pytest.mark.fuzz
@fuzzed(300)
@given(st.data())
def test_damage_is_refused_or_read(data):
    text = data.draw(damaged((REQUEUED + OTHERS).encode())).decode(errors="replace")
    found = read_or_refused(lambda: starts_of(text))
    assert isinstance(found, InputError) or all(one.seconds >= 0 and one.cpus >= 1 for one in found)


@pytest.mark.parametrize("job", ["", "x", "1;2", "1_", "-1", "1.0"])
def test_what_is_no_number_of_a_job(job):
    with pytest.raises(InputError, match="number of a job"):
        check_jobs([job])


@pytest.fixture
def campaign(tmp_path):
    """A campaign of eight instances, run, and when these began."""
    file = tmp_path / "c.toml"
    file.write_text(CAMPAIGN.format(n=60, method="stored"))
    assert run("run", file, "--out", tmp_path / "c", ranks=2).returncode == 0
    work = open_campaign(load_campaign(file), tmp_path / "c")
    return file, work, sorted(record.begin for record in work.records.values())


def test_beside_the_estimates(campaign):
    file, work, begins = campaign
    start, end = int(begins[0]), int(begins[-1]) + 1
    lines = REQUEUED.splitlines()[3:]
    text = "\n".join(lines).replace("1795904479", str(start)).replace("1795904490", str(end)) + "\n"
    (file.parent / "sacct.txt").write_text(text)
    found = answer("accounting", file, 1, "--out", file.parent / "c", "--sacct", file.parent / "sacct.txt")
    points = [record.point for record in work.records.values()]
    assert found["instances"] == 8 and found["seconds"] == 11
    assert found["longest_estimated"] == pytest.approx(max(model_seconds(point, 2) for point in points))
    assert found["seconds_estimated"] == pytest.approx(sum(model_seconds(point, 2) for point in points))
    assert found["memory_estimated"] == max(memory_needed(point, 2) for point in points)
    assert found["memory"] == 213807104 and found["memory_asked"] == 500 * 2**20
    assert found["cpu_share"] == pytest.approx(13.128 / 22)
    assert found["longest"] == max(record.wall_seconds for record in work.records.values())
    shown = run("accounting", file, 1, "--out", file.parent / "c", "--sacct", file.parent / "sacct.txt")
    assert "c: 8 instances begun while these jobs ran" in shown.stdout and "1 x 5 min 00 s" in shown.stdout
    other = text.replace(str(start), "1000").replace(str(end), "2000")
    (file.parent / "sacct.txt").write_text(other)
    found = answer("accounting", file, 1, "--out", file.parent / "c", "--sacct", file.parent / "sacct.txt")
    assert found["instances"] == 0 and found["memory_estimated"] is None
    json.dumps(found, allow_nan=False)


def test_refused_in_one_line(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text(CAMPAIGN.format(n=60, method="stored"))
    (tmp_path / "sacct.txt").write_text(REQUEUED)
    for words, part in (
        (("x",), "x: the number of a job is wanted"),
        (("2", "--sacct", tmp_path / "sacct.txt"), "nothing of job 2 in it"),
        (("1", "--sacct", file), "line 1 of sacct"),
        (("1", "--sacct", tmp_path / "none"), "cannot be read"),
    ):
        done = run("accounting", file, *words, "--out", tmp_path / "c")
        assert done.returncode == 2 and done.stdout == ""
        assert len(error_lines(done)) == 1 and part in done.stderr, done.stderr
    done = run("accounting", file, "1", "--out", tmp_path / "c", PATH="/nonexistent")
    assert done.returncode == 2 and "sacct is not on this machine" in done.stderr
