"""A folder in which a job keeps its state: claimed, written when it is time, and removed at the end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from hpcbbp.errors import InputError, StoppedError
from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.keeping.folder import UNREADABLE, DamagedStateError, StateFolder, one_line, opened

INTERVAL = 600.0
"""Seconds between checkpoints where nothing is said."""


class Keeping:
    """See the module.

    Parameters
    ----------
    folder : path
        Made if it does not exist; emptied of the state at the end.
    every : float
        Seconds between writings; 0 writes after every step.
    stop : callable, optional
        Asked after every step, on the first rank alone, whether to write the state and raise StoppedError.
    outlives : bool
        Leave the state at the end, for whoever clears it once the result is safe.

    Attributes
    ----------
    trouble : str
        Why the last writing failed; empty if it did not. The work goes on, and tries again after the interval.
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
        self.stop, self.outlives, self.trouble = stop, outlives, ""
        self._last, self._bytes = time.monotonic(), 0  # of the images that the state on disk is of
        self._fresh()

    def _fresh(self) -> None:
        """What else a kind of state has, before there is one."""

    def prepare(self, group: Group) -> None:
        """Make the folder and claim it; InputError if it is not ours to write, or another job has it. Collective."""
        with group.agreeing():
            if group.rank == 0:
                self._files.claim()
        with group.agreeing():
            if not self.folder.is_dir():
                raise InputError(f"checkpoint folder {self.folder} is not seen by all nodes: name a shared disk's")

    def release(self) -> None:
        """Let other jobs have the folder."""
        self._files.release()

    def clear(self) -> None:
        """Remove the state; nothing if there is none, or if it is somebody else's. For one rank."""
        self._files.clear()

    def _save_if_due(self, group: Group, save: Callable[[], None]) -> None:
        """Write the state if the interval has passed or the job is to stop; StoppedError then. Collective."""
        stop = group.rank == 0 and self.stop is not None and self.stop()
        stop, due = group.share((stop, time.monotonic() - self._last >= self.every))
        if stop or due:
            self._try(group, save)
        if stop:
            raise StoppedError(f"stopped; the state is in {self.folder}")

    def _try(self, group: Group, save: Callable[[], None]) -> None:
        """Write the state; a disk that is full is no reason to lose the work. Collective."""
        try:
            save()
            self.trouble = ""
        except InputError as error:
            self.trouble = str(error)
            if group.rank == 0:  # room for others: what does not count goes
                with suppress(OSError, InputError):
                    self._files.drop_draft()
                    with opened(self._files.images, os.O_WRONLY) as file:
                        os.ftruncate(file, self._bytes)
        self._last = time.monotonic()

    def _remove(self, group: Group) -> None:
        """Remove the state, as the work is over. Collective."""
        group.barrier()
        if group.rank == 0:
            try:
                self.clear()
            except OSError as error:  # no reason to lose the result
                self.trouble = f"checkpoint folder {self.folder} could not be removed: {error.strerror or error}"

    def _write(self, group: Group, write: Callable[[int], None]) -> None:
        """Write images, by all ranks. Collective, but not what is called with the open file."""
        with group.agreeing():
            try:
                with opened(self._files.images, os.O_RDWR | os.O_CREAT) as file:
                    write(file)
            except OSError as error:
                raise InputError(f"checkpoint {self._files.images}: {error.strerror or error}") from None

    def _replace(self, group: Group, pack: Callable[[], bytes]) -> None:
        """Write the small state, by the first rank, in place of the one there is. Collective."""
        with group.agreeing():
            if group.rank == 0:
                try:
                    self._files.replace_state(pack())
                except OSError as error:
                    raise InputError(f"checkpoint {self._files.state}: {error.strerror or error}") from None

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Say whose state could not be taken, and what to do; InputErrors inside go on after the folder's name."""
        try:
            yield
        except InputError as error:
            raise InputError(f"checkpoint {self.folder} {error}") from None
        except UNREADABLE as error:
            raise InputError(
                f"checkpoint {self._files.state} cannot be read ({one_line(error)}): name another folder"
            ) from None

    @contextmanager
    def _reading_images(self) -> Iterator[int]:
        """The file of images, open."""
        path, way_out = self._files.images, "name another folder, or remove this one, and the work begins anew"
        try:
            with opened(self._files.images, os.O_RDONLY) as file:
                yield file
        except OSError as error:
            raise InputError(f"checkpoint {path} cannot be read ({error.strerror or error}): {way_out}") from None
        except DamagedStateError as error:
            raise InputError(f"checkpoint {path} is damaged: {error}; {way_out}") from None
