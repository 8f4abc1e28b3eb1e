"""Checkpoints of a deferred solve: the state written so that any kill leaves one from which to go on."""

from __future__ import annotations

import fcntl
import io
import json
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from hpcbbp.deferred.kernels import PANEL
from hpcbbp.errors import InputError, StoppedError
from hpcbbp.parallel import Group
from hpcbbp.result import Step

if TYPE_CHECKING:
    from hpcbbp.deferred.engine import Deferred
    from hpcbbp.deferred.solve import Progress

_FORMAT = 1
_COUNTERS = ("gain", "queries", "step", "seconds", "best", "stalled")


class Checkpoint:
    """A folder, seen by all ranks, that holds the state of one solve.

    Images are appended to one file, laid out by direction and global panel, each rank writing its own panels; the
    small state is then replaced atomically and says how many directions count. Another number of ranks can go on.

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
    trouble : str
        Why the last writing failed; empty if it did not. The solve goes on, and tries again after the interval.
    """

    def __init__(
        self,
        folder: str | Path,
        every: float = 600.0,
        *,
        stop: Callable[[], bool] | None = None,
        outlives: bool = False,
    ) -> None:
        if not every >= 0:
            raise InputError(f"checkpoint interval = {every}: seconds >= 0 between checkpoints (e.g. 600)")
        self.folder, self.every = Path(folder), every
        self._images, self._state = self.folder / "images.bin", self.folder / "state.npz"
        self.stop, self.outlives, self.unfinished = stop, outlives, False
        self.resumed, self.trouble = 0, ""
        self._lock: IO[str] | None = None
        self._written, self._last = 0, time.monotonic()

    def prepare(self, group: Group) -> None:
        """Make the folder and claim it; InputError if it cannot be written or another job has it. Collective."""
        with group.agreeing():
            if group.rank == 0:
                try:
                    self.folder.mkdir(parents=True, exist_ok=True)
                    self._claim()
                except OSError as error:
                    raise InputError(f"checkpoint folder {self.folder}: {error.strerror or error}") from None
        with group.agreeing():
            if not self.folder.is_dir():
                raise InputError(f"checkpoint folder {self.folder} is not seen by all nodes: name a shared disk's")

    def _claim(self) -> None:
        """Lock the folder until this process ends; ranks of a job that was just killed get a moment to go."""
        lock = (self.folder / "lock").open("w")
        for _ in range(30):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.1)
                continue
            self._lock = lock
            return
        lock.close()
        raise InputError(f"checkpoint folder {self.folder} is in use by another job: name another folder, or wait")

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
                with suppress(OSError):
                    self._state.with_suffix(".tmp").unlink(missing_ok=True)
                    os.truncate(self._images, self._written * _layout(instance)[0])

    def save(self, instance: Deferred, at: Progress) -> None:
        """Write the directions that are new, then the small state. Collective."""
        group, samples, c = instance.group, instance.samples, instance.coordinates
        with group.agreeing():
            try:
                self._write_images(instance)
            except OSError as error:
                raise InputError(f"checkpoint {self._images}: {error.strerror or error}") from None
        with group.agreeing():
            if group.rank == 0:
                about = {
                    "identity": _identity(instance),
                    "progress": {name: getattr(at, name) for name in _COUNTERS},
                    "directions": samples.count,
                }
                history = [[s.restart, s.products, s.converged, s.eigenvalues, s.estimates] for s in at.history]
                draft, packed = self._state.with_suffix(".tmp"), io.BytesIO()
                np.savez(
                    packed, A=c.A, B=c.B, W=c.W, kept=c.kept, L=c.L, asked=at.asked,
                    about=np.array(json.dumps(about)), history=np.array(json.dumps(history)),
                )  # fmt: skip
                try:
                    with draft.open("wb") as stream:
                        stream.write(packed.getbuffer())
                        stream.flush()
                        os.fsync(stream.fileno())
                    draft.replace(self._state)
                except OSError as error:
                    raise InputError(f"checkpoint {self._state}: {error.strerror or error}") from None
        self._written, self._last = samples.count, time.monotonic()

    def _write_images(self, instance: Deferred) -> None:
        samples = instance.samples
        bytes_row, per_panel = _layout(instance)
        with _opened(self._images, os.O_RDWR | os.O_CREAT) as file:
            for i in range(self._written, samples.count):
                block = np.empty((len(samples.panels), per_panel), dtype=np.uint8)
                numbers = samples.R[i].reshape(-1, PANEL).view(np.uint8)
                block[:, : numbers.shape[1]] = numbers
                block[:, numbers.shape[1] :] = samples.scale[i].reshape(-1, 1).view(np.uint8)
                _write_at(file, block.tobytes(), i * bytes_row + samples.panels.start * per_panel)
            os.fsync(file)

    def load(self, instance: Deferred, at: Progress) -> bool:
        """Take the state if there is one; InputError if it is that of another instance. Collective."""
        group, samples, c = instance.group, instance.samples, instance.coordinates
        self.prepare(group)
        if not group.share(self._state.exists()):
            return False
        with group.agreeing():
            state = self._read_state(instance)
            about = json.loads(str(state["about"]))
            k = int(about["directions"])
            if k > samples.capacity:
                raise InputError(
                    f"checkpoint {self.folder} holds {k} directions, memory has room for {samples.capacity}"
                )
            try:
                self._read_images(instance, k)
            except OSError as error:
                raise InputError(f"checkpoint {self._images}: {error.strerror or error}") from None
        samples.count = k
        samples.set_curvature(instance.problem, np.sqrt(instance.n) * instance.weights)
        c.A, c.B, c.W, c.L, c.kept = (state[name] for name in ("A", "B", "W", "L", "kept"))
        c.F, at.asked = np.zeros((k, samples.parts, 0)), state["asked"]
        for name in _COUNTERS:
            setattr(at, name, about["progress"][name])
        for restart, products, converged, values, estimates in json.loads(str(state["history"])):
            at.history.append(Step(restart, products, converged, tuple(values), tuple(estimates)))
        self._written = self.resumed = k
        return True

    def _read_state(self, instance: Deferred) -> dict[str, Any]:
        try:
            with np.load(io.BytesIO(self._state.read_bytes()), allow_pickle=False) as stored:
                state = {name: stored[name] for name in stored.files}
            found = json.loads(str(state["about"]))["identity"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"checkpoint {self._state} cannot be read ({error}): name another folder") from None
        for name, value in _identity(instance).items():
            if found.get(name) != value:
                raise InputError(
                    f"checkpoint {self.folder} is of another instance ({name} = {found.get(name)}, not {value}): "
                    "name another folder, or remove it"
                )
        return state

    def _read_images(self, instance: Deferred, k: int) -> None:
        samples = instance.samples
        bytes_row, per_panel = _layout(instance)
        with _opened(self._images, os.O_RDONLY) as file:
            for i in range(k):
                size = len(samples.panels) * per_panel
                raw = _read_at(file, size, i * bytes_row + samples.panels.start * per_panel)
                block = np.frombuffer(raw, dtype=np.uint8).reshape(-1, per_panel)
                split = PANEL * samples.R.itemsize
                samples.R[i] = np.ascontiguousarray(block[:, :split]).reshape(-1).view(samples.R.dtype)
                samples.scale[i] = np.ascontiguousarray(block[:, split:]).reshape(-1).view(samples.scale.dtype)

    def release(self) -> None:
        """Let other jobs have the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def ended(self, group: Group, *, converged: bool, short_of_memory: bool) -> None:
        """Remove the state, as the solve is over, unless it is still of use. Collective."""
        self.unfinished = short_of_memory and not converged
        group.barrier()
        if group.rank == 0 and not (self.outlives or short_of_memory):
            self.clear()

    def clear(self) -> None:
        """Remove the state; nothing if there is none. For one rank."""
        self._state.unlink(missing_ok=True)  # first: images without a state are nothing
        for path in (self._images, self._state.with_suffix(".tmp"), self.folder / "lock"):
            path.unlink(missing_ok=True)
        with suppress(OSError):  # files of others in it, or nothing there
            self.folder.rmdir()


def _identity(instance: Deferred) -> dict[str, Any]:
    """What the state is the state of."""
    problem = instance.problem
    return {
        "format": _FORMAT,
        "p": problem.p,
        "p_star": problem.p_star,
        "a": problem.a,
        "alpha": problem.alpha,
        "activation": problem.activation.name,
        "loss": problem.loss.name,
        "n": instance.n,
        "seed": instance.seed,
        "storage": instance.storage,
    }


def _layout(instance: Deferred) -> tuple[int, int]:
    """Bytes of a direction in the file, and of a panel with its scale."""
    samples = instance.samples
    per_panel = PANEL * samples.R.itemsize + samples.scale.itemsize
    return -(-instance.m // PANEL) * per_panel, per_panel


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    """An open file descriptor."""
    file = os.open(path, flags, 0o666)
    try:
        yield file
    finally:
        os.close(file)


def _write_at(file: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


def _read_at(file: int, size: int, offset: int) -> bytes:
    parts = []
    while size:
        part = os.pread(file, size, offset)
        if not part:
            raise OSError(0, "file is too short")
        parts.append(part)
        size, offset = size - len(part), offset + len(part)
    return b"".join(parts)
