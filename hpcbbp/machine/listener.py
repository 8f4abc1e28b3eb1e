"""Who hears what long work has to say: the library tells a listener, and only the command line prints."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Advance(Protocol):
    """Told of work that is done."""

    def __call__(self, work: float, label: str, pieces: int = 1, /) -> None:
        """How much it was, in the unit of the total; what; and how many pieces it ended (0: it was a part of one)."""


class Listener(Protocol):
    """What the library calls while it works, on every rank; who listens decides which of them speaks.

    Examples
    --------
    >>> class Loud(Silent):
    ...     def note(self, line):
    ...         print(line)
    >>> listener: Listener = Loud()
    >>> listener.note("eight instances are left")
    eight instances are left
    """

    def note(self, line: str) -> None:
        """Hear something worth knowing."""

    def warn(self, line: str) -> None:
        """Hear something that is not as it should be, and ends nothing."""

    def counting(self, what: str) -> Callable[[int, int], None]:
        """Return what is told how many of how many are done, of something short."""

    def working(self, total: float, count: int, what: str = "instances") -> AbstractContextManager[Advance]:
        """Begin long work of a total, in any unit proportional to time, in so many pieces of that name."""


class Silent:
    """A listener that keeps it to itself."""

    def note(self, line: str) -> None:
        """Say nothing."""

    def warn(self, line: str) -> None:
        """Say nothing."""

    def counting(self, what: str) -> Callable[[int, int], None]:
        """Return what is told, and says nothing."""
        return lambda done, total: None

    def working(self, total: float, count: int, what: str = "instances") -> AbstractContextManager[Advance]:
        """Return what is told, and says nothing."""
        return nullcontext(_unheard)


def _unheard(work: float, label: str, pieces: int = 1, /) -> None:
    """Nobody listens."""


SILENT = Silent()
