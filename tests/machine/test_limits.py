"""Limits of batch systems, containers and shells on memory, on made-up nodes and under a real limit."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from commands import run_python

from hpcbbp.machine import limits, memory, petsc

GIB = 2**30

V1_MOUNT = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory"
V2_MOUNT = "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate"
OTHERS = [
    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu",
    "1 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw",
]


def node(root: Path, groups: list[str], mounts: list[str], files: dict[str, object]) -> Path:
    """A file system with these groups of the process, mounts, and files below /sys/fs/cgroup."""
    own = root / "proc" / "self"
    own.mkdir(parents=True)
    (own / "cgroup").write_text("".join(f"{line}\n" for line in groups))
    (own / "mountinfo").write_text("".join(f"{line}\n" for line in [*OTHERS, *mounts]))
    (own / "statm").write_text("1000 500 100 10 0 400 0\n")
    for name, value in files.items():
        path = root / "sys" / "fs" / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return root


JOB = "system.slice/slurmstepd.scope/job_7"
V2 = {
    f"{JOB}/memory.max": 8 * GIB,
    f"{JOB}/memory.current": 5 * GIB,
    f"{JOB}/step_0/user/task_0/memory.max": "max",
    f"{JOB}/step_0/user/task_0/memory.current": 1 * GIB,
    "system.slice/memory.max": "max",
    "system.slice/memory.current": 6 * GIB,
}
V1 = {
    "memory/memory.limit_in_bytes": 9223372036854771712,
    "memory/memory.usage_in_bytes": 60 * GIB,
    "memory/slurm/uid_1000/memory.limit_in_bytes": 6 * GIB,
    "memory/slurm/uid_1000/memory.usage_in_bytes": 2 * GIB,
    "memory/slurm/uid_1000/job_7/memory.limit_in_bytes": 9 * GIB,
    "memory/slurm/uid_1000/job_7/memory.usage_in_bytes": 2 * GIB,
}
NODES = {
    "slurm, version 2: the job above the task": (
        [f"0::/{JOB}/step_0/user/task_0"], [V2_MOUNT], V2, 3 * GIB),
    "memory.high is where the kernel begins to stop a job": (
        [f"0::/{JOB}"], [V2_MOUNT], V2 | {f"{JOB}/memory.high": 7 * GIB}, 2 * GIB),
    "pages of files are given back": (
        [f"0::/{JOB}"], [V2_MOUNT], V2 | {f"{JOB}/memory.stat": f"anon 1\ninactive_file {2 * GIB}"}, 5 * GIB),
    "version 1: the user's limit above the job's": (
        ["4:memory:/slurm/uid_1000/job_7/step_0", "1:cpu:/x"], [V1_MOUNT], V1, 4 * GIB),
    "version 1, pages of files": (
        ["4:cpu,memory:/slurm/uid_1000/job_7"], [V1_MOUNT],
        V1 | {"memory/slurm/uid_1000/memory.stat": f"inactive_file 5\ntotal_inactive_file {GIB}"}, 5 * GIB),
    "both: version 2 without memory beside version 1": (
        ["4:memory:/slurm/uid_1000/job_7", "0::/a"],
        [V1_MOUNT, "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"], V1, 4 * GIB),
    "a container that sees its own group as the root": (
        ["0::/"], [V2_MOUNT], {"memory.max": 3 * GIB, "memory.current": GIB}, 2 * GIB),
    "a container that sees its host's names but not their folders": (
        ["4:memory:/docker/0123"], [V1_MOUNT],
        {"memory/memory.limit_in_bytes": 3 * GIB, "memory/memory.usage_in_bytes": 2 * GIB}, GIB),
    "a group mounted alone": (
        ["0::/docker/0123/inner"], [V2_MOUNT.replace(" / ", " /docker/0123 ", 1)],
        {"inner/memory.max": 3 * GIB, "inner/memory.current": 2 * GIB}, GIB),
    "a mount with a space in its name": (
        ["0::/x"], [V2_MOUNT.replace("/sys/fs/cgroup", r"/sys/fs/cgroup/my\040groups")],
        {"my groups/x/memory.max": 4 * GIB, "my groups/x/memory.current": GIB}, 3 * GIB),
    "above its limit": (
        ["0::/x"], [V2_MOUNT], {"x/memory.max": GIB, "x/memory.current": 2 * GIB}, 0),
    "no limit": (["0::/x"], [V2_MOUNT], {"x/memory.max": "max", "x/memory.current": 2 * GIB}, None),
    "no groups": ([], [], {}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", NODES)
def test_the_nearest_limit_of_all_groups_counts(name, tmp_path):
    groups, mounts, files, expected = NODES[name]
    root = node(tmp_path, groups, mounts, files)
    assert limits.control_group(root) == expected
    if expected is not None:
        assert limits.available(root=root) <= expected


def test_a_node_without_proc(tmp_path):
    assert limits.control_group(tmp_path) is None
    assert limits.process(tmp_path) is None
    assert limits.available(root=tmp_path) > 0


def test_the_limits_of_a_shell_are_a_rank_s_own(tmp_path, monkeypatch):
    page = resource.getpagesize()
    root = node(tmp_path, [], [], {})
    for kind, used in ((resource.RLIMIT_AS, 1000), (resource.RLIMIT_DATA, 400)):
        monkeypatch.setattr(
            resource, "getrlimit", lambda asked, kind=kind: (5000 * page if asked == kind else -1, -1)
        )
        assert limits.process(root) == (5000 - used) * page
        assert limits.available(3, root) == 3 * (5000 - used) * page  # 50 MB: this node has more
        monkeypatch.setattr(resource, "getrlimit", lambda asked, kind=kind: (100 * page if asked == kind else -1, -1))
        assert limits.process(root) == 0


@pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")
def test_a_real_limit_is_seen_and_named():
    """Under ulimit -v of 3 GiB: the command refuses in one line what does not fit, before it allocates anything."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30,) * 2)\n"
        "from hpcbbp.cli.app import main; main('solve -n 20000 -p 1 -a 1 --alpha 3'.split())"
    )
    done = run_python("-c", code)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert "this needs about" in line
    assert "are free" in line


def test_this_node():
    assert 0 < memory.available() < 2**50
