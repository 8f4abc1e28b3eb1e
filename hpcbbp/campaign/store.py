"""Records of finished instances: append-only JSON lines, safe on disk before the next instance starts.

A record is one JSON object on one line with a key that says what was computed. The schema is in docs/campaigns.md.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import RawIOBase
from pathlib import Path
from typing import Any

from hpcbbp.errors import InputError

Record = dict[str, Any]
"""What is kept of an instance; the keys are in docs/campaigns.md."""

SCHEMA = 1
"""Version of a record's keys; raised when one changes its meaning."""


class Store:
    """One file of records.

    Parameters
    ----------
    path : Path
        Created, with its folder, when the first record is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, dict[str, Any]]:
        """All whole records by key, the last one written for a key; a line cut short by a kill is left out.

        Raises
        ------
        InputError
            A file that cannot be read, holds no records at all, or was written by a later hpcbbp.
        """
        found: dict[str, dict[str, Any]] = {}
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return found
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror})") from None
        lines = text.split("\n")
        for line in lines:
            try:
                record = json.loads(line)
                key, schema = record["key"], record.get("schema", SCHEMA)
            except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
                continue
            if schema > SCHEMA:
                raise InputError(
                    f"{self.path}: records of schema {schema}, this hpcbbp knows schemas up to {SCHEMA}: update it"
                )
            found[key] = record
        if not found and len(lines) > 1:
            raise InputError(f"{self.path}: not a store of hpcbbp (no line in it is a record); take another folder")
        return found

    def append(self, record: dict[str, Any]) -> None:
        """Write a record; when this returns it survives a kill and a power cut."""
        line = json.dumps(record, allow_nan=False).encode() + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b", buffering=0) as stream:
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
            If another job holds it, or the folder cannot be written.
        """
        lock = self.path.with_suffix(".lock")
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            stream = lock.open("a+b", buffering=0)
        except OSError as error:
            raise InputError(f"{self.path.parent}: cannot be written ({error.strerror})") from None
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                stream.seek(0)
                holder = stream.read().decode(errors="replace").strip() or "another job"
                raise InputError(f"{self.path}: is being written by {holder}; wait for it, or take --out") from None
            with suppress(OSError):  # a full disk: the lock holds without saying whose it is
                stream.truncate(0)
                _write(stream, f"process {os.getpid()} on {platform.node()}".encode())
            yield


def _write(stream: RawIOBase, data: bytes) -> None:
    """All of it: a write to a disk that fills up is short before it fails."""
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]
