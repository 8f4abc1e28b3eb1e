"""The errors a user can do something about."""

from __future__ import annotations

import math
import numbers
import reprlib

_SHORT = reprlib.Repr()  # looks at the beginning of a long list alone
_SHORT.maxstring = _SHORT.maxother = 200


class InputError(ValueError):
    """A value the user gave cannot be used.

    The message is one line: the value, what is allowed and, where there is one, the way out. The command
    line prints it once (not once a rank) and exits with code 2.

    Examples
    --------
    >>> from hpcbbp import Problem
    >>> try:
    ...     Problem(p=0, p_star=1, alpha=3.0, a=1.5)
    ... except InputError as error:
    ...     print(str(error).split(":")[0])
    p = 0
    """


class StoppedError(Exception):
    """A solve was asked to stop and has kept its state, to go on later; raised on all ranks alike."""


class MissingDependencyError(InputError, ImportError):
    """Something needed is not installed; the message says what, and how to get it.

    An ImportError too: rooms of the package that need an extra raise it when they are imported without.

    Examples
    --------
    >>> from hpcbbp.machine.optional import require
    >>> require("a table", "analysis")  # raises it, and names the extra, where pandas is missing
    """


def shown(value: object) -> str:
    """A value as a message quotes it: one short line, whatever was given."""
    plain = whole_number(value)
    if plain is not None and abs(plain) >= 10**40:  # Python refuses to print more than 4300 digits
        return f"{'-' if plain < 0 else ''}10^{round(math.log10(abs(plain)))}, about"
    number = real_number(value) if plain is None else plain  # numpy's numbers as Python shows its own
    try:
        text = " ".join(_SHORT.repr(value if number is None else number).split())
    except (RecursionError, ValueError):  # nested deeply; an integer too long to be written
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:50]}...{text[-7:]}"


def whole_number(value: object) -> int | None:
    """Python's int for a whole number of any type (numpy's too), None for what is none; True and 2.0 are none."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or _of_time(value):
        return None
    return int(value)


def real_number(value: object) -> float | None:
    """Python's float for a real number of any type (numpy's too), None for what is none, for True, if too large."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or _of_time(value):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _of_time(value: object) -> bool:
    """Whether it is one of numpy's spans of time, which numpy counts among its integers."""
    return getattr(getattr(value, "dtype", None), "kind", "") in ("m", "M")
