"""Records of finished instances: append-only JSON lines, safe on disk before the next instance starts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hpcbbp.errors import InputError


class Store:
    """One file of records, one JSON object a line, each with a key that says what was computed.

    Parameters
    ----------
    path : Path
        Created, with its folder, when the first record is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, dict[str, Any]]:
        """All whole records by key, the last one written for a key; a line cut short by a kill is left out."""
        found: dict[str, dict[str, Any]] = {}
        if not self.path.exists():
            return found
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                record = json.loads(line)
                found[record["key"]] = record
            except (json.JSONDecodeError, KeyError, TypeError):
                continue
        return found

    def append(self, record: dict[str, Any]) -> None:
        """Write a record; when this returns it survives a kill and a power cut."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as stream:
                torn = False
                if stream.seek(0, os.SEEK_END):
                    stream.seek(-1, os.SEEK_END)
                    torn = stream.read(1) != b"\n"
                line = json.dumps(record, allow_nan=False).encode() + b"\n"
                stream.write(b"\n" + line if torn else line)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror})") from None
