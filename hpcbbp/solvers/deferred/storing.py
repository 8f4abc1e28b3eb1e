"""How an image is kept: as it is, or as integers with one scale a panel (block floating point)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.compiled import compile_all, compiled

Floats = NDArray[Any]  # float32 or float64
Images = NDArray[Any]  # int16, float32 or float64


@compiled
def store(R: Images, scale: Floats, i: int, panel: int, r: Floats, limit: float) -> None:
    """Write r into R[i] over one panel, of r's length, and leave in r what was stored.

    With limit > 0 as integers |x| <= limit and one scale for the panel (block floating point), else as it is.
    """
    samples = r.shape[0]
    start = panel * samples
    largest = r[0] * 0
    for m in range(samples):
        largest = max(largest, abs(r[m]))
    if limit > 0 and largest > 0:
        unit = r.dtype.type(largest / limit)
        scale[i, panel] = unit
        for m in range(samples):
            x = np.rint(r[m] / unit)
            R[i, start + m] = x
            r[m] = r.dtype.type(x) * unit
    else:
        scale[i, panel] = 1
        for m in range(samples):
            R[i, start + m] = r[m]
            r[m] = R[i, start + m]


def prepare(storage: str, number: str) -> None:
    """Compile it, or load it, for a kind of storage and of arithmetic (see compile_all)."""
    signature = f"({storage}[:,::1], {number}[:,::1], int64, int64, {number}[::1], float64)"
    compile_all(f"store {storage} {number}", [(store, signature)])
