"""Records of finished instances: append-only JSON lines, safe on disk before the next instance starts.

A record is one JSON object on one line with a key that says what was computed, and a checksum. What is in it, and
when a line counts as damaged, is in record.py; the schema is in docs/campaigns.md.
"""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import platform
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedIOBase, BufferedReader, FileIO, RawIOBase
from pathlib import Path
from typing import Any

from hpcbbp.campaign.kept import DamagedError, Descended, Failed, Record, Result, Solved
from hpcbbp.campaign.record import SCHEMA, LaterError, from_line, looks_like_one, written
from hpcbbp.errors import InputError

__all__ = ["SCHEMA", "Damage", "Descended", "Failed", "Record", "Records", "Result", "Solved", "Store"]

_LONGEST = 2**28
"""Bytes of a line: a record of a whole spectrum has a few MiB."""

_TOLD = 3
"""Damaged lines that a warning names one by one."""


@dataclass(frozen=True)
class Damage:
    """A line of a store that is no record.

    Attributes
    ----------
    path : Path
    line : int
        From 1.
    reason : str
    key : str or None
        Of the record that it was, if that is known.
    """

    path: Path
    line: int
    reason: str
    key: str | None


class Records(dict[str, Record]):
    """Records by key, what was no record beside them, and, if that was asked for, the lines that they are from.

    Examples
    --------
    >>> len(records), records.lost
    (12, ())
    """

    def __init__(
        self,
        found: Iterable[tuple[str, Record]] = (),
        damaged: Iterable[Damage] = (),
        lines: Mapping[str, bytes] | None = None,
    ) -> None:
        super().__init__(found)
        self.damaged, self.lines = tuple(damaged), lines or {}

    @property
    def lost(self) -> tuple[Damage, ...]:
        """Damage that took something: no other line holds the result of that key."""
        return tuple(damage for damage in self.damaged if not isinstance(self.get(damage.key or ""), Result))

    def warnings(self, missing: int | None = None) -> list[str]:
        """One line a store about what its damage took; `missing`: results that a campaign lacks, if that is known."""
        lines = []
        what = "hpcbbp run computes again what is missing" + (", if anything is" if missing is None else "")
        what = "nothing that the campaign asks for is missing" if missing == 0 else what
        for path in dict.fromkeys(damage.path for damage in self.lost):
            some = [damage for damage in self.lost if damage.path == path]
            named = [f"line {damage.line}: {damage.reason}" for damage in some[:_TOLD]]
            more = [f"{len(some) - _TOLD} more"] if len(some) > _TOLD else []
            lines.append(
                f"{path}: {len(some)} damaged record{'s are' if len(some) > 1 else ' is'} left out "
                f"({'; '.join(named + more)}); {what}"
            )
        return lines


_PATIENCE = 5.0
"""Seconds in which ranks whose mpirun was just killed notice that and go (1.4 were seen with Open MPI 5)."""


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Records hold none, and Python would look through all that are there again and again while more are read."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


