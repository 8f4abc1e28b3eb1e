"""Files that a user asked for: whole or not there, and safe to open."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hpcbbp.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def write_file(path: Path, content: bytes | str) -> None:
    """Write a file beside its place and move it there: whoever looks finds the old one or the new one, whole.

    A file that is there keeps its permissions, and a link stays one.

    Raises
    ------
    InputError
        If it cannot be written; what was there is untouched.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary: Path | None = None
    try:
        target = path.resolve()
        if target.is_symlink():  # only of a circle is a link left; Python 3.13 resolves it in silence
            raise InputError(f"{path}: cannot be written (links in a circle)")
        before = target.stat().st_mode if target.exists() else None
        if before is not None and not stat.S_ISREG(before):
            raise InputError(f"{path}: cannot be written (not a file)")
        if before is not None and not os.access(target, os.W_OK):
            raise InputError(f"{path}: cannot be written (Permission denied)")
        target.parent.mkdir(parents=True, exist_ok=True)
        name = target.parent / f".hpcbbp-{secrets.token_hex(6)}"
        with name.open("xb") as stream:
            temporary = name
            if before is not None:
                os.fchmod(stream.fileno(), stat.S_IMODE(before))
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)
        temporary = None
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
        raise InputError(f"{path}: cannot be written ({getattr(error, 'strerror', None) or error})") from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def check_writable(blame: str, folder: Path, files: Sequence[Path] = (), *, make: bool = True) -> None:
    """Raise InputError unless files can be written into a folder: asked before anything is computed for them.

    By a file that is made there and gone again: permissions say yes to root, also where nothing can be made (/proc).

    Parameters
    ----------
    blame : str
        What the message begins with: the option that named the folder, and its value.
    folder : Path
    files : sequence of Path
        To be written.
    make : bool
        Make the folder, too; otherwise it is the nearest one above it that is asked, and nothing is left behind.
    """
    place = folder
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        while not place.exists() and place != place.parent:
            place = place.parent
    except OSError as error:  # also a name that is too long, a loop of links
        name = "" if blame.endswith(f" {folder}") else f"{folder} "
        raise InputError(f"{blame}: {name}cannot be made a folder ({error.strerror}){_ELSEWHERE}") from None
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        name = "" if blame.endswith(f" {place}") else f"{place} "
        raise InputError(f"{blame}: {name}cannot be written to ({error.strerror}){_ELSEWHERE}") from None
    for path in files:
        if path.is_dir():
            raise InputError(f"{blame}: {path} is a folder, where a file of that name is written{_ELSEWHERE}")
        if path.exists() and not os.access(path, os.W_OK):
            raise InputError(f"{blame}: {path} cannot be written (Permission denied){_ELSEWHERE}")


_ELSEWHERE = "; take another place"


def csv_text(rows: pd.DataFrame, float_format: str | None = None) -> str:
    """Return a table as CSV; text that a spreadsheet would run as a formula begins with an apostrophe there."""
    safe = rows.copy(deep=False)
    for name in rows.columns:
        if rows[name].dtype.kind not in "biufc":
            safe[name] = rows[name].map(_harmless)
    return safe.to_csv(index=False, float_format=float_format)


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
