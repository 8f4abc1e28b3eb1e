"""What a user's own loss, activation and arrays hand in, made into what everything else counts on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, shown

Array = NDArray[np.float64]

ARGUMENTS = {"activation": "s", "custom_loss": "y, yhat", "link": "u", "noise": "y, z"}
"""Parts of a problem that a user may write, and what their methods are called with."""


def refuse_masked(values: Any, what: str) -> None:
    """Raise InputError for a masked array: whatever is hidden there would be taken for a number."""
    if isinstance(values, np.ma.MaskedArray):
        raise InputError(f"{what}: a masked array, whose mask would be ignored; give filled or compressed numbers")


METHODS = {"link": "value", "noise": "apply"}
"""What such a part has, where that is not value, first and second."""


def evaluated(role: str, part: Any, method: str, *at: Array, shape: tuple[int, ...] | None = None) -> Array:
    """A method of a part of a problem at some points: an array of their shape, whatever is a number there.

    Parameters
    ----------
    role : {"activation", "custom_loss", "link", "noise"}
    part : Activation, Loss, Link or Channel
    method : {"value", "first", "second", "apply"}
    *at : arrays of one shape
    shape : tuple, optional
        Of the result, if it is another one.

    Returns
    -------
    array of that shape
        A single number, as constant derivatives are written, is taken for all points.

    Raises
    ------
    InputError
        There is no such method, or it returns anything but real numbers of that shape.
    """
    called = f"{named(role, part)}: {method}({ARGUMENTS[role]})"
    asked_for = "shape" if shape is not None else f"{ARGUMENTS[role].split(',')[0]}'s shape"
    shape = at[0].shape if shape is None else shape
    asked = getattr(part, method, None)
    if not callable(asked):
        has = METHODS.get(role, "value, first and second")
        raise InputError(f"{called} is missing; it has {has} (docs/howto.md)")
    given = called_with(called, asked, *at)
    wanted = f"an array of {asked_for} {shape} or a real number is wanted"
    refuse_masked(given, called)
    try:
        found = np.asarray(given)
    except ValueError:  # lists of different lengths
        raise InputError(f"{called} returned {shown(given)}: {wanted}") from None
    if found.dtype.kind not in "biuf":
        what = shown(given) if found.ndim == 0 else f"numbers of type {found.dtype}"
        raise InputError(f"{called} returned {what}: {wanted}")
    if found.shape not in ((), shape):
        raise InputError(f"{called} returned an array of shape {found.shape}: {wanted}")
    result: Array = found.astype(np.float64, copy=False)
    return result if found.shape == shape else np.full(shape, float(result))


def called_with(called: str, asked: Callable[..., Any], *at: Any) -> Any:
    """What a user's method returns; InputError in one line, with its name, where it raises."""
    try:
        return asked(*at)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # whatever the user's class does
        raise InputError(f"{called}: {type(error).__name__}: {' '.join(str(error).split())}") from None


def not_finite(role: str, part: Any, method: str, *at: Array) -> str:
    """What to say where a method makes no number of numbers; empty where it does."""
    values = evaluated(role, part, method, *at)
    bad = ~np.isfinite(values) & np.logical_and.reduce([np.isfinite(points) for points in at])
    if not bad.any():
        return ""
    first = np.unravel_index(int(np.argmax(bad)), bad.shape)
    places = ", ".join(
        f"{name} = {points[first]:.6g}" for name, points in zip(ARGUMENTS[role].split(", "), at, strict=True)
    )
    return (
        f"{named(role, part)}: {method}({ARGUMENTS[role]}) is {values[first]} at {places}; it has to be a finite "
        "number wherever the data lead"
    )


def named(role: str, part: Any) -> str:
    """A part in words."""
    return f"{role} = {shown(getattr(part, 'name', type(part).__name__))}"
