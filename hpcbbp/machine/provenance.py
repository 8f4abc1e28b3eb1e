"""Where a number comes from: versions, commit, ranks."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata

from hpcbbp._commit import commit
from hpcbbp._version import __version__


def versions() -> dict[str, str | None]:
    """Version and commit of hpcbbp, and versions of Python and of the numerical libraries."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {
        "hpcbbp": __version__,
        "commit": commit(),
        "python": platform.python_version(),
    }
    for name in ("numpy", "scipy", "numba", "h5py", "matplotlib", "pandas"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found
