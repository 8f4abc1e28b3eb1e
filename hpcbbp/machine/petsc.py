"""PETSc and SLEPc: started with the user's options, checked for what we need, asked what they left unused.

The only file that knows what differs between their versions (3.18 and later).
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import numpy as np

from hpcbbp.errors import InputError, MissingDependencyError
from hpcbbp.machine.optional import missing_modules as missing_modules

# Asked for by PETSc only when it ends, so they seem unused until then.
_AT_THE_END = {
    "options_left",
    "malloc_dump",
    "malloc_view",
    "objects_dump",
    "log_view",
    "memory_view",
    "no_signal_handler",
}


def initialize(options: Sequence[str] = ()) -> None:
    """Start MPI, PETSc and SLEPc with these options (and those of PETSC_OPTIONS); nothing if already started.

    Raises
    ------
    MissingDependencyError
        If one of them is not installed or cannot be loaded.
    InputError
        If PETSc computes with complex or single-precision numbers.
    """
    missing = missing_modules()
    if missing:
        raise MissingDependencyError(
            f"{', '.join(missing)} not found: eigenvalues are computed by SLEPc; run 'make install' in a checkout, "
            "or load your cluster's or conda's petsc4py and slepc4py (conda install -c conda-forge slepc4py)"
        )
    try:
        started = "petsc4py.PETSc" in sys.modules
        import slepc4py

        # Python handles signals (a closed pipe, Ctrl-C) better than PETSc's report of them.
        slepc4py.init(["hpcbbp", "-no_signal_handler", *options])
        from petsc4py import PETSc

        if started and options:  # too late for the line above to have read them
            PETSc.Options().insertString(" ".join(options))
    except (ImportError, AttributeError, RuntimeError) as error:
        if isinstance(error, RuntimeError):  # PETSc.Error: it could not start with these options
            raise InputError(f"PETSc does not start with the options {' '.join(options)!r}: {error}") from None
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        hint = (
            f"; an extension built for numpy 1.x needs numpy<2 (this is {np.__version__})"
            if "numpy" in str(error).lower() or "_ARRAY_API" in str(error)
            else ""
        )
        raise MissingDependencyError(
            f"petsc4py or slepc4py is installed but cannot be loaded ({reason}){hint}; "
            "'make install' chooses versions that fit"
        ) from None
    check_scalar(PETSc.ScalarType)


def check_scalar(scalar: Any) -> None:
    """Raise InputError unless PETSc's numbers are real, in double precision."""
    if np.dtype(scalar) != np.dtype(np.float64):
        raise InputError(
            f"this PETSc computes with {np.dtype(scalar).name} numbers; hpcbbp needs a real double-precision build "
            "(Debian: python3-petsc4py-64-real; spack: petsc~complex; conda: petsc=*=real*)"
        )


def check_index(index: Any, size: int, ncv: int) -> None:
    """Raise InputError if a Krylov basis of ncv vectors of this size overflows PETSc's index type."""
    largest = int(np.iinfo(index).max)
    if size * (ncv + 1) > largest:
        raise InputError(
            f"pN = {size} with {ncv} Krylov vectors exceeds the {np.iinfo(index).bits}-bit indices of this PETSc "
            f"(pN (ncv + 1) <= {largest}): use a 64-bit-index build (Debian: python3-petsc4py-64-real; "
            "spack: petsc+int64; configure: --with-64-bit-indices)"
        )


@contextmanager
def plain_errors() -> Iterator[None]:
    """Raise what has gone wrong itself: some builds wrap PETSc's errors into a SystemError."""
    try:
        yield
    except SystemError as error:
        if error.__cause__ is None:
            raise
        raise error.__cause__ from None


def destroy(*objects: Any) -> None:
    """Destroy PETSc objects; while an exception is on its way, complaints of half-used ones must not hide it."""
    failing = sys.exc_info()[1] is not None
    for made in objects:
        with suppress(Exception) if failing else nullcontext():
            made.destroy()


def unused_options() -> list[str]:
    """Options given on the command line or in PETSC_OPTIONS that nothing has asked for so far."""
    from petsc4py import PETSc

    options = PETSc.Options()
    names = [name for name in options.getAll() if name not in _AT_THE_END]
    if hasattr(options, "used"):
        return [name for name in names if not options.used(name)]
    library = ctypes.CDLL(PETSc.__file__)  # petsc4py of 3.18 does not wrap this question
    unused = []
    for name in names:
        flag = ctypes.c_int(0)
        if library.PetscOptionsUsed(None, name.encode(), ctypes.byref(flag)) == 0 and not flag.value:
            unused.append(name)
    return unused


def library_name(text: str) -> str:
    r"""Name and version of an MPI, of the page that some of them tell of themselves.

    >>> library_name("MPICH Version:      4.0.2\\nMPICH Release date: ...")
    'MPICH 4.0.2'
    """
    first = text.split("\0")[0].strip().splitlines()[0].split(",")[0]
    return " ".join(first.replace("Version:", " ").split())


def versions() -> dict[str, str]:
    """Versions of mpi4py, MPI, PETSc and SLEPc; index and scalar type. Starts PETSc."""
    import mpi4py
    from mpi4py import MPI
    from petsc4py import PETSc
    from slepc4py import SLEPc

    return {
        "mpi4py": mpi4py.__version__,
        "mpi": library_name(MPI.Get_library_version()),
        "petsc": ".".join(map(str, PETSc.Sys.getVersion())),
        "slepc": ".".join(map(str, SLEPc.Sys.getVersion())),
        "petsc_index": np.dtype(PETSc.IntType).name,
        "petsc_scalar": np.dtype(PETSc.ScalarType).name,
    }
