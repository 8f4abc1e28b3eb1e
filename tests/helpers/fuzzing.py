"""Fuzz tests: how many cases they run, what may not happen meanwhile, and the marks that they share.

`make test` runs the same few thousand cases every time; `make fuzz` sets HPCBBP_FUZZ and runs that many times more,
new ones each time. Whatever a reader of outside data meets, only InputError may leave it.
"""

from __future__ import annotations

import io
import math
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from hpcbbp.cli.app import main

T = TypeVar("T", bound=Callable[..., Any])

FACTOR = float(os.environ.get("HPCBBP_FUZZ", "1"))
# Where a number is asked for.
NUMBERS = [0, -1, 1, 2, 3, 17, 100_000, 100_001, 10**400, -(10**400), math.inf, -math.inf, math.nan, 1e308]
THINGS = [True, None, "2", "inf", "", b"2", (), [1], {}, 2j, np.array(2), np.array([2]), np.array("x"), np.True_]


def fuzzed(cases: int) -> Callable[[T], T]:
    """Settings of a fuzz test that runs that many cases in `make test`: the same ones each time, no deadline."""
    made: Any = settings(
        max_examples=max(1, round(cases * FACTOR)),
        derandomize=FACTOR == 1,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    return made


@contextmanager
def bounded(seconds: float = 10.0, mebibytes: int = 1024) -> Iterator[None]:
    """Fail with TimeoutError if the block takes longer, with MemoryError if the process grows by more than that."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"still running after {seconds:g} s")

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, ring)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + mebibytes * 2**20, hard))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGALRM, before)


@contextmanager
def streams_kept():
    """Standard output as it was: --json sends file descriptor 1 elsewhere until the process ends."""
    out, err, kept = io.StringIO(), io.StringIO(), os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            yield out, err
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def command(words: list[str], codes: tuple[int, ...] = (0, 2), seconds: float = 60.0) -> int:
    """Exit code of a command; whatever it is asked, it answers, or says one line why it does not."""
    with bounded(seconds, 1536), streams_kept() as (out, err), pytest.raises(SystemExit) as caught:
        main(words)
    code, told = caught.value.code, err.getvalue()
    assert code in codes, (words, told)
    assert "Traceback" not in told and "still running" not in told, (words, told)
    errors = [line for line in told.splitlines() if line.startswith("hpcbbp: error:")]
    assert len(errors) == (code == 2 and bool(words) and bool(told)), (words, told)
    if errors:
        assert out.getvalue() == "", words
        assert len(errors[0]) < 2000 + 2 * sum(map(len, words)), words
    return int(code or 0)
