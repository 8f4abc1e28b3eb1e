"""hpcbbp: BBP transitions of loss Hessians, by SLEPc on MPI ranks, beside exact theory.

Importing it needs neither MPI nor PETSc, and loads what a name needs only when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpcbbp._version import __version__
from hpcbbp.machine import lazy

if TYPE_CHECKING:
    from hpcbbp.errors import InputError, MissingDependencyError
    from hpcbbp.machine.ranks import Group
    from hpcbbp.model.problem import Problem
    from hpcbbp.solvers.deferred import Checkpoint, Deferred, deferred_instance, solve_deferred
    from hpcbbp.solvers.instance import Instance, gaussian_instance, solve_instance
    from hpcbbp.solvers.reading import file_instance
    from hpcbbp.solvers.result import Solution
    from hpcbbp.theory import Spectrum, Transition, spectrum, transition

__all__ = [
    "Checkpoint",
    "Deferred",
    "Group",
    "InputError",
    "Instance",
    "MissingDependencyError",
    "Problem",
    "Solution",
    "Spectrum",
    "Transition",
    "__version__",
    "deferred_instance",
    "file_instance",
    "gaussian_instance",
    "solve_deferred",
    "solve_instance",
    "spectrum",
    "transition",
]

__getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "errors": ["InputError", "MissingDependencyError"],
        "solvers.deferred": ["Checkpoint", "Deferred", "deferred_instance", "solve_deferred"],
        "solvers.instance": ["Instance", "gaussian_instance", "solve_instance"],
        "solvers.reading": ["file_instance"],
        "machine.ranks": ["Group"],
        "model.problem": ["Problem"],
        "solvers.result": ["Solution"],
        "theory": ["Spectrum", "Transition", "spectrum", "transition"],
    },
)
