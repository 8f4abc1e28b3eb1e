"""What a machine has: versions, cores, memory, what is missing, what is wrong with the launch."""

from __future__ import annotations

import os
from typing import Any

from hpcbbp.errors import InputError
from hpcbbp.machine import launch, memory, petsc, provenance
from hpcbbp.machine.ranks import Group


def system_info() -> dict[str, Any]:
    """Versions, index size, scalar type, cores, memory and what is missing."""
    answer: dict[str, Any] = dict(provenance.versions())
    missing = petsc.missing_modules()
    problem = None
    try:
        petsc.initialize()
        answer |= petsc.versions()
    except InputError as error:
        problem = str(error)
    world = Group.world() if problem is None else Group()
    answer |= {
        "cores": len(os.sched_getaffinity(0)),
        "memory_available_gib": round(memory.available() / 2**30, 2),
        "ranks": world.size,
        "ranks_on_this_node": world.ranks_on_node(),
        "traps": launch.traps(world),
        "missing": missing,
        "problem": problem,
    }
    return answer
