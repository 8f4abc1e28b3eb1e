"""A user's own X and weights, read from files: each rank what it owns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.data.base import DataMatrix, largest_entry
from hpcbbp.data.file import ArrayFile, open_array, read_shape
from hpcbbp.data.kernels import Rows
from hpcbbp.data.narrow import NARROW, NarrowData, NarrowRows
from hpcbbp.data.panels import PanelData
from hpcbbp.data.stored import StoredData, check_storage, storage_type
from hpcbbp.errors import InputError
from hpcbbp.machine import memory
from hpcbbp.machine.ranks import Group

_WHAT = "the data X"


def default_storage(dtype: np.dtype[Any]) -> str:
    """float32 for data that are no better, float64 for all others."""
    return "float32" if dtype.kind == "f" and dtype.itemsize <= 4 else "float64"


def _finite(values: NDArray[Any], name: str, row: int, what: str) -> None:
    good = np.isfinite(values)
    if not good.all():
        bad = np.argwhere(~good)[0]
        raise InputError(
            f"{name}: {values[tuple(bad)]} in row {row + int(bad[0])}, column {int(bad[1])}; "
            f"{what} must be finite numbers"
        )


class FileData(PanelData):
    """X as a file has it, read again in every product: what narrower numbers are compared with.

    Parameters
    ----------
    name : str
        See open_array.
    n, m : int
    stamp : (int, int)
        Its size and time of change, as it was read (ArrayFile.stamp).
    group : Group
    """

    def __init__(self, name: str, n: int, m: int, stamp: tuple[int, int], group: Group) -> None:
        super().__init__(n, m, group, quick=False)
        self._name, self._stamp = name, stamp
        self._array: ArrayFile | None = None

    def panels(self) -> Iterator[tuple[slice, Rows]]:
        """All rows of this rank, from a file that is opened once."""
        with open_array(self._name, _WHAT, "M x N") as self._array:
            if self._array.shape != (self.m, self.n) or self._array.stamp != self._stamp:
                raise InputError(f"{self._name}: has changed since it was read; start again with the file as it is")
            yield from super().panels()

    def _panel(self, start: int, stop: int) -> Rows:
        assert self._array is not None
        out, first = np.empty((stop - start, self.n)), self.rows.start
        self._array.read(slice(first + start, first + stop), slice(None), out)
        _finite(out, self._name, first + start, _WHAT)
        return out


def load_data(name: str, storage: str | None = None, group: Group | None = None) -> DataMatrix:
    """Read this rank's rows of X; rows enter as x_mu, unchanged. Collective.

    Parameters
    ----------
    name : str
        See open_array; an M x N array.
    storage : {"float64", "float32", "bf16", "int8"}, optional
        As in the file by default (float64 for integers). The last two are approximations: the file stays the source
        that pairs are compared with.
    group : Group, optional
        One process by default.

    Raises
    ------
    InputError
        On all ranks alike, also if only one of them found something wrong: an unusable file (see open_array), an
        entry that is not finite, an X that is zero everywhere, too little memory.

    Examples
    --------
    >>> np.save("X", np.ones((30, 10)))
    >>> load_data("X.npy").m
    30
    """
    group, largest = Group.chosen(group), 0.0
    with group.agreeing():
        m, n, found = read_shape(name, _WHAT, "M x N")
        storage = check_storage(storage or default_storage(found))
        narrow = storage in NARROW
        dtype = np.dtype(np.float32) if narrow else storage_type(storage)  # of what is read
    rows, size = group.owned(m), (NARROW[storage] if narrow else dtype).itemsize
    memory.require(len(rows) * n * size, group, f"take a smaller X than {name}, or ranks on more nodes")
    with group.agreeing(), open_array(name, _WHAT, "M x N") as array:
        stamp = array.stamp
        local: Rows = np.empty((0 if narrow else len(rows), n), dtype=dtype)
        kept = NarrowRows(len(rows), n, storage) if narrow else None
        step = max(1, (2**20 if narrow else 2**24) // n)
        # By pieces: a conversion of all rows at once would hold them twice.
        for start in range(rows.start, rows.stop, step):
            stop, at = min(rows.stop, start + step), start - rows.start
            piece = np.empty((stop - start, n), dtype=dtype) if narrow else local[at : at + stop - start]
            array.read(slice(start, stop), slice(None), piece)
            _finite(piece, name, start, _WHAT)  # finds what overflows float32, too
            largest = max(largest, largest_entry(piece))
            if kept is not None:
                kept.put(at, piece)
                largest = kept.largest
    if group.largest(largest) == 0.0:
        small = "" if storage == "float64" else f" (or too small for {storage})"
        raise InputError(f"{name}: every entry of {_WHAT} is zero{small}, and so would be the Hessian")
    if kept is not None:
        return NarrowData(kept, m, group, source=FileData(name, n, m, stamp, group))
    return StoredData(local, m, group, largest=largest)


def load_weights(name: str, what: str, shape: str, n: int, group: Group) -> NDArray[np.float64]:
    """Read this rank's coordinates of the weights: k x N in the file, (n_local, k) returned. Collective.

    Raises
    ------
    InputError
        If the file's N is not n, an entry is not finite, or memory is too small.
    """
    columns = group.owned(n)
    with group.agreeing():
        units, wide, _ = read_shape(name, what, shape)
        if wide != n:
            raise InputError(
                f"{name}: shape {(units, wide)}, but X has N = {n} columns; {what} are a {shape} array with N = {n}"
            )
    memory.require(16 * units * len(columns), group, f"take fewer units than {name} has, or ranks on more nodes")
    with group.agreeing(), open_array(name, what, shape) as array:
        local = np.empty((units, len(columns)))
        array.read(slice(None), slice(columns.start, columns.stop), local)
        _finite(local, name, 0, what)
    return np.ascontiguousarray(local.T)
