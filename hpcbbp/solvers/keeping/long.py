"""Long vectors of a descent on disk: appended to one file by all ranks, with a checksum of each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.keeping.folder import IMAGES, DamagedStateError, read_at, write_at

_HEADER = 64  # bytes in front
_MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


class Indexed(Protocol):
    """What has vectors by index."""

    def __len__(self) -> int:
        """Vectors."""

    def __getitem__(self, i: int, /) -> NDArray[Any]:
        """Vector i, (local,)."""


@dataclass(frozen=True)
class Long:
    """Vectors of one kind and length, of which each rank has a part.

    Attributes
    ----------
    rows : Indexed
    first, total : int
        Where this rank's part begins, and the length of the whole.
    replaced : bool
        Whether they are others each time; else there are only ever more of them.
    """

    rows: Indexed
    first: int
    total: int
    replaced: bool = False


@dataclass
class Place:
    """Where vectors of a kind stand in the file.

    Attributes
    ----------
    offsets, checksums : list of int
        Of each vector.
    """

    offsets: list[int]
    checksums: list[int]


class LongFile:
    """Layout of the file of one run.

    What counts is in `places`; vectors that are replaced go into a place that does not count, so that a kill leaves
    those of the state before.

    Parameters
    ----------
    token : str
        Name of the run, in hexadecimal.
    places : mapping of str to Place
        Of the state on disk.
    """

    def __init__(self, token: str, places: Mapping[str, Place] | None = None, end: int = _HEADER) -> None:
        self.token, self.places, self.end = token, dict(places or {}), end
        self._spare: dict[str, list[int]] = {}

    def write(self, file: int, kinds: Mapping[str, Long], *, header: bool) -> dict[str, Place]:
        """Write what is new, and the header if this rank is to; the places of everything then.

        Of what is new the checksums are what this rank's part adds to them (`summed`).

        Raises
        ------
        OSError
        """
        if header and not self.places:
            write_at(file, self._header(), 0)
        found: dict[str, Place] = {}
        for name, kind in kinds.items():
            known = Place([], []) if kind.replaced else self.places.get(name, Place([], []))
            place = Place(list(known.offsets), list(known.checksums))
            spare = list(self._spare.get(name, []))
            for i in range(len(known.offsets), len(kind.rows)):
                row = np.ascontiguousarray(kind.rows[i])
                place.offsets.append(spare.pop(0) if spare else self._room(kind.total * row.itemsize))
                place.checksums.append(self._mixed(row, kind.first, name, i))
                write_at(file, row.tobytes(), place.offsets[-1] + kind.first * row.itemsize)
            found[name] = place
        os.fsync(file)
        return found

    def summed(self, places: Mapping[str, Place], kinds: Mapping[str, Long], group: Group) -> dict[str, Place]:
        """Add what all ranks' parts are to the checksums of new vectors. Collective."""
        found = {}
        for name, place in places.items():
            old = 0 if kinds[name].replaced or name not in self.places else len(self.places[name].offsets)
            new = group.sum_integers(np.array(place.checksums[old:], dtype=np.int64))
            found[name] = Place(place.offsets, place.checksums[:old] + new.tolist())
        return found

    def count(self, places: Mapping[str, Place], kinds: Mapping[str, Long]) -> None:
        """These places are those of the state on disk now."""
        self._spare = {name: self.places[name].offsets for name in self.places if kinds[name].replaced}
        self.places = dict(places)

    def check_header(self, file: int) -> None:
        """DamagedStateError unless the file is that of this run."""
        if read_at(file, _HEADER, 0) != self._header():
            raise DamagedStateError("its beginning is not that of the run that state.npz is the state of")

    def read(self, file: int, name: str, dtype: Any, first: int, size: int) -> Iterator[tuple[NDArray[Any], int]]:
        """Yield this rank's part of each vector of a kind, and what it adds to the checksum.

        Raises
        ------
        OSError
        """
        itemsize = np.dtype(dtype).itemsize
        for i, offset in enumerate(self.places[name].offsets):
            raw = read_at(file, size * itemsize, offset + first * itemsize)
            row = np.frombuffer(raw, dtype=dtype) if raw else np.zeros(0, dtype=dtype)
            yield row, self._mixed(row, first, name, i)

    def _room(self, size: int) -> int:
        offset, self.end = self.end, self.end + size
        return offset

    def _header(self) -> bytes:
        return (IMAGES + f"descent {self.token}\n".encode()).ljust(_HEADER)

    def _mixed(self, row: NDArray[Any], first: int, name: str, i: int) -> int:
        """A sum over numbers, each mixed with where it belongs: the same however ranks share them (splitmix64)."""
        salt = int(self.token, 16) + 1000003 * i + sum(name.encode())
        bits = row.view(f"u{row.itemsize}").astype(np.uint64)
        x = bits ^ ((np.arange(first, first + len(row), dtype=np.uint64) + np.uint64(salt & (2**64 - 1))) * _MIX[0])
        x = (x ^ (x >> np.uint64(30))) * _MIX[1]
        x = (x ^ (x >> np.uint64(27))) * _MIX[2]
        return int((x ^ (x >> np.uint64(31))).sum(dtype=np.uint64).astype(np.int64))
