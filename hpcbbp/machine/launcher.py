"""What launchers (mpirun, srun) tell a process in its environment: known without MPI, and without numpy."""

from __future__ import annotations

import os

# A rank as launchers tell it, and beside it what a process started by one has too. A variable left from elsewhere
# would silence a command that nobody launched: in a step of one task, say, or a shell that was given one by hand.
_RANKS = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMIX_RANK", "PMIX_NAMESPACE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
)


def launched_rank() -> int:
    """Rank according to the launcher's environment, known before (and without) starting MPI; 0 without one."""
    for name, beside in _RANKS:
        rank, other = environment_number(name), os.environ.get(beside, "")
        if rank is None or not other:
            continue
        size = environment_number(beside)
        if beside == "PMIX_NAMESPACE" or (size is not None and rank < size):
            return rank
    return 0


def launched() -> bool:
    """Whether a launcher (mpirun, srun) started this process; srun: as one of several."""
    several = (environment_number("SLURM_STEP_NUM_TASKS") or 1) > 1
    return any(
        name in os.environ and beside in os.environ and (name != "SLURM_PROCID" or several) for name, beside in _RANKS
    )


def environment_number(name: str) -> int | None:
    """A whole number in the environment, None if there is none."""
    value = os.environ.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None
