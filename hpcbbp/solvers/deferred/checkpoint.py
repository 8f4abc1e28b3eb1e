"""Checkpoints of a deferred solve: the state written so that any kill leaves one from which to go on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcbbp.errors import InputError, StoppedError
from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.deferred.folder import UNREADABLE, StateFolder, opened
from hpcbbp.solvers.deferred.state import DamagedStateError, Layout, one_line, pack, unpack

if TYPE_CHECKING:
    from hpcbbp.solvers.deferred.instance import Deferred
    from hpcbbp.solvers.deferred.progress import Progress


INTERVAL = 600.0
"""Seconds between checkpoints where nothing is said."""


class Checkpoint:
    """A folder, seen by all ranks, that holds the state of one solve.

    Images are appended to one file, laid out by direction and global panel, each rank writing its own panels; the
    small state is then replaced atomically and says how many directions count. Another number of ranks can go on.
    Checksums in both, of every panel of every direction, are verified before anything is gone on with. A folder with
    files of somebody else under our names is refused and left as it is.

    Parameters
    ----------
    folder : path
        Made if it does not exist; emptied of the state when the solve ends.
    every : float
        Seconds between writings; 0 writes after every step.
    stop : callable, optional
        Asked after every step, on the first rank alone, whether to write the state and raise StoppedError.
    outlives : bool
        Leave the state when the solve ends, for whoever clears it once the result is safe.

    Attributes
    ----------
    resumed : int
        Directions that were taken from the folder.
    unfinished : bool
        Whether memory ended the solve before its pairs converged: more of it can go on from the state.
    unchecked : bool
        Whether the state is one of format 1, of an earlier version: it has no checksums, and gets none.
    trouble : str
        Why the last writing failed; empty if it did not. The solve goes on, and tries again after the interval.
    """

    def __init__(
        self,
        folder: str | Path,
        every: float = INTERVAL,
        *,
        stop: Callable[[], bool] | None = None,
        outlives: bool = False,
    ) -> None:
        if isinstance(every, bool) or not isinstance(every, int | float | np.number) or not every >= 0:
            raise InputError(f"checkpoint interval = {every!r}: seconds >= 0 between checkpoints (e.g. 600)")
        if not isinstance(folder, str | Path) or not str(folder) or "\0" in str(folder):
            raise InputError(f"checkpoint folder {folder!r}: the path of a folder")
        self.folder, self.every = Path(folder), float(every)
        self._files = StateFolder(self.folder)
        self.stop, self.outlives, self.unfinished = stop, outlives, False
        self.resumed, self.trouble, self.unchecked = 0, "", False
        self._format, self._token = 0, ""
        self._written: list[int] = []
        self._last = time.monotonic()

    def prepare(self, group: Group) -> None:
        """Make the folder and claim it; InputError if it is not ours to write, or another job has it. Collective."""
        with group.agreeing():
            if group.rank == 0:
                self._files.claim()
        with group.agreeing():
            if not self.folder.is_dir():
                raise InputError(f"checkpoint folder {self.folder} is not seen by all nodes: name a shared disk's")

    def begin(self, instance: Deferred, at: Progress) -> bool:
        """Claim the folder, take the state if there is one, and return whether there was. Collective.

        Raises
        ------
        InputError
            The state is that of another instance or damaged, or the instance has been solved before.
        """
        group = instance.group
        self.prepare(group)
        if not group.share(self._files.state.exists()):
            return False
        if instance.k:
            raise InputError(
                f"checkpoint folder {self.folder} holds a state, and this instance one of its own already: "
                "give it a new instance, or name another folder"
            )
        self._load(instance, at)
        return True

    def save_if_due(self, instance: Deferred, at: Progress) -> None:
        """Write the state if the interval has passed or the solve is to stop. Collective.

        What goes wrong is left in `trouble`; a solve that is to stop does so with the state that was written before.

        Raises
        ------
        StoppedError
        """
        stop = instance.group.rank == 0 and self.stop is not None and self.stop()
        stop, due = instance.group.share((stop, time.monotonic() - self._last >= self.every))
        if stop or due:
            self.try_to_save(instance, at)
        if stop:
            raise StoppedError(f"stopped; the state is in {self.folder}")

    def try_to_save(self, instance: Deferred, at: Progress) -> None:
        """Write the state; a disk that is full is no reason to lose the solve. Collective."""
        try:
            self.save(instance, at)
            self.trouble = ""
        except InputError as error:
            self.trouble, self._last = str(error), time.monotonic()
            if instance.group.rank == 0:  # room for others: what does not count goes
                with suppress(OSError, InputError):
                    self._files.drop_draft()
                    with opened(self._files.images, os.O_WRONLY) as file:
                        slots = max(self._written, default=0)
                        os.ftruncate(file, self._layout(instance).size(slots) if slots else 0)

    def save(self, instance: Deferred, at: Progress) -> None:
        """Write the directions that are new, then the small state. Collective."""
        group, files = instance.group, self._files
        self._token, self._format = group.share((self._token or os.urandom(8).hex(), self._format or instance.format))
        self._written = self._written or [0] * len(instance.vectors())
        with group.agreeing():
            try:
                with opened(files.images, os.O_RDWR | os.O_CREAT) as file:
                    self._layout(instance).write(file, self._written, header=group.rank == 0)
            except OSError as error:
                raise InputError(f"checkpoint {files.images}: {error.strerror or error}") from None
        with group.agreeing():
            if group.rank == 0:
                try:
                    files.replace_state(pack(instance, at, self._format, self._token))
                except OSError as error:
                    raise InputError(f"checkpoint {files.state}: {error.strerror or error}") from None
        self._written, self._last = [kind.count for kind in instance.vectors()], time.monotonic()

    def _layout(self, instance: Deferred) -> Layout:
        return Layout(instance, None if self._format == 1 else self._token)

    def _load(self, instance: Deferred, at: Progress) -> None:
        group, samples = instance.group, instance.samples
        with group.agreeing():
            try:
                state = unpack(self._files.state.read_bytes(), instance)
            except UNREADABLE as error:
                if isinstance(error, InputError):
                    raise InputError(f"checkpoint {self.folder} {error}") from None
                raise InputError(
                    f"checkpoint {self._files.state} cannot be read ({one_line(error)}): name another folder"
                ) from None
            if state.k > samples.capacity:
                raise InputError(
                    f"checkpoint {self.folder} holds {state.k} directions, memory has room for {samples.capacity}"
                )
            self._format, self._token, self.unchecked = state.format, state.token, state.format == 1
            try:
                with opened(self._files.images, os.O_RDONLY) as file:
                    self._layout(instance).read(file, state.counts)
            except OSError as error:
                raise InputError(
                    f"checkpoint {self._files.images} cannot be read ({error.strerror or error}): name another "
                    "folder, or remove this one, and the solve begins anew"
                ) from None
            except DamagedStateError as error:
                raise InputError(
                    f"checkpoint {self._files.images} is damaged: {error}; name another folder, or remove this one, "
                    "and the solve begins anew"
                ) from None
        state.restore(instance, at)
        samples.set_curvature(instance.problem, np.sqrt(instance.n) * instance.weights)
        self._written, self.resumed = state.counts, state.k

    @property
    def origin(self) -> str:
        """What the solve goes on from, in words."""
        bare = " (of an earlier version: no checksums, damage would not be told)" if self.unchecked else ""
        return f"goes on from {self.folder}: {self.resumed} directions{bare}"

    def release(self) -> None:
        """Let other jobs have the folder."""
        self._files.release()

    def ended(self, group: Group, *, converged: bool, short_of_memory: bool) -> None:
        """Remove the state, as the solve is over, unless it is still of use. Collective."""
        self.unfinished = short_of_memory and not converged
        group.barrier()
        if group.rank == 0 and not (self.outlives or short_of_memory):
            try:
                self.clear()
            except OSError as error:  # no reason to lose the result
                self.trouble = f"checkpoint folder {self.folder} could not be removed: {error.strerror or error}"

    def clear(self) -> None:
        """Remove the state; nothing if there is none, or if it is somebody else's. For one rank."""
        self._files.clear()
