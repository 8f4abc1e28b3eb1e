"""The folder of a checkpoint: claimed by one job, and nothing in it touched that is not a checkpoint's.

Every file of ours begins with words that say so. What stands under one of our names without them, or is no plain file
(a link, a pipe, a device), belongs to somebody else: the folder is refused, never written, truncated or emptied.
"""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import stat
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from hpcbbp.errors import InputError

LOCK = b"hpcbbp checkpoint lock\n"
IMAGES = b"hpcbbp checkpoint images "
STATE = b"hpcbbp checkpoint state "
BARE = b"PK\x03\x04"
"""Beginning of a state of format 1: an archive of numpy's, and no words of ours in any of the files."""

_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # no link is followed, no pipe waited for
_PATIENCE = 30  # tenths of a second for ranks of a job that was just killed, or for a lock's words to appear

UNREADABLE = (ValueError, KeyError, TypeError, EOFError, IndexError, MemoryError, OverflowError, RecursionError,
              NotImplementedError, OSError, RuntimeError, zipfile.BadZipFile, zipfile.LargeZipFile)  # fmt: skip
"""What numpy, zipfile and json raise for bytes that are not what they should be."""


class DamagedStateError(Exception):
    """A checksum is not that of what was read."""


class StateFolder:
    """Files of a checkpoint in one folder.

    Attributes
    ----------
    path, images, state, draft, lock : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.images, self.state = path / "images.bin", path / "state.npz"
        self.draft, self.lock = path / "state.tmp", path / "lock"
        self._held: int | None = None
        self._made = False

    def claim(self) -> None:
        """Make the folder, check that it is ours to use, and lock it until this process ends or lets it go.

        Raises
        ------
        InputError
            It cannot be written, another job has it, or there is something of somebody else's in it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock()
        except OSError as error:
            words = "is a file" if isinstance(error, FileExistsError) else error.strerror or error
            raise InputError(f"checkpoint folder {self.path}: {words}") from None

    def release(self) -> None:
        """Let other jobs have the folder."""
        if self._held is not None:
            os.close(self._held)
            self._held, self._made = None, False

    def _lock(self) -> None:
        for attempt in range(_PATIENCE):
            bare = self._refuse_foreign(patient=attempt < _PATIENCE // 3)
            file = self._lock_file(bare)
            if file is not None:
                self._held = file
                return
            time.sleep(0.1)
        raise InputError(f"checkpoint folder {self.path} is in use by another job: name another folder, or wait")

    def _lock_file(self, bare: bool) -> int | None:
        """The lock, held and with our words in it; None if another job has it, makes it, or has just removed it."""
        try:
            file = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFE, 0o666)
            self._made = True
        except FileExistsError:
            try:
                file = os.open(self.lock, os.O_RDWR | _SAFE)
            except FileNotFoundError:
                return None
        held = False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            words = os.pread(file, len(LOCK), 0)
            if words != LOCK and (self._made or bare) and not words.strip(b"\0"):
                words = LOCK
                write_at(file, words, 0)
            held = words == LOCK and os.path.samestat(os.fstat(file), os.lstat(self.lock))
        except (BlockingIOError, FileNotFoundError):
            pass
        except OSError:
            if self._made:  # a disk that is full: nothing is left behind
                self.lock.unlink(missing_ok=True)
            raise
        finally:
            if not held:
                os.close(file)
        return file if held else None

    def _refuse_foreign(self, *, patient: bool = False) -> bool:
        """InputError if a file under one of our names is not ours; return whether a lock without words is.

        A folder with our lock may hold files that a kill, or a power cut, left without their beginning; without it,
        words must be there in full. A lock without words is that of format 1, or of a job that is just beginning.
        """
        lock = _beginning(self.lock, len(LOCK))
        marked = lock == LOCK
        state = _beginning(self.state, len(STATE))
        bare = state is not None and state.startswith(BARE) and _is_bare(self.state)
        if state is not None and not (bare or _ours(state, STATE, marked)):
            raise InputError(
                f"checkpoint {self.state} cannot be read (not a checkpoint's, or damaged) and was not touched: "
                "name another folder"
            )
        known = bare or state == STATE
        if lock is not None and not marked and (lock.strip(b"\0") or not (known or patient or self._made)):
            raise InputError(self._foreign(self.lock))
        for path, words in ((self.images, IMAGES), (self.draft, STATE)):
            found = _beginning(path, len(words))
            if found is not None and not bare and not _ours(found, words, marked):
                raise InputError(self._foreign(path))
        return known

    def _foreign(self, path: Path) -> str:
        return (
            f"checkpoint folder {self.path}: {path.name} in it is not a checkpoint's and was not touched: "
            "name another folder"
        )

    def clear(self) -> None:
        """Remove what is ours, and the folder if nothing else is in it. For one rank."""
        try:
            self._refuse_foreign()
        except InputError:  # somebody else's
            return
        paths = [self.state, self.images, self.draft, self.lock]  # images without a state are nothing
        if _beginning(self.lock, len(LOCK)) != LOCK:  # what says that the others are ours goes last
            paths = [self.images, self.draft, self.lock, self.state]
        for path in paths:
            path.unlink(missing_ok=True)
        with suppress(OSError):  # files of others in it, or nothing there
            self.path.rmdir()

    def drop_draft(self) -> None:
        """Remove a state that was not written to its end."""
        if _beginning(self.draft, 1) is not None:
            self.draft.unlink(missing_ok=True)

    def replace_state(self, packed: bytes) -> None:
        """Put a new state in the place of the old one, so that a kill leaves one of the two."""
        self.drop_draft()
        with opened(self.draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as file:
            write_at(file, packed, 0)
            os.fsync(file)
        self.draft.replace(self.state)


@contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """A descriptor of a plain file; OSError for anything else."""
    file = os.open(path, flags | _SAFE, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "not a plain file")
        yield file
    finally:
        os.close(file)


def _beginning(path: Path, size: int) -> bytes | None:
    """First bytes of a plain file; None if there is nothing, InputError for a link, a pipe, a folder, a device."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        kind = "a link" if stat.S_ISLNK(mode) else "a folder" if stat.S_ISDIR(mode) else "no plain file"
        raise InputError(
            f"checkpoint {path} is {kind}, not a checkpoint's file, and was not touched: name another folder"
        )
    try:
        with opened(path, os.O_RDONLY) as file:
            return os.pread(file, size, 0)
    except FileNotFoundError:
        return None


def _ours(found: bytes, words: bytes, marked: bool) -> bool:
    """Whether a file begins with our words; in a marked folder also with a part of them, or zeros."""
    return found == words or (marked and words.startswith(found.rstrip(b"\0")))


def _is_bare(path: Path) -> bool:
    """Whether an archive of numpy's is a state of format 1."""
    try:
        return bool(json.loads(str(unpacked(path.read_bytes())["about"]))["identity"]["format"] == 1)
    except UNREADABLE:
        return False


def unpacked(archive: bytes) -> dict[str, Any]:
    """Arrays of an archive of numpy's."""
    with np.load(io.BytesIO(archive), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def write_at(file: int, data: bytes, offset: int) -> None:
    """Write all of it, however many pieces the system makes of that."""
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


def read_at(file: int, size: int, offset: int) -> bytes:
    """So many bytes of a file; OSError if it ends before."""
    parts = []
    while size:
        part = os.pread(file, size, offset)
        if not part:
            raise OSError(0, "file is too short")
        parts.append(part)
        size, offset = size - len(part), offset + len(part)
    return b"".join(parts)


def one_line(error: BaseException) -> str:
    """An error's text in one line."""
    return " ".join(str(error).split()) or type(error).__name__
