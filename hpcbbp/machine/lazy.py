"""Names of a package that are loaded when they are used (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def attach(package: str, homes: Mapping[str, Sequence[str]]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package, to be put into it under these names.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : mapping of str to sequence of str
        The names that each module has, which is given as seen from the package: ``{"solvers.result": ["Solution"]}``.

    Returns
    -------
    tuple of two functions
        The first imports the module of a name and raises AttributeError for any other name; the second lists what is
        loaded and what can be.
    """
    home = {name: f"{package}.{module}" for module, names in homes.items() for name in names}

    def loaded(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(home[name]), name)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *home})

    return loaded, names
