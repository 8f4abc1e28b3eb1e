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


def exact(value: float) -> str:
    """As short as gives the same number back: 2, 0.3."""
    return repr(float(value)).removesuffix(".0")


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
    """Seconds in words: 42 s, 3 min 20 s, 2 h 05 min; rounded before they are taken apart."""
    if not math.isfinite(seconds):
        return f"{seconds} s"
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    if whole < 6000:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"
