"""The text of a file, whatever a user has named."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hpcbbp.errors import InputError

MOST_BYTES = 2**20
"""Of a text that a user writes, or one answer of a command."""


def text_of(path: Path, kind: str = "campaign file", language: str = "TOML") -> str:
    """The text of a file that a user names; InputError for anything that is not a file of reasonable size.

    Parameters
    ----------
    path : Path
    kind, language : str
        What was to be named, for messages.
    """
    try:
        # A pipe that nobody writes to would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            mode = os.fstat(descriptor).st_mode
            content = _read(descriptor) if stat.S_ISREG(mode) else None
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        hint = "; mount its folder (apptainer --bind, docker -v) if it is there outside" if in_container() else ""
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', error)}){hint}") from None
    if content is None:
        what = f"is a folder; name the {kind}" if stat.S_ISDIR(mode) else "is a device or a pipe, not a file"
        raise InputError(f"{path}: {what}")
    if len(content) > MOST_BYTES:
        raise InputError(f"{path}: a {kind} has at most {MOST_BYTES // 2**20} MiB")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a {language} file ({error})") from None


def _read(descriptor: int) -> bytes:
    """What is in a file, up to a byte more than there may be."""
    content = b""
    while len(content) <= MOST_BYTES and (part := os.read(descriptor, MOST_BYTES + 1 - len(content))):
        content += part
    return content


def in_container() -> bool:
    """Whether this process runs in a container: its files may not be those of the machine."""
    marks = (Path("/.dockerenv"), Path("/run/.containerenv"), Path("/.singularity.d"))
    return "APPTAINER_CONTAINER" in os.environ or any(mark.exists() for mark in marks)
