"""Work that keeps its state is stopped by signals and by its time, and says so with an exit code."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hpcbbp.cli.output import note
from hpcbbp.errors import InputError, StoppedError
from hpcbbp.machine.ranks import Group, leave
from hpcbbp.machine.signals import EXIT_LEFT, listening
from hpcbbp.solvers.keeping.base import Keeping


def check_wall_time(wall_time: float | None, folder: str | None) -> None:
    """InputError unless it is a number of seconds, of work that keeps its state."""
    if wall_time is None:
        return
    if folder is None:
        raise InputError(f"--wall-time {wall_time:g} without --checkpoint: name the folder to keep the state in")
    if not 0 < wall_time < math.inf:
        raise InputError(f"--wall-time {wall_time:g}: seconds, more than 0")


@contextmanager
def stopping(checkpoint: Keeping | None, group: Group, wall_time: float | None = None) -> Iterator[None]:
    """Stop what keeps its state at a SIGTERM, a SIGUSR1, or after so many seconds: it is written, exit code 75."""
    if checkpoint is None:
        yield
        return
    latest = math.inf if wall_time is None else time.monotonic() + wall_time
    with listening() as ear:
        checkpoint.stop = lambda: ear.heard() is not None or time.monotonic() >= latest
        try:
            yield
        except StoppedError as error:
            if group.rank == 0:
                note(f"{ear.heard() or 'wall time'}: {error}; the same command goes on")
            leave(EXIT_LEFT)
