"""Checkpoints of a descent: the state between two steps, written so that any kill leaves one to go on from."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcbbp.dynamics.long import LongFile, Place
from hpcbbp.dynamics.trajectory import Landscape, Moment
from hpcbbp.errors import InputError
from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.deferred.folder import DamagedStateError, unpacked
from hpcbbp.solvers.deferred.keeping import INTERVAL, Keeping
from hpcbbp.solvers.deferred.state import DESCENT

if TYPE_CHECKING:
    from hpcbbp.dynamics.descent import Descent
    from hpcbbp.dynamics.schedule import Schedule
    from hpcbbp.dynamics.walker import Solving

Told = tuple[list[Moment], list[Landscape]]


class DescentCheckpoint(Keeping):
    """A folder, seen by all ranks, that holds the state of one descent.

    Weights, velocities and all that deferred data or dice know of X, with checksums that are verified before anything
    is gone on with; moments and Hessians so far. Another number of ranks can go on. A folder with files of somebody
    else under our names is refused and left as it is.

    Parameters
    ----------
    folder, every, stop, outlives
        As of Keeping: a state is written between two steps, never in the middle of a Hessian.

    Attributes
    ----------
    resumed : int or None
        Steps that the state in the folder had; None if there was none.
    """

    def __init__(
        self,
        folder: str | Path,
        every: float = INTERVAL,
        *,
        stop: Callable[[], bool] | None = None,
        outlives: bool = False,
    ) -> None:
        super().__init__(folder, every, stop=stop, outlives=outlives)
        self.resumed: int | None = None
        self._file = LongFile(os.urandom(8).hex())
        self._identity: dict[str, Any] = {}

    def begin(self, descent: Descent, walker: Solving, identity: dict[str, Any], told: Told) -> bool:
        """Claim the folder, take the state if there is one, and return whether there was. Collective.

        Parameters
        ----------
        descent : Descent
        walker : Solving
            Its own.
        identity : dict
            What the state is the state of, as JSON has it.
        told : lists of Moment and Landscape
            Filled with those of the steps that were made.

        Raises
        ------
        InputError
            The state is that of another descent, or damaged.
        """
        group = walker.group
        self.prepare(group)
        self._identity = json.loads(json.dumps(identity))
        self._file.token = group.share(self._file.token)
        if not group.share(self._files.state.exists()):
            return False
        with group.agreeing(), self._reading():
            about, arrays = _unpacked(self._files.state.read_bytes(), self._identity)
            moments = [Moment.of(values) for values in about["moments"]]
            landscapes = [Landscape.of(values) for values in about["landscapes"]]
            places = {name: Place(*map(list, lists)) for name, lists in about["places"].items()}
            self._file = LongFile(str(about["run"]), places, int(about["end"]))
            walker.check_kept({name: len(place.offsets) for name, place in places.items()}, arrays)
            step = int(about["step"])
            if step > descent.schedule.steps:
                raise InputError(f"has {step} steps already: ask for as many or more, or name another folder")
            if step < 0 or len(moments) != step:
                raise ValueError(f"{len(moments)} moments of {step} steps")
        with group.agreeing(), self._reading_images() as file:
            self._file.check_header(file)
            sums = walker.take_long(self._file, file)
        totals = {name: group.sum_integers(np.array(sums[name], dtype=np.int64)) for name in sorted(sums)}
        for name, found in totals.items():
            wrong = np.flatnonzero(found != np.array(places[name].checksums, dtype=np.int64))
            if len(wrong):
                with self._reading_images():
                    raise DamagedStateError(f"the checksum of {name} {wrong[0] + 1} of {len(found)} is wrong")
        descent.W, descent.velocity = walker.take_small(arrays)
        descent.step = self.resumed = step
        told[0][:], told[1][:] = moments, landscapes
        self._bytes = self._file.end
        return True

    def save_if_due(self, descent: Descent, walker: Solving, told: Told) -> None:
        """Write the state if the interval has passed or the descent is to stop. Collective.

        Raises
        ------
        StoppedError
        """
        self._save_if_due(walker.group, lambda: self.save(descent, walker, told))

    def save(self, descent: Descent, walker: Solving, told: Told) -> None:
        """Write what is new of the long vectors, then the small state. Collective."""
        group, parts = walker.group, dict[str, Place]()
        kinds = walker.long(descent.W, descent.velocity)

        def write(file: int) -> None:
            parts.update(self._file.write(file, kinds, header=group.rank == 0))

        def pack() -> bytes:
            about = {
                "identity": self._identity,
                "run": self._file.token,
                "step": descent.step,
                "end": self._file.end,
                "places": {name: [place.offsets, place.checksums] for name, place in places.items()},
                "moments": [moment.to_dict() for moment in told[0]],
                "landscapes": [landscape.to_dict() for landscape in told[1]],
            }
            archive = io.BytesIO()
            small = walker.small(descent.W, descent.velocity)
            np.savez(archive, **small, about=np.array(json.dumps(about)))
            return _words(archive.getvalue()) + archive.getvalue()

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
        """Remove the state, as the descent is over. Collective."""
        if not self.outlives:
            self._remove(group)

    @property
    def origin(self) -> str:
        """What the descent goes on from, in words."""
        return f"goes on from {self.folder}: {self.resumed} steps"


def _words(archive: bytes) -> bytes:
    return DESCENT + f"sha256 {hashlib.sha256(archive).hexdigest()}\n".encode()


def _unpacked(raw: bytes, identity: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Words and arrays of a state; InputError for one of another descent, what numpy and JSON raise for a damaged."""
    size = len(_words(b""))
    archive = raw[size:]
    if not raw.startswith(DESCENT):
        raise InputError("is of a solve, not of a descent: name another folder")
    if raw[:size] != _words(archive):
        raise ValueError("its checksum is wrong")
    arrays = unpacked(archive)
    about = json.loads(str(arrays.pop("about")))
    for name in sorted({*about["identity"], *identity}):
        was, wanted = about["identity"].get(name, "none"), identity.get(name, "none")
        if was != wanted:
            raise InputError(
                f"is of another descent ({name} = {was}, not {wanted}): name another folder, or remove it"
            )
    return about, arrays


def identity_of(walker: Solving, schedule: Schedule, every: int, nev: int, tol: float) -> dict[str, Any]:
    """What a state is the state of; steps may be more when it is gone on with."""
    how = {name: value for name, value in asdict(schedule).items() if name != "steps"}
    return {**walker.identity(), **how, "hessian_every": every, "nev": nev, "tol": tol}
