"""What people and machines see: tables, one JSON object, one line for an error, progress with ETA."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import sys
import termios
import time
from contextlib import suppress
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.console import Group as Lines
from rich.table import Table
from rich.text import Text

from hpcbbp.machine.launch import traps
from hpcbbp.machine.launcher import launched, launched_rank
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.stdio import answering, tell, write_all
from hpcbbp.machine.table import Table as Shown


class Output:
    """Standard output of rank 0; with as_json one JSON object and nothing else, whatever PETSc prints.

    Parameters
    ----------
    as_json : bool
        Send what anybody else prints to standard error, also from compiled code, until the process ends.
    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._json: int | None = None
        if as_json:
            with answering():
                self._json = os.dup(1)
            os.dup2(2, 1)

    def json(self, answer: dict[str, Any]) -> None:
        """Write the JSON object; there is one."""
        assert self._json is not None
        descriptor, self._json = self._json, None
        if launched():
            _let_be_read(2)
        try:
            with answering():
                write_all(descriptor, (json.dumps(answer, allow_nan=False) + "\n").encode())
            if launched():
                _let_be_read(descriptor)
        finally:
            os.close(descriptor)

    def show(self, *renderables: Any) -> None:
        """Print tables and lines for people; full width when the output is not a terminal."""
        # Open MPI gives rank 0 a pseudo-terminal even if its output goes to a file: plain text there.
        terminal = sys.stdout.isatty() and not launched()
        console = Console(width=None if terminal else 240, force_terminal=terminal, highlight=False)
        with answering():
            for item in renderables:
                console.print(item, soft_wrap=isinstance(item, str))

    def markdown(self, text: str) -> None:
        """Show Markdown as it is meant on a terminal, and as it is written anywhere else."""
        from rich.markdown import Markdown

        if sys.stdout.isatty() and not launched():
            self.show(Markdown(text))
        else:
            self.text(text)

    def text(self, text: str) -> None:
        """Write a text as it is."""
        with answering():
            sys.stdout.write(text)


def _let_be_read(stream: int, patience: float = 5.0) -> None:
    """Wait until the launcher has read what lies in the pipe to it; not for ever, it may be busy.

    Open MPI 5 puts what it has read of a line before whatever comes next from the same process, to either stream
    (https://github.com/openpmix/openpmix/issues/3858): a monitor's half line before the JSON object, or the first
    4096 characters of that before a warning. A pseudo-terminal does not say what was read: it gets a moment.
    """
    sys.stderr.flush()
    latest = time.monotonic() + patience
    with suppress(OSError):  # no such question here
        if os.isatty(stream) and stream != 2:
            time.sleep(0.3)
        elif stat.S_ISFIFO(os.fstat(stream).st_mode):
            while int.from_bytes(fcntl.ioctl(stream, termios.FIONREAD, bytes(4)), sys.byteorder):
                if time.monotonic() > latest:
                    return
                time.sleep(0.01)


def table(shown: Shown[Any]) -> Lines:
    """Return a title line, which may be longer than the table, and a table with right-aligned columns."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for title in shown.titles:
        made.add_column(title, justify="right", no_wrap=True)
    for row in shown.cells:
        made.add_row(*row)
    return Lines(Text(shown.title, style="bold"), made) if shown.title else Lines(made)


def warn(message: str) -> None:
    """One warning line on standard error."""
    tell(f"hpcbbp: warning: {message}")


def warn_of_traps(group: Group) -> None:
    """Warn of how the job was started, once. Collective."""
    for line in traps(group):
        if group.rank == 0 and launched_rank() == 0:
            warn(line)


def note(message: str) -> None:
    """One line on standard error."""
    tell(f"hpcbbp: {message}")
