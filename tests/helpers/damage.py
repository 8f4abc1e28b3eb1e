"""Damage as disks, networks and editors do it: flipped, overwritten, inserted, deleted, repeated and lost bytes."""

from __future__ import annotations

import resource
import time
import warnings
from collections.abc import Callable
from typing import Any

from fuzzing import bounded
from hypothesis import strategies as st

from hpcbbp import InputError


@st.composite
def damaged(draw: Any, whole: bytes, head: int = 256) -> bytes:
    """One to four injuries, half of them within the first bytes, where the structure is."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        if not content:
            break
        reach = min(head, len(content)) if draw(st.booleans()) else len(content)
        at = draw(st.integers(0, reach - 1))
        kind = draw(st.sampled_from(("flip", "set", "insert", "delete", "fill", "repeat", "cut")))
        length = draw(st.integers(1, 16))
        if kind == "flip":
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "set":
            content[at] = draw(st.integers(0, 255))
        elif kind == "insert":
            content[at:at] = draw(st.binary(min_size=1, max_size=16))
        elif kind == "delete":
            del content[at : at + length]
        elif kind == "fill":
            content[at : at + length] = draw(st.sampled_from((b"\x00", b"\xff"))) * length
        elif kind == "repeat":
            content[at:at] = content[at : at + length]
        else:
            del content[at:]
    return bytes(content)


def read_or_refused(read: Callable[[], Any], seconds: float = 10.0, mebibytes: int = 256) -> Any:
    """What a reader returns, or its InputError; nothing else may come out of it, soon, and without growth.

    Time and memory are looked at as well, since a reader may make an InputError of what interrupts it.
    """
    before, clock = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    try:
        with bounded(seconds, 4 * mebibytes), warnings.catch_warnings():
            warnings.simplefilter("error")
            found = read()
    except InputError as error:
        found = error
    assert not isinstance(found, InputError) or ("\n" not in str(found) and len(str(found)) < 2000)
    assert time.monotonic() - clock < seconds
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1024 * mebibytes
    return found
