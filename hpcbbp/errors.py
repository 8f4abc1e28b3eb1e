"""The errors a user can do something about."""

from __future__ import annotations


class InputError(ValueError):
    """A value the user gave cannot be used.

    The message is one line: the value, what is allowed and, where there is one, the way out. The command
    line prints it once (not once a rank) and exits with code 2.
    """


class StoppedError(Exception):
    """A solve was asked to stop and has kept its state, to go on later; raised on all ranks alike."""


class MissingDependencyError(InputError):
    """Something needed is not installed; the message says what, and how to get it."""
