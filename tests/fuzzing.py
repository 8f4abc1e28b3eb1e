"""Fuzz tests: how many cases they run, what may not happen meanwhile, and the marks that they share.

`make test` runs the same few thousand cases every time; `make fuzz` sets HPCBBP_FUZZ and runs that many times more,
new ones each time. Whatever a reader of outside data meets, only InputError may leave it.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings

T = TypeVar("T", bound=Callable[..., Any])

FACTOR = float(os.environ.get("HPCBBP_FUZZ", "1"))


def fuzzed(cases: int) -> Callable[[T], T]:
    """Settings of a fuzz test that runs that many cases in `make test`: the same ones each time, no deadline."""
    made: Any = settings(
        max_examples=max(1, round(cases * FACTOR)),
        derandomize=FACTOR == 1,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    return made  # type: ignore[no-any-return]


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
