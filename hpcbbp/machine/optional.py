"""Packages that theory and solvers do without: which extra brings them, and what to type where one is missing."""

from __future__ import annotations

import importlib.util
import sys

from hpcbbp.errors import MissingDependencyError

EXTRAS: dict[str, tuple[str, ...]] = {
    "analysis": ("pandas", "statsmodels"),
    "campaigns": ("pandas", "pydantic"),
    "cli": ("rich", "typer"),
    "examples": ("sklearn",),
    "export": ("pyarrow",),
    "figures": ("matplotlib", "pandas"),
    "files": ("h5py",),
    "jax": ("jax",),
    "report": ("jinja2",),
    "slurm": ("jinja2",),
    "torch": ("torch",),
}
"""What is imported of each extra of pyproject.toml, beside the extras that it takes in there."""


MODULES = ("mpi4py", "petsc4py", "slepc4py")
"""Of MPI, PETSc and SLEPc."""


def missing_modules() -> list[str]:
    """Names of MODULES that are not installed; none of them is imported."""
    return [name for name in MODULES if not _installed(name)]


def require(need: str, *extras: str) -> None:
    """Do nothing if what comes with these extras is installed; nothing is imported.

    Parameters
    ----------
    need : str
        Who asks, for the message.
    *extras : str
        Keys of EXTRAS.

    Raises
    ------
    MissingDependencyError
        Which package is missing, for what, and with which extras it comes.
    """
    missing = {extra: [name for name in EXTRAS[extra] if not _installed(name)] for extra in extras}
    names = sorted({name for some in missing.values() for name in some})
    if names:
        wanted = ",".join(extra for extra in extras if missing[extra])
        raise MissingDependencyError(
            f"{', '.join(names)} not found: {need} needs {'it' if len(names) == 1 else 'them'}; "
            f'pip install "hpcbbp[{wanted}]"'
        )


def _installed(name: str) -> bool:
    return name in sys.modules or importlib.util.find_spec(name) is not None
