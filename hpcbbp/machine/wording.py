"""Numbers and durations as people read them."""

from __future__ import annotations

import math
from collections.abc import Callable


def number(value: float | None, digits: int = 5) -> str:
    """Fixed-point number; a dash for None and for what is not finite."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def decimals(digits: int) -> Callable[[float | None], str]:
    """Return `number` with so many digits."""
    return lambda value: number(value, digits)


def general(value: float) -> str:
    """As short as six significant digits allow."""
    return f"{value:g}"


def whole(value: float) -> str:
    """A whole number, whatever type holds it."""
    return f"{value:.0f}"


def with_error(mean: float | None, error: float | None) -> str:
    """Mean and standard error in the usual short form: 0.3928(35); the mean alone without an error."""
    if mean is None or error is None or not (math.isfinite(mean) and 0 < error < math.inf):
        return number(mean, 4)
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{mean:.{digits}f}({round(error * 10**digits)})"


def duration(seconds: float) -> str:
    """Seconds in words: 42 s, 3 min 20 s, 2 h 05 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:02.0f} min"
