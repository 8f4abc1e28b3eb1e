"""Signals that ask a run to stop, heard from its first moment on: they may come before there is anything to stop.

Imports nothing heavy: whoever calls `listen` first thing has a handler before MPI and PETSc are even loaded.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

STOPS = (signal.SIGTERM, signal.SIGUSR1)
"""What batch systems send before they kill (SIGUSR1: Slurm's --signal, and what mpirun passes on to its ranks)."""

RUNS = ("run", "demo", "figure")
"""Commands that a signal stops in an orderly way, with an exit code of their own; others do with a --checkpoint."""

EXIT_LEFT = 75
"""Exit code of work that ended early and goes on when it is started again (EX_TEMPFAIL)."""

_heard: list[int] = []


def listen(words: Sequence[str]) -> None:
    """Note these signals from now on, if the words of a command line are those of a run."""
    stops = words[:1] and (words[0] in RUNS or any(word.split("=")[0] == "--checkpoint" for word in words))
    if stops and threading.current_thread() is threading.main_thread():
        for number in STOPS:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _note)


def _note(number: int, _: FrameType | None) -> None:
    _heard.append(number)


def deaf() -> None:
    """Let these signals pass: the process is about to leave with the exit code that it has earned."""
    if threading.current_thread() is threading.main_thread():
        for number in STOPS:
            if signal.getsignal(number) is _note:
                signal.signal(number, signal.SIG_IGN)


def default() -> None:
    """End the process by these signals again, also by one that has been noted: there is nothing to go on with."""
    for number in STOPS:
        if signal.getsignal(number) is _note:
            signal.signal(number, signal.SIG_DFL)
    for heard in _heard:
        os.kill(os.getpid(), heard)


class Ear:
    """What has been heard, for any thread and at once.

    Python runs its handlers in the main thread, and only between two steps of the interpreter: not while rank 0 is in
    a long call of LAPACK. The number of the signal arrives in a pipe all the same.
    """

    def __init__(self, end: int | None = None) -> None:
        self._end = end
        self._name: str | None = None

    def heard(self) -> str | None:
        """Name of the first signal that has come, or None."""
        if self._name is None and _heard:
            self._name = signal.Signals(_heard[0]).name
        if self._name is None and self._end is not None:
            try:
                come = os.read(self._end, 64)
            except BlockingIOError:
                come = b""
            for number in come:
                if number in STOPS:
                    self._name = self._name or signal.Signals(number).name
        return self._name


@contextmanager
def listening() -> Iterator[Ear]:
    """Hear these signals inside the block, and what was noted before it.

    Outside the main thread, where no handler can be set, only what another one notes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Ear()
        return
    end, begin = os.pipe()
    os.set_blocking(end, False)
    os.set_blocking(begin, False)
    before = [signal.signal(number, _note) for number in STOPS]
    other = signal.set_wakeup_fd(begin, warn_on_full_buffer=False)
    try:
        yield Ear(end)
    finally:
        signal.set_wakeup_fd(other)
        for number, handler in zip(STOPS, before, strict=True):
            signal.signal(number, handler)
        _heard.clear()
        os.close(end)
        os.close(begin)
