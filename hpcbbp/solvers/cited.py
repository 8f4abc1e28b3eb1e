"""What to cite for a result: BibTeX of the paper, of this package and of what a method computes with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources

from hpcbbp._version import __version__
from hpcbbp.errors import InputError
from hpcbbp.solvers.methods import METHODS

_ALWAYS = ("annesi2025", "hpcbbp", "numpy", "scipy", "numba")
_SLEPC = ("petsc", "petsc-manual", "slepc", "krylov-schur", "petsc4py", "mpi4py")
_OWN = {"dice": ("dice",), "deferred": ("dice", "mpi4py"), "dense": ("lapack",)}
"""What a method has beside SLEPc, if it uses that, and beside what every result has."""


def entries() -> dict[str, str]:
    """Every BibTeX entry by its key, in the order of references.bib; the version of this package is filled in."""
    text = resources.files("hpcbbp.solvers").joinpath("references.bib").read_text(encoding="utf-8")
    found = re.findall(r"^@\w+\{([\w-]+),\n.*?^\}$", text, re.M | re.S)
    pieces = text.strip().replace("{VERSION}", f"{{{__version__}}}").split("\n\n")
    return dict(zip(found, pieces, strict=True))


def keys(methods: Iterable[str] | None = None) -> list[str]:
    """Which entries to cite for results of these methods, in the order of references.bib.

    Parameters
    ----------
    methods : iterable of str, optional
        Keys of METHODS. Without them: what whoever uses SLEPc's methods and theory cites.

    Raises
    ------
    InputError
        For a method that there is not.

    Examples
    --------
    >>> from hpcbbp.solvers.cited import keys
    >>> keys(["dense"])
    ['annesi2025', 'hpcbbp', 'lapack', 'numpy', 'scipy', 'numba']
    """
    wanted = set(_ALWAYS)
    for name in ("stored",) if methods is None else methods:
        if name not in METHODS:
            raise InputError(f"method {name!r}: one of {', '.join(METHODS)}")
        wanted |= {*_OWN.get(name, ()), *(_SLEPC if "petsc" in METHODS[name].options else ())}
    return [key for key in entries() if key in wanted]


def bibtex(methods: Iterable[str] | None = None) -> str:
    """Return the entries of `keys` as one text.

    Examples
    --------
    >>> from hpcbbp.solvers.cited import bibtex
    >>> print(bibtex(["dense"]).splitlines()[0])
    @article{annesi2025,
    """
    every = entries()
    return "\n\n".join(every[key] for key in keys(methods)) + "\n"
