"""The line of a record in a store, and the checksum that says that it is what was written.

A line is one JSON object whose last key is "sha256", of the bytes of the line before `, "sha256"`. A line of schema 1
has no checksum, or has one: it was written before there were any, or merged since.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from hpcbbp.campaign.kept import DamagedError, Record, checked, words_of

SCHEMA = 2
"""Version of a record's line; raised when a key changes its meaning. 2: every line has a checksum."""

_MARK = b', "sha256": "'
_TAIL = len(_MARK) + 64 + len(b'"}')
_KEY = re.compile(rb'"key": "([^"]*)"')
_POINT = re.compile(rb'"point": (\{[^{}]*\})')


class LaterError(ValueError):
    """A line of a later hpcbbp, by its checksum not a damaged one."""


def to_line(content: Mapping[str, Any]) -> bytes:
    """Return the line of a record's content, with its checksum and newline.

    Raises
    ------
    DamagedError
        For what is no record.
    """
    return written(content)[1]


def written(content: Mapping[str, Any]) -> tuple[Record, bytes]:
    """Return a record, and its line, as to_line."""
    kept = {**content, "schema": SCHEMA}
    return checked(kept), _sealed(kept)


def _sealed(content: Mapping[str, Any]) -> bytes:
    try:
        body = json.dumps(content, allow_nan=False).encode()[:-1]
    except ValueError:
        raise DamagedError("it holds a number that is not finite") from None
    return body + _MARK + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def copied(line: bytes) -> bytes:
    """Return a whole record's line for another store: as it is; of an earlier schema, with ours and a checksum."""
    sealed = line[-_TAIL : -_TAIL + len(_MARK)] == _MARK
    content = from_json(line[:-_TAIL] + b"}" if sealed else line, allow_inf_nan=False)
    if sealed and content["schema"] == SCHEMA:
        return line + b"\n"
    return _sealed({**content, "schema": SCHEMA})


def from_line(line: bytes) -> Record:
    """Return the record of a line.

    Raises
    ------
    LaterError
        For a line of a later hpcbbp.
    DamagedError
        For any other line.
    """
    if line[-_TAIL : -_TAIL + len(_MARK)] == _MARK:
        body, digest = line[:-_TAIL], line[-_TAIL + len(_MARK) : -2]
        if hashlib.sha256(body).hexdigest().encode() != digest or line[-2:] != b'"}':
            raise DamagedError("its checksum does not fit", _claimed(line))
        content = _parsed(body + b"}", line)
        _check_schema(content, line, sealed=True)
    else:
        content = _parsed(line, line)
        _check_schema(content, line, sealed=False)
    try:
        return checked(content)
    except DamagedError as error:
        raise DamagedError(str(error), _claimed(line)) from None


def _check_schema(content: Mapping[str, Any], line: bytes, *, sealed: bool) -> None:
    schema = content.get("schema")
    if type(schema) is not int or schema < 1:
        raise DamagedError("it has no schema", _claimed(line))
    if schema > SCHEMA and sealed:
        raise LaterError(f"schema {schema}")
    if schema > SCHEMA:
        raise DamagedError(f"schema {schema}", _claimed(line), later=True)
    if sealed:
        return
    if schema > 1:
        raise DamagedError("it has no checksum", _claimed(line))
    try:
        json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise DamagedError("a key is there twice", _claimed(line)) from None
    if not str(content.get("key")).startswith("physics=1 "):
        raise DamagedError("its key is not that of its point", _claimed(line))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def _parsed(text: bytes, line: bytes) -> dict[str, Any]:
    try:
        content = from_json(text, allow_inf_nan=False)
    except ValueError:
        whole = line.endswith(b"}")
        raise DamagedError("it is not JSON" if whole else "it is cut short", _claimed(line)) from None
    if not isinstance(content, dict):
        raise DamagedError("it is no JSON object")
    return content


def _claimed(line: bytes) -> str | None:
    """Key of a damaged line: the only one in it, which its point agrees with unless the line ends before it does.

    Where in doubt there is none, and the line counts as a record that was lost.
    """
    keys = {found.decode("ascii", errors="replace") for found in _KEY.findall(line)}
    if len(keys) != 1:
        return None
    (key,) = keys
    point = _POINT.search(line)
    if point is None:
        return key if not line.endswith(b"}") else None
    try:
        return key if key.partition(" ")[2] == words_of(from_json(point[1], allow_inf_nan=False)) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def looks_like_one(line: bytes) -> bool:
    """Whether a damaged line was a record once: any two of its first words are there."""
    words = (b'{"schema"', b'"key": "', b"physics=", b'"point"', b" p_star=", b'"hpcbbp"')
    return sum(word in line for word in words) >= 2
