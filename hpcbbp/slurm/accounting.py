"""What jobs took by Slurm's accounting (sacct), beside what the plan's model says of the instances they computed."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hpcbbp.campaign.cost import memory_needed, model_seconds
from hpcbbp.campaign.kept import Record
from hpcbbp.campaign.values import plain
from hpcbbp.errors import InputError, shown

FIELDS = (
    "JobID", "State", "Start", "End", "ElapsedRaw", "TimelimitRaw", "TotalCPU", "AllocCPUS", "NTasks", "ReqMem",
    "MaxRSS",
)  # fmt: skip
_CLOCK = re.compile(r"(?:([0-9]{1,9})-)?(?:([0-9]{1,9}):)?([0-9]{1,9}):([0-9]{1,9}(?:\.[0-9]{1,9})?)")
_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)([KMGT]?)")
_JOB = re.compile(r"[0-9]{1,18}(?:_[0-9]{1,18})?")
_ROW = re.compile(r"[0-9]{1,18}(?:_[0-9]{1,18}|_\[[0-9,%:-]{1,200}\])?(?:\+[0-9]{1,9})?")  # tasks that wait, parts
_SLACK = 2.0  # seconds by which the clocks of nodes and the controller may differ


@dataclass(frozen=True)
class JobStart:
    """One start of a job, or of a task of an array; a requeued one has several.

    Attributes
    ----------
    job, state : str
        As Slurm has them.
    begin, end : float or None
        Seconds since 1970; no end while it runs.
    seconds : float
    limit : float or None
        Seconds of its time limit.
    cpu_seconds : float
    cpus : int
        Of its allocation: one a rank, as job scripts of hpcbbp have it.
    memory, memory_asked : float or None
        Bytes of a rank: the most that one used, and what was asked for. Ranks that mpirun has started Slurm sees
        together: their mean then.

    Examples
    --------
    >>> start = starts_of("7|TIMEOUT|1795541000|1795544600|3600|60|01:30:00|2||4G|")[0]
    >>> start.state, start.limit, start.cpu_seconds, start.memory_asked == 2 * 1024**3
    ('TIMEOUT', 3600.0, 5400.0, True)
    """

    job: str
    state: str
    begin: float | None
    end: float | None
    seconds: float
    limit: float | None
    cpu_seconds: float
    cpus: int
    memory: float | None
    memory_asked: float | None

    def had(self, moment: float) -> bool:
        """Whether it ran then."""
        return self.begin is not None and self.begin - _SLACK <= moment <= (self.end or math.inf) + _SLACK


@dataclass(frozen=True)
class Accounts:
    """Starts of jobs, and the recorded instances that began meanwhile: all, if several jobs wrote to one store.

    Attributes
    ----------
    starts : tuple of JobStart
    instances : int
    seconds, seconds_estimated : float
        Elapsed in all starts; by the plan's model, of the recorded instances on these ranks.
    longest, longest_estimated : float
        Seconds of one instance.
    cpu_share : float or None
        CPU time over elapsed time of the allocated cores.
    memory, memory_estimated, memory_asked : float or None
        Bytes of a rank.

    Examples
    --------
    >>> starts = starts_of("7|COMPLETED|1795541000|1795544600|3600|120|01:00:00|2||4G|")
    >>> accounts = accounts_of(starts, [])
    >>> accounts.instances, accounts.cpu_share
    (0, 0.5)
    """

    starts: tuple[JobStart, ...]
    instances: int
    seconds: float
    seconds_estimated: float
    longest: float
    longest_estimated: float
    cpu_share: float | None
    memory: float | None
    memory_estimated: float | None
    memory_asked: float | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def sacct_words(jobs: Sequence[str]) -> list[str]:
    """The command that reads the accounts of some jobs."""
    return ["sacct", "--jobs", ",".join(jobs), "--duplicates", "--parsable2", "--noheader", "--noconvert",
            f"--format={','.join(FIELDS)}"]  # fmt: skip


def check_jobs(jobs: Sequence[str]) -> None:
    """InputError unless they are numbers as Slurm gives them."""
    for job in jobs:
        if _JOB.fullmatch(job) is None:
            raise InputError(
                f"{plain(job)}: the number of a job is wanted, as 1234, or 1234_5 for a task of an array"
            )


def read_sacct(jobs: Sequence[str]) -> str:
    """What sacct says of some jobs; InputError in one line where there is no sacct or it refuses."""
    check_jobs(jobs)
    words = sacct_words(jobs)
    if shutil.which("sacct") is None:
        raise InputError(
            f"sacct is not on this machine: where it is, SLURM_TIME_FORMAT=%s {' '.join(words)} > FILE, and then "
            "--sacct FILE"
        )
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=120, check=False,
            env={**os.environ, "SLURM_TIME_FORMAT": "%s"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"sacct: {error}") from None
    if done.returncode != 0 or not done.stdout.strip():
        said = " ".join((done.stderr or "no such job").split())[:300]
        raise InputError(f"sacct --jobs {','.join(jobs)}: {said}")
    return done.stdout


def starts_of(text: str) -> tuple[JobStart, ...]:
    """Starts of jobs in what sacct has printed.

    Raises
    ------
    InputError
        A line that is none of sacct_words' command.

    Examples
    --------
    >>> row = "7|COMPLETED|1795541000|1795544600|3600|120|02:00:00|2||4G|"
    >>> starts_of(row)[0].seconds
    3600.0
    """
    rows: list[list[dict[str, str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        values = line.split("|")
        row = dict(zip(FIELDS, values, strict=False))
        if len(values) != len(FIELDS) or _ROW.fullmatch(row["JobID"].split(".")[0]) is None:
            raise InputError(f"line {number} of sacct, {shown(line[:200])}: the fields {'|'.join(FIELDS)} are wanted")
        if "." not in row["JobID"]:
            rows.append([])
        if not rows:
            raise InputError(f"line {number} of sacct, {shown(line[:200])}: a step without its job")
        rows[-1].append(row)
    return tuple(_start(job[0], job[1:]) for job in rows)


def _start(job: dict[str, str], steps: Sequence[dict[str, str]]) -> JobStart:
    cpus = max(1, int(_number(job["AllocCPUS"]) or 1))
    each = [_bytes(step["MaxRSS"]) for step in steps if step["JobID"].split(".")[-1].isdecimal()]
    by_rank = max((size for size in each if size is not None), default=None)
    whole = next((_bytes(step["MaxRSS"]) for step in steps if step["JobID"].endswith(".batch")), None)
    asked, limit = _bytes(job["ReqMem"]), _number(job["TimelimitRaw"])
    return JobStart(
        job=job["JobID"],
        state=job["State"].split(" ")[0],
        begin=_number(job["Start"]),
        end=_number(job["End"]),
        seconds=_number(job["ElapsedRaw"]) or 0.0,
        limit=None if limit is None else 60.0 * limit,
        cpu_seconds=_seconds(job["TotalCPU"]),
        cpus=cpus,
        memory=by_rank if by_rank is not None else None if whole is None else whole / cpus,
        memory_asked=None if asked is None else asked / cpus,
    )


def accounts_of(starts: Iterable[JobStart], records: Iterable[Record]) -> Accounts:
    """Add up what jobs took, beside the model's estimates of the instances that began while they ran.

    Examples
    --------
    >>> starts = starts_of("7|COMPLETED|1795541000|1795544600|3600|120|02:00:00|2||4G|")
    >>> accounts_of(starts, []).cpu_share
    1.0
    """
    starts = tuple(starts)
    theirs = [record for record in records if any(one.had(record.begin) for one in starts)]
    cpus = max((one.cpus for one in starts), default=1)
    estimates = [model_seconds(record.point, record.ranks) for record in theirs]
    elapsed = sum(one.seconds for one in starts)
    cores = sum(one.seconds * one.cpus for one in starts)
    packed = sum(seconds * record.ranks for seconds, record in zip(estimates, theirs, strict=True)) / cpus
    return Accounts(
        starts=starts,
        instances=len(theirs),
        seconds=elapsed,
        seconds_estimated=max([packed, *estimates]),
        longest=max((record.wall_seconds for record in theirs), default=0.0),
        longest_estimated=max(estimates, default=0.0),
        cpu_share=sum(one.cpu_seconds for one in starts) / cores if cores else None,
        memory=_most(one.memory for one in starts),
        memory_estimated=_most(memory_needed(record.point, record.ranks) for record in theirs),
        memory_asked=_most(one.memory_asked for one in starts),
    )


def _most(values: Iterable[float | None]) -> float | None:
    return max((float(value) for value in values if value is not None), default=None)


def _number(text: str) -> float | None:
    """None for Unknown, UNLIMITED and such."""
    return float(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _seconds(text: str) -> float:
    """Of D-HH:MM:SS.mmm, hours and days left out where they are 0."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return 0.0
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 86400 * days + 3600 * hours + 60 * minutes + seconds


def _bytes(text: str) -> float | None:
    """Of 1000M or 213815296."""
    found = _SIZE.fullmatch(text.removesuffix("n").removesuffix("c"))  # of a node, of a core: before Slurm 21.08
    if found is None:
        return None
    return float(found[1]) * 2.0 ** {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[found[2]]
