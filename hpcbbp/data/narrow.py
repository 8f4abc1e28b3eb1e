"""X kept in numbers of two bytes or one: bf16, the upper half of a float32, or int8 with a scale a row and chunk."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hpcbbp.data import single
from hpcbbp.data.base import Array, largest_entry
from hpcbbp.data.kernels import Rows
from hpcbbp.data.panels import PanelData
from hpcbbp.data.single import CHUNK, Entries, Single
from hpcbbp.errors import InputError
from hpcbbp.machine.ranks import Group
from hpcbbp.model.curvature import Curvature

NARROW: dict[str, np.dtype[Any]] = {"bf16": np.dtype(np.uint16), "int8": np.dtype(np.int8)}
_MOST = 127  # of int8, both ways


class NarrowRows:
    """Rows of one rank, rounded as they come.

    Parameters
    ----------
    rows, n : int
        How many, and how long.
    storage : {"bf16", "int8"}

    Attributes
    ----------
    entries : (rows, n) array
        uint16 (bits of bf16) or int8.
    scales : (rows, chunks) array
        What entries are multiples of; ones for bf16.
    largest : float
        Largest entry of X so far, in size.
    """

    def __init__(self, rows: int, n: int, storage: str) -> None:
        single.prepare(NARROW[storage])
        self.storage = storage
        self.entries: Entries = np.empty((rows, n), dtype=NARROW[storage])
        shape = (rows, -(-n // CHUNK))
        self.scales = np.empty(shape, dtype=np.float32) if storage == "int8" else single.no_scales(rows, n)
        self.largest = 0.0

    def put(self, start: int, rows: Rows) -> None:
        """Round rows and keep them from row `start`; to nearest, ties to even."""
        at = slice(start, start + len(rows))
        if self.entries.dtype == np.uint16:
            bits = rows.astype(np.float32).view(np.uint32)
            self.entries[at] = (bits + np.uint32(0x7FFF) + ((bits >> 16) & np.uint32(1))) >> 16
        else:
            for c in range(self.scales.shape[1]):
                columns = slice(c * CHUNK, (c + 1) * CHUNK)
                piece = rows[:, columns]
                scale = _short(np.abs(piece).max(axis=1).astype(np.float32) / np.float32(_MOST))
                divisor = np.where(scale > 0, scale, np.float32(1))[:, None]
                self.entries[at, columns] = np.clip(np.rint(piece / divisor), -_MOST, _MOST)
                self.scales[at, c] = scale
        given, kept = largest_entry(rows), largest_entry(self.read(at.start, at.stop))
        # Some NaN have bits that rounding makes a number of; finite numbers may be rounded to infinity.
        self.largest = float(np.maximum(self.largest, kept if math.isfinite(given) else given))

    def read(self, start: int, stop: int, out: Single | None = None) -> Single:
        """Rows as float32, exactly; into an array that is there already, or a new one."""
        out = np.empty((stop - start, self.entries.shape[1]), dtype=np.float32) if out is None else out
        single.widen(self.entries[start:stop], self.scales[start:stop], out)
        return out


def _short(values: Single) -> Single:
    """Positive numbers in 16 bits, rounded up: times an int8 they are float32."""
    bits = values.view(np.uint32)
    return ((bits + np.uint32(0xFF)) & np.uint32(0xFFFFFF00)).view(np.float32)


class NarrowData(PanelData):
    """X as it was rounded: what is stored is what X is. Made collectively.

    Parameters
    ----------
    kept : NarrowRows
        The rows that Group.owned(m) gives to this rank.
    m : int
        Samples on all ranks together.
    group : Group, optional
        One process by default.
    source : PanelData, optional
        The user's own X, of which this is an approximation.

    Raises
    ------
    InputError
        On all ranks alike: an entry that is not finite, or beyond the largest bf16.
    """

    def __init__(
        self, kept: NarrowRows, m: int, group: Group | None = None, *, source: PanelData | None = None
    ) -> None:
        group = Group.chosen(group)
        super().__init__(kept.entries.shape[1], m, group, quick=True)
        with group.agreeing():
            if not math.isfinite(kept.largest):
                raise InputError(f"the rows of X on rank {group.rank} have entries that are not finite, or too large")
        self.kept, self.largest, self.storage = kept, kept.largest, kept.storage
        self.source = source

    def _panel(self, start: int, stop: int) -> Rows:
        return self.kept.read(start, stop, self._room(stop - start))

    def _quick_product(self, V: Array, D: Curvature) -> Array:
        product = single.Product(self._replicated(V))
        product.add(self.kept.entries, self.kept.scales, D.diagonal, D.vector, D.weight)
        return self.group.scatter_sum(product.result().T)
