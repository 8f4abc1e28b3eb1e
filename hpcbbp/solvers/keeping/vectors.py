"""A state of long vectors, of which each rank writes its own part, and of a few small arrays."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.keeping.base import Keeping
from hpcbbp.solvers.keeping.folder import DamagedStateError, unpacked
from hpcbbp.solvers.keeping.identity import refuse_kind, refuse_other
from hpcbbp.solvers.keeping.long import Long, LongFile, Place

Taken = tuple[dict[str, Any], dict[str, NDArray[Any]]]


class VectorCheckpoint(Keeping):
    """See the module. Checksums of all of it are verified before anything is gone on with.

    Parameters
    ----------
    folder, every, stop, outlives
        As of Keeping.
    """

    words: bytes
    """Beginning of its state."""

    what: str
    """What it is the state of."""

    def _fresh(self) -> None:
        self._file = LongFile(os.urandom(8).hex())
        self._identity: dict[str, Any] = {}

    def _claim(self, group: Group, identity: dict[str, Any]) -> bool:
        """Claim the folder and return whether there is a state in it. Collective."""
        self.prepare(group)
        self._identity = json.loads(json.dumps(identity))
        self._file.token = group.share(self._file.token)
        return group.share(self._files.state.exists())

    def _small(self) -> Taken:
        """Words and arrays of the state there is; InputError for one of another kind or thing. Inside `_reading`."""
        about, arrays = self._unpacked(self._files.state.read_bytes())
        places = {name: Place(*map(list, lists)) for name, lists in about["places"].items()}
        self._file = LongFile(str(about["run"]), places, int(about["end"]))
        return about, arrays

    @property
    def counts(self) -> dict[str, int]:
        """How many long vectors of each kind the state on disk has."""
        return {name: len(place.offsets) for name, place in self._file.places.items()}

    def _take_long(self, group: Group, take: Callable[[LongFile, int], Mapping[str, list[int]]]) -> None:
        """Have the long vectors read, and compare checksums. Collective; `take` is not."""
        with group.agreeing(), self._reading_images() as file:
            self._file.check_header(file)
            sums = take(self._file, file)
        totals = {name: group.sum_integers(np.array(sums[name], dtype=np.int64)) for name in sorted(sums)}
        for name, found in totals.items():
            wrong = np.flatnonzero(found != np.array(self._file.places[name].checksums, dtype=np.int64))
            if len(wrong):
                with self._reading_images():
                    raise DamagedStateError(f"the checksum of {name} {wrong[0] + 1} of {len(found)} is wrong")
        self._bytes = self._file.end

    def _keep(
        self, group: Group, kinds: Mapping[str, Long], about: dict[str, Any], small: Mapping[str, NDArray[Any]]
    ) -> None:
        """Write what is new of the long vectors, then the small state. Collective."""
        parts = dict[str, Place]()

        def write(file: int) -> None:
            parts.update(self._file.write(file, kinds, header=group.rank == 0))

        def pack() -> bytes:
            words = {
                "identity": self._identity,
                "run": self._file.token,
                "end": self._file.end,
                "places": {name: [place.offsets, place.checksums] for name, place in places.items()},
                **about,
            }
            archive = io.BytesIO()
            np.savez(archive, **dict(small), about=np.array(json.dumps(words)))
            return self._words(archive.getvalue()) + archive.getvalue()

        end = self._file.end
        try:
            self._write(group, write)
            places = self._file.summed(parts, kinds, group)
            self._replace(group, pack)
        except InputError:  # of one rank, on all of them
            self._file.end = end
            raise
        self._file.count(places, kinds)
        self._bytes = self._file.end

    def ended(self, group: Group) -> None:
        """Remove the state, as the work is over. Collective."""
        if not self.outlives:
            self._remove(group)

    def _words(self, archive: bytes) -> bytes:
        return self.words + f"sha256 {hashlib.sha256(archive).hexdigest()}\n".encode()

    def _unpacked(self, raw: bytes) -> Taken:
        """Words and arrays of a state; InputError for one of something else, numpy's and JSON's for a damaged one."""
        refuse_kind(raw, self.words)
        size = len(self._words(b""))
        archive = raw[size:]
        if raw[:size] != self._words(archive):
            raise ValueError("its checksum is wrong")
        arrays = unpacked(archive)
        about = json.loads(str(arrays.pop("about")))
        refuse_other(about["identity"], dict(sorted(self._identity.items())), self.what)
        return about, arrays