class Store:
    """One file of records.

    Parameters
    ----------
    path : Path
        Created, with its folder, when the first record is written.

    Examples
    --------
    >>> found = work.store.read()
    >>> len(found), found.warnings()
    (12, [])
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, *, lines: bool = False) -> Records:
        """All whole records by key, the last one written for a key, and which lines are damaged.

        A line cut short by a kill is one of these. With `lines` the line of each record, without its end, is kept.

        Raises
        ------
        InputError
            What is no file or cannot be read, holds no records at all, or was written by a later hpcbbp.
        """
        found, kept, damaged, later, ours = dict[str, Record](), dict[str, bytes](), list[Damage](), "", False
        try:
            stream = BufferedReader(_opened(self.path, os.O_RDONLY), 2**20)
        except FileNotFoundError:
            return Records()
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror})") from None
        with stream, _no_search_for_cycles():
            for number, line in enumerate(_lines(stream, self.path), 1):
                try:
                    record = from_line(line)
                    found[record.key] = record
                    if lines:
                        kept[record.key] = line
                except LaterError as error:
                    raise self._later(str(error)) from None
                except DamagedError as error:
                    ours = ours or looks_like_one(line)
                    later = later or (str(error) if error.later else "")
                    if line:
                        damaged.append(Damage(self.path, number, str(error), error.key))
        if not found and later:
            raise self._later(later)
        if not found and damaged and not ours:
            raise InputError(f"{self.path}: not a store of hpcbbp (no line in it is a record); take another folder")
        return Records(found.items(), damaged, kept)

    def _later(self, schema: str) -> InputError:
        return InputError(f"{self.path}: records of {schema}, this hpcbbp knows schemas up to {SCHEMA}: update it")

    def append(self, content: Mapping[str, Any]) -> Record:
        """Write a record, and return it; when this returns it survives a kill and a power cut.

        Raises
        ------
        DamagedError
            What is no record would be damaged to its readers.
        InputError
            If the store cannot be written.
        """
        record, line = written(content)
        self.write(line)
        return record

    def write(self, line: bytes) -> None:
        """Write the line of a record, with its end; InputError if the store cannot be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _opened(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT) as stream:
                whole = stream.seek(0, os.SEEK_END)
                if whole and os.pread(stream.fileno(), 1, whole - 1) != b"\n":
                    line = b"\n" + line
                try:
                    _write(stream, line)
                    os.fsync(stream.fileno())
                except OSError:  # a full disk: no half record stays, nor one that its writer was told is not there
                    with suppress(OSError):
                        stream.truncate(whole)
                    raise
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror})") from None

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep every other job away from the store meanwhile; the lock ends with the process, however it ends.

        Raises
        ------
        InputError
            If another job holds it and goes on holding it for some seconds, or the folder cannot be written.
        """
        lock = self.path.with_suffix(".lock")
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            stream = _opened(lock, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW)
        except OSError as error:
            if error.errno == errno.ELOOP:  # what it points to is somebody's file
                raise InputError(f"{lock}: is a link; remove it, or take another folder") from None
            raise InputError(f"{self.path.parent}: cannot be written ({error.strerror})") from None
        with stream:
            if not _locked(stream):
                stream.seek(0)
                holder = stream.read().decode(errors="replace").strip() or "another job"
                raise InputError(f"{self.path}: is being written by {holder}; wait for it, or take --out")
            words = stream.read(100)
            if words and not words.startswith(b"process "):
                raise InputError(f"{lock}: is not a lock of hpcbbp; move it, or take another folder")
            with suppress(OSError):  # a full disk: the lock holds without saying whose it is
                stream.truncate(0)
                _write(stream, f"process {os.getpid()} on {platform.node()}".encode())
            yield


def _locked(stream: RawIOBase) -> bool:
    """Lock the file until it is closed; False if another process keeps it that long."""
    patience = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > patience:
                return False
            time.sleep(0.1)
        else:
            return True


def _write(stream: RawIOBase, data: bytes) -> None:
    """All of it: a write to a disk that fills up is short before it fails."""
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]


def _opened(path: Path, flags: int) -> FileIO:
    """Open a file and nothing else: a pipe or a device would wait for somebody, or never end."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        os.close(descriptor)
        raise InputError(f"{path}: is {_KINDS.get(stat.S_IFMT(kind), 'no file')}, not a file")
    return FileIO(descriptor, "r+b" if flags & os.O_RDWR else "rb")


_KINDS = {
    stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}  # fmt: skip


def _lines(stream: BufferedIOBase, path: Path) -> Iterator[bytes]:
    """Lines without their ends; the last one may have none."""
    try:
        while line := stream.readline(_LONGEST + 1):
            if len(line) > _LONGEST:
                raise InputError(f"{path}: not a store of hpcbbp (a line of more than {_LONGEST >> 20} MiB)")
            yield line.rstrip()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
