"""How the ranks were started: the traps of launchers, containers and batch systems, each with the way out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcbbp._version import __version__
from hpcbbp.machine.ranks import Group

# Ranks that a launcher says it has started, by the variable it says it in; MPI_LOCALNRANKS of MPICH and Intel is none
# of them, it counts those of one node. Slurm's is the last: under mpirun within a job it is there too, and counts
# mpirun's daemons.
_SIZES = {
    "OMPI_COMM_WORLD_SIZE": "Open MPI's mpirun",
    "PMI_SIZE": "MPICH's or Intel's mpirun",
    "SLURM_STEP_NUM_TASKS": "srun",
}
_MPI_LIBRARY = re.compile(r"/(?:[^/\s]*/)*(libmpi(?:ch)?\.so\.\d+|libmpi_[a-z]+\.so\.\d+)[^/\s]*$")


@dataclass(frozen=True)
class Place:
    """What one rank sees of where it runs.

    Attributes
    ----------
    node : str
    cores : tuple of int
        That the rank may run on.
    threads : str or None
        OMP_NUM_THREADS.
    folders : dict
        Inode of the working and of the home directory, None where there is none.
    version : str
        Of hpcbbp.
    """

    node: str
    cores: tuple[int, ...]
    threads: str | None
    folders: dict[str, tuple[str, int | None]]
    version: str = __version__


def announced_size(environment: Mapping[str, str]) -> tuple[int, str]:
    """Ranks that the launcher says it has started, and its name; (1, "") without one."""
    for name, launcher in _SIZES.items():
        value = environment.get(name, "")
        if _is_number(value):
            return int(value), launcher
    return 1, ""


def mpi_libraries(maps: str) -> list[str]:
    """MPI libraries that a process has loaded, from the text of /proc/self/maps.

    libmpi.so.40 is Open MPI's; libmpi.so.12 and libmpich.so.12 are MPICH's and Intel's. Two of them in one process
    are two MPIs, of which one was never started.
    """
    found = set()
    for line in maps.splitlines():
        match = _MPI_LIBRARY.search(line)
        if match is not None and not match[1].startswith("libmpi_"):
            found.add(match[0])
    return sorted(found)


def here(group: Group) -> Place:
    """What this rank sees."""
    folders = {"working directory": Path(), "home directory": Path(os.environ.get("HOME", "/"))}
    with suppress(FileNotFoundError):  # a working directory that has been removed has no name
        folders["working directory"] = Path.cwd()
    return Place(
        node=_node(group),
        cores=tuple(sorted(os.sched_getaffinity(0))),
        threads=os.environ.get("OMP_NUM_THREADS"),
        folders={name: (str(folder), _inode(folder)) for name, folder in folders.items()},
    )


def _node(group: Group) -> str:
    """Name of the node as MPI knows it, which differs between containers of one name."""
    if group.comm is None:
        return os.uname().nodename
    from mpi4py import MPI

    return str(MPI.Get_processor_name())


def _inode(folder: Path) -> int | None:
    try:
        return folder.stat().st_ino
    except OSError:
        return None


def traps(group: Group) -> list[str]:
    """What is wrong with how this job was started, a line each with the way out. Collective."""
    place, maps = here(group), ""
    with suppress(OSError):  # not Linux
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    own = [*world_trap(os.environ, group.size), *library_trap(mpi_libraries(maps))]
    if group.comm is None:
        return own
    answers: list[Any] = group.comm.allgather((place, own))
    lines = [line for _, found in answers for line in found]
    lines += place_traps([answer[0] for answer in answers])
    return list(dict.fromkeys(lines))


def world_trap(environment: Mapping[str, str], size: int) -> list[str]:
    """Every process a world of its own: the launcher speaks another language than the MPI of mpi4py."""
    announced, launcher = announced_size(environment)
    if size > 1 or announced <= 1:
        return []
    way_out = (
        "use srun --mpi=pmix (srun --mpi=list shows what there is), or mpirun within the job"
        if launcher == "srun"
        else "use the mpirun of the MPI that mpi4py was built with; in a container, that of the container, or one of "
        "the same kind outside"
    )
    return [f"{launcher} started {announced} processes, but each believes that it is the only rank: {way_out}"]


def library_trap(libraries: Sequence[str]) -> list[str]:
    """Two MPI libraries in one process."""
    if len({Path(name).name.split(".so")[0] + Path(name).name.split(".so")[1][:3] for name in libraries}) < 2:
        return []
    return [
        f"two MPI libraries are loaded ({' and '.join(libraries)}): mpi4py and PETSc were built with different MPIs; "
        "install both for one of them (pip install --no-binary mpi4py mpi4py with PETSc's mpicc in MPICC)"
    ]


def place_traps(places: Sequence[Place]) -> list[str]:
    """Too many ranks or threads for the cores of a node, folders that nodes do not share, different versions."""
    lines: list[str] = []
    nodes: dict[str, list[Place]] = {}
    for place in places:
        nodes.setdefault(place.node, []).append(place)
    for node, ranks in nodes.items():
        cores = len({core for place in ranks for core in place.cores})
        threads = max(_number(place.threads) for place in ranks)
        if len(ranks) > cores:
            lines.append(
                f"{node}: {len(ranks)} ranks on {cores} core{'s' if cores > 1 else ''}: they wait for each other; "
                "start as many as there are cores, or look at the binding (mpirun --report-bindings, "
                "srun --cpu-bind=verbose)"
            )
        elif len(ranks) > 1 and any(place.threads is None for place in ranks):
            lines.append(
                f"{node}: {len(ranks)} ranks and OMP_NUM_THREADS unset: each may start {cores} threads; "
                "export OMP_NUM_THREADS=1"
            )
        elif len(ranks) > 1 and threads * len(ranks) > cores:
            lines.append(
                f"{node}: {len(ranks)} ranks of OMP_NUM_THREADS={threads} threads on {cores} cores: export "
                "OMP_NUM_THREADS=1"
            )
    lines += _unshared(place for ranks in nodes.values() for place in ranks[:1])
    versions = sorted({place.version for place in places})
    if len(versions) > 1:
        lines.append(f"ranks run different versions of hpcbbp ({', '.join(versions)}): one environment for all nodes")
    return lines


def _number(threads: str | None) -> int:
    first = (threads or "1").split(",")[0].strip()  # a list is one number for each level of nesting
    return int(first) if _is_number(first) else 1


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _unshared(leaders: Iterable[Place]) -> list[str]:
    """Folders that are not the same on all nodes: another inode, or none."""
    first, *others = leaders
    lines = []
    for name, (path, inode) in first.folders.items():
        strangers = [place.node for place in others if place.folders[name][1] != inode]
        if strangers:
            use = (
                "rank 0 alone writes results, but data files and checkpoints must be seen by all"
                if name == "working directory"
                else "install hpcbbp, and keep NUMBA_CACHE_DIR, where all nodes see them or on each"
            )
            lines.append(
                f"the {name} {path} of {first.node} is not that of {', '.join(strangers[:3])}"
                f"{' and others' if len(strangers) > 3 else ''}: work on a shared file system; {use}"
            )
    return lines
