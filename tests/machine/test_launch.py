"""Traps of launching are named, and an ordinary launch has none."""

from __future__ import annotations

import dataclasses
import os

import pytest
from commands import answer, error_lines, run

from hpcbbp.machine.launch import Place, announced_size, library_trap, mpi_libraries, place_traps, traps, world_trap
from hpcbbp.machine.launcher import launched, launched_rank
from hpcbbp.machine.ranks import Group

HOME = {"working directory": ("/work", 7), "home directory": ("/home/me", 8)}


def place(node: str = "n1", cores: tuple[int, ...] = (0, 1), threads: str | None = "1", **folders: object) -> Place:
    return Place(node, cores, threads, {**HOME, **folders})


def test_one_process_has_no_trap():
    assert [line for line in traps(Group()) if "two MPI" not in line] == []


@pytest.mark.parametrize(
    ("environment", "launcher"),
    [
        ({"OMPI_COMM_WORLD_SIZE": "4"}, "Open MPI's mpirun"),
        ({"PMI_SIZE": "4", "PMI_RANK": "2"}, "MPICH's or Intel's mpirun"),
        ({"SLURM_STEP_NUM_TASKS": "4"}, "srun"),
        ({"OMPI_COMM_WORLD_SIZE": "4", "SLURM_STEP_NUM_TASKS": "2"}, "Open MPI's mpirun"),
    ],
)
def test_every_rank_believes_that_it_is_rank_0(environment, launcher):
    assert announced_size(environment) == (4, launcher)
    (line,) = world_trap(environment, 1)
    assert line.startswith(f"{launcher} started 4 processes, but each believes that it is the only rank: use ")
    assert world_trap(environment, 4) == []


