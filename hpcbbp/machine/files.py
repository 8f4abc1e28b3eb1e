"""Files that a user asked for: whole or not there, and safe to open."""

from __future__ import annotations

import os
import secrets
import stat
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


def csv_text(rows: pd.DataFrame, float_format: str | None = None) -> str:
    """Return a table as CSV; text that a spreadsheet would run as a formula begins with an apostrophe there."""
    safe = rows.copy(deep=False)
    for name in rows.columns:
        if rows[name].dtype.kind not in "biufc":
            safe[name] = rows[name].map(_harmless)
    return safe.to_csv(index=False, float_format=float_format)


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
