"""The commit that this is: the one it was built from, in a checkout the checkout's own.

The build runs this file alone and writes what it finds into its copy of it (setup.py).
"""

from __future__ import annotations

from pathlib import Path

BUILT_FROM = "$Format:%H$"
"""`git archive` (.gitattributes) and a build put the commit here, empty where it is not known; a checkout nothing."""


def commit() -> str | None:
    """Return the commit this was built from, or else of the checkout it runs from; None where neither is known."""
    return of_checkout(Path(__file__).resolve().parents[1]) if BUILT_FROM.startswith("$") else BUILT_FROM or None


def of_checkout(folder: Path) -> str | None:
    """Commit of a checkout; None if it is none.

    Read from the files of .git: starting a process is not safe under every MPI, and git refuses others' checkouts.
    """
    git = folder / ".git"
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
