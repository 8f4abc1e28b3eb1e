"""hpcbbp: BBP transitions of loss Hessians, by SLEPc on MPI ranks, beside exact theory.

Importing it needs neither MPI nor PETSc, and loads what a name needs only when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hpcbbp._version import __version__

if TYPE_CHECKING:
    from hpcbbp.errors import InputError, MissingDependencyError
    from hpcbbp.instance import Instance, Solution, file_instance, gaussian_instance, solve_instance
    from hpcbbp.parallel import Group
    from hpcbbp.problem import Problem
    from hpcbbp.theory import Spectrum, Transition, spectrum, transition

__all__ = [
    "Group",
    "InputError",
    "Instance",
    "MissingDependencyError",
    "Problem",
    "Solution",
    "Spectrum",
    "Transition",
    "__version__",
    "file_instance",
    "gaussian_instance",
    "solve_instance",
    "spectrum",
    "transition",
]

_HOMES = {
    "hpcbbp.errors": ("InputError", "MissingDependencyError"),
    "hpcbbp.instance": ("Instance", "Solution", "file_instance", "gaussian_instance", "solve_instance"),
    "hpcbbp.parallel": ("Group",),
    "hpcbbp.problem": ("Problem",),
    "hpcbbp.theory": ("Spectrum", "Transition", "spectrum", "transition"),
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'hpcbbp' has no attribute {name!r}")