@pytest.mark.parametrize(
    "environment",
    [{}, {"SLURM_NTASKS": "4"}, {"OMPI_COMM_WORLD_SIZE": "1"}, {"PMI_SIZE": ""}, {"PMI_SIZE": "²"},
     {"MPI_LOCALNRANKS": "4"}],
)  # fmt: skip
def test_no_launcher_or_one_rank_is_no_trap(environment):
    assert world_trap(environment, 1) == []


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({"SLURM_PROCID": "1"}, 0),  # a shell that was given it by hand
        ({"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "1"}, 0),
        ({"SLURM_PROCID": "1", "SLURM_NTASKS": "4"}, 0),  # salloc says how many there may be, not that they are there
        ({"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "4"}, 1),
        ({"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4", "SLURM_PROCID": "0"}, 3),
        ({"OMPI_COMM_WORLD_RANK": "3"}, 0),
        ({"PMI_RANK": "2", "PMI_SIZE": "4", "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2"}, 2),
        ({"PMI_RANK": "2", "PMI_SIZE": "1"}, 0),
        ({"PMIX_RANK": "2"}, 0),
        ({"PMIX_RANK": "2", "PMIX_NAMESPACE": "slurm.pmix.7.0"}, 2),
        ({"MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2"}, 0),  # of one node
        ({"PMI_RANK": "²", "PMI_SIZE": "4"}, 0),
        ({"PMI_RANK": "9" * 5000, "PMI_SIZE": "4"}, 0),
    ],
)
def test_ranks_of_launchers_alone_are_ranks(monkeypatch, environment, rank):
    for name in list(os.environ):
        if name.startswith(("OMPI_", "PMI", "SLURM_", "MPI_")):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert launched_rank() == rank
    assert launched() == (rank > 0 or environment.get("PMI_SIZE") in ("1", "4"))


def test_a_working_directory_that_was_removed_has_no_trap(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert traps(Group()) == [line for line in traps(Group()) if "two MPI" in line]


@pytest.mark.launcher
def test_errors_are_told_where_no_launcher_is():
    done = run("theory", "-p", 0, "-a", 1, SLURM_PROCID="1", PMI_RANK="3")
    assert (done.returncode, len(error_lines(done))) == (2, 1)


MAPS = """\
7f00-7f01 r-xp 00000000 fe:00 1 /usr/lib/x86_64-linux-gnu/libmpi.so.40.30.4
7f02-7f03 r--p 00000000 fe:00 1 /usr/lib/x86_64-linux-gnu/libmpi.so.40.30.4
7f04-7f05 r-xp 00000000 fe:00 2 /usr/lib/x86_64-linux-gnu/libmpi_mpifh.so.40.30.0
7f06-7f07 r-xp 00000000 fe:00 3 /usr/lib/python3/dist-packages/mpi4py/MPI.cpython-311-x86_64-linux-gnu.so
"""


@pytest.mark.parametrize(
    "other", ["/usr/lib/x86_64-linux-gnu/libmpich.so.12.2.1", "/opt/intel/mpi/lib/libmpi.so.12.0"]
)
def test_two_mpis_in_one_process(other):
    assert library_trap(mpi_libraries(MAPS)) == []
    (line,) = library_trap(mpi_libraries(f"{MAPS}7f08-7f09 r-xp 00000000 fe:00 4 {other}\n"))
    assert other in line
    assert "libmpi.so.40" in line
    assert "MPICC" in line


def test_ranks_threads_and_cores():
    assert place_traps([place(), place()]) == []
    assert place_traps([place(cores=(0,)), place(cores=(1,))]) == []  # bound, each to its own
    (line,) = place_traps([place()] * 3)
    assert line.startswith("n1: 3 ranks on 2 cores")
    (line,) = place_traps([place(cores=(0,))] * 2)  # bound, both to one
    assert line.startswith("n1: 2 ranks on 1 core:")
    (line,) = place_traps([place(threads=None)] * 2)
    assert "OMP_NUM_THREADS unset" in line
    assert "export OMP_NUM_THREADS=1" in line
    (line,) = place_traps([place(threads="2,1")] * 2)
    assert "OMP_NUM_THREADS=2" in line
    assert place_traps([place(threads=None)]) == []  # one rank may thread
    assert place_traps([place(threads=None), place("n2", threads=None)]) == []


def test_folders_that_nodes_do_not_share():
    assert place_traps([place(), place("n2")]) == []
    away = {"home directory": ("/home/me", None)}
    (line,) = place_traps([place(), place("n2", **away)])
    assert line.startswith("the home directory /home/me of n1 is not that of n2")
    other = {"working directory": ("/work", 9)}
    (line,) = place_traps([place(), *(place(f"n{i}", **other) for i in range(2, 7))])
    assert "n2, n3, n4 and others" in line


def test_versions_of_hpcbbp():
    (line,) = place_traps([place(), dataclasses.replace(place("n2"), version="0.0.1")])
    assert "0.0.1" in line


@pytest.mark.launcher
def test_info_and_solve_tell_under_mpirun():
    cores = len(os.sched_getaffinity(0))
    alone = [] if cores > 1 else ["2 ranks on 1 core"]
    told = answer("info", ranks=2)
    assert (told["ranks"], told["ranks_on_this_node"]) == (2, 2)
    assert len(told["traps"]) == len(alone)
    threads = str(4 * cores)
    done = run("info", ranks=2, OMP_NUM_THREADS=threads)
    assert "trap:" in done.stdout
    assert (alone or [f"OMP_NUM_THREADS={threads}"])[0] in " ".join(done.stdout.split())
    done = run("solve", "-n", 60, "-p", 1, "-a", 1.5, "--alpha", 3, ranks=2, OMP_NUM_THREADS=threads)
    assert done.returncode == 0
    assert done.stderr.count("hpcbbp: warning:") == 1


@pytest.mark.launcher
def test_a_launcher_of_another_mpi_is_named():
    told = run("info", PMI_SIZE="4", PMI_RANK="0")
    assert "started 4 processes" in told.stdout
    assert error_lines(told) == []
