"""What a job on this node may still take: free memory, what its control groups leave, the limits of its shell.

A batch system or a container puts a job into a control group of the kernel, with a limit on memory. /proc/self/cgroup
says into which (in a hierarchy of version 1, of version 2, or both), /proc/self/mountinfo where its files are. Every
group above it may have a limit too (Slurm: of the job, the step, the task), and the nearest to its limit counts.
"""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/")
_FILES = {  # kind of hierarchy: limits, usage, the line of memory.stat with what the kernel gives back when asked
    "cgroup2": (("memory.max", "memory.high"), "memory.current", "inactive_file"),
    "cgroup": (("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file"),
}


def available(ranks: int = 1, root: Path = _ROOT) -> int:
    """Bytes that so many ranks of a job on this node may still take together.

    Parameters
    ----------
    ranks : int
        Each has limits of its own (ulimit -v, -d).
    root : Path
        Of the file system that is asked.
    """
    limits = [node(root), control_group(root)]
    own = process(root)
    limits.append(None if own is None else ranks * own)
    return min(limit for limit in limits if limit is not None)


def node(root: Path = _ROOT) -> int:
    """Bytes that the kernel can still give, with what it keeps of files; without /proc those that nobody uses."""
    try:
        found = re.search(r"^MemAvailable: +(\d+) kB$", (root / "proc/meminfo").read_text(), re.M)
    except OSError:
        found = None
    return 1024 * int(found[1]) if found else os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def control_group(root: Path = _ROOT) -> int | None:
    """Bytes left to this process by its control groups, all the way up; None without any limit that can be read."""
    left = [room for kind, folder in _folders(root) for room in _rooms(kind, folder)]
    return max(0, min(left)) if left else None


def process(root: Path = _ROOT) -> int | None:
    """Bytes left to this process by the limits on its address space and its data; None without any."""
    try:
        pages = (root / "proc/self/statm").read_text().split()
    except OSError:
        return None
    left = []
    for kind, used in ((resource.RLIMIT_AS, pages[0]), (resource.RLIMIT_DATA, pages[5])):
        soft = resource.getrlimit(kind)[0]
        if soft != resource.RLIM_INFINITY:
            left.append(max(0, soft - int(used) * resource.getpagesize()))
    return min(left) if left else None


def _folders(root: Path) -> Iterator[tuple[str, Path]]:
    """Kinds and folders of this process's groups that account for memory, each from below to the top."""
    try:
        groups = (root / "proc/self/cgroup").read_text().splitlines()
        mounts = (root / "proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return
    path = {}
    for line in groups:  # 4:memory:/slurm/uid_0/job_1, or 0::/system.slice/... of version 2
        number, controllers, name = line.split(":", 2)
        if number == "0" and not controllers:
            path["cgroup2"] = name
        elif "memory" in controllers.split(","):
            path["cgroup"] = name
    for line in mounts:
        mount, _, rest = line.partition(" - ")
        kind, *_, options = rest.split()
        if kind in path and (kind == "cgroup2" or "memory" in options.split(",")):
            inside, point = (re.sub(r"\\([0-7]{3})", _octal, word) for word in mount.split()[3:5])
            # What is mounted may be a group itself (a container's); a name from outside it does not exist within.
            name = path[kind].removeprefix(inside) if inside != "/" else path[kind]
            words = [word for word in name.split("/") if word not in ("", "..")]
            for depth in range(len(words), -1, -1):
                yield kind, root.joinpath(point.lstrip("/"), *words[:depth])


def _octal(found: re.Match[str]) -> str:
    return chr(int(found[1], 8))


def _rooms(kind: str, folder: Path) -> Iterator[int]:
    """Bytes left below each limit of one group."""
    limits, usage, idle = _FILES[kind]
    used = _number(folder / usage)
    if used is None:
        return
    # Pages of files read once are counted as used, and given back before anybody is refused memory.
    used -= min(used, _stat(folder / "memory.stat", idle))
    for name in limits:
        limit = _number(folder / name)
        if limit is not None:
            yield limit - used


def _number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None  # "max" is no limit


def _stat(path: Path, name: str) -> int:
    try:
        found = re.search(rf"^{name} (\d+)$", path.read_text(), re.M)
    except OSError:
        return 0
    return int(found[1]) if found else 0
