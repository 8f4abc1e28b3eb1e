"""The standard streams of a command: closed before it began, or on a device that fills up while it speaks."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hpcbbp.errors import InputError

CIRCUMSTANCES = frozenset(
    (
        errno.EACCES, errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EISDIR, errno.ELOOP, errno.EMFILE,
        errno.ENAMETOOLONG, errno.ENFILE, errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS,
    )
)  # fmt: skip
"""Errors of the operating system that are those of a machine or a path, not of this program."""


def tell(line: str) -> None:
    """A line on standard error; a full disk or a reader that has gone does not end the work it is about.

    Values are quoted as they came, names of files too: what would not be seen but act on a terminal is written out.
    """
    with suppress(OSError):
        print(visible(line), file=sys.stderr, flush=True)


def visible(text: str) -> str:
    r"""Text as a terminal may have it: whatever is not printable as Python writes it, an escape as \x1b.

    >>> print(visible("a\tb\x1b[2J caf\u00e9"))
    a\tb\x1b[2J café
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def mend() -> None:
    """Open what is closed of the standard streams, so that no file of ours gets their numbers.

    Raises
    ------
    InputError
        Without standard output there is nowhere to answer to.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != descriptor:
                os.dup2(null, descriptor)
                os.close(null)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
        raise InputError("standard output is closed: send it to a file, or to /dev/null")


def drop(descriptor: int) -> None:
    """Let what a stream still holds go nowhere: the interpreter would complain of it once more at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


@contextmanager
def answering() -> Iterator[None]:
    """What cannot be written to standard output is an InputError; a reader that has gone stays a BrokenPipeError."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        drop(1)
        raise InputError(f"standard output: cannot be written ({error.strerror or error})") from None


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it, past the buffers of Python."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def end() -> None:
    """Leave nothing in standard error that cannot be written."""
    try:
        sys.stderr.flush()
    except OSError:
        drop(2)
