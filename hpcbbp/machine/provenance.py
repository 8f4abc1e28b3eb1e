"""Where a number comes from: versions, commit, ranks."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata
from pathlib import Path

from hpcbbp._version import __version__


def commit() -> str | None:
    """Commit of the checkout this package runs from; None outside one.

    Read from the files of .git: starting a process is not safe under every MPI.
    """
    git = Path(__file__).resolve().parents[2] / ".git"
    try:
        if git.is_file():  # a worktree points to its directory
            git = (git.parent / git.read_text().split(":", 1)[1].strip()).resolve()
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        ref = head.removeprefix("ref: ")
        common = git / (git / "commondir").read_text().strip() if (git / "commondir").exists() else git
        for base in (git, common):
            if (base / ref).exists():
                return (base / ref).read_text().strip()
        for line in (common / "packed-refs").read_text().splitlines():
            if line.endswith(f" {ref}"):
                return line.split()[0]
    except (OSError, IndexError):
        pass
    return None


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
