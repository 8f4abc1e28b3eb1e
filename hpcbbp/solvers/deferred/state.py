"""What a checkpoint's two files hold: images by direction and panel, each with its checksum, and the small state."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcbbp.errors import InputError
from hpcbbp.solvers.deferred.coordinates import KEEPS
from hpcbbp.solvers.deferred.folder import BARE, IMAGES, STATE, read_at, unpacked, write_at
from hpcbbp.solvers.deferred.kernels import PANEL
from hpcbbp.solvers.deferred.progress import COUNTERS
from hpcbbp.solvers.result import Step

if TYPE_CHECKING:
    from hpcbbp.solvers.deferred.instance import Deferred
    from hpcbbp.solvers.deferred.progress import Progress

FORMAT = 2
"""Of what is written. Format 1 had no checksums and no words of ours; it is read, and gone on with as it is."""

_HEADER = 64  # bytes in front of the images


class DamagedStateError(Exception):
    """A checksum is not that of what was read."""


class Layout:
    """Where the images of an instance stand in their file; of one rank, what it owns.

    A panel of a direction is its numbers, its scale and a CRC-32 that starts from the run, the direction and the
    panel, so that a block in another's place is told as well. Each rank verifies what it reads.

    Parameters
    ----------
    instance : Deferred
    token : str, optional
        Name of the run, in hexadecimal; None: format 1.
    """

    def __init__(self, instance: Deferred, token: str | None) -> None:
        self.samples, self.token = instance.samples, token
        self.split = PANEL * self.samples.R.itemsize
        self.plain = self.split + self.samples.scale.itemsize
        self.per_panel = self.plain + (0 if token is None else 4)
        self.panels = -(-instance.m // PANEL)
        self.header = b"" if token is None else (IMAGES + f"{FORMAT} {token}\n".encode()).ljust(_HEADER)

    def size(self, directions: int) -> int:
        """Bytes of a file with so many directions."""
        return len(self.header) + directions * self.panels * self.per_panel

    def _place(self, direction: int) -> int:
        return self.size(direction) + self.samples.panels.start * self.per_panel

    def _checksums(self, blocks: Any, direction: int) -> Any:
        """CRC-32 of each of this rank's panels (rows of bytes)."""
        first = int(self.token or "0", 16) + direction * self.panels + self.samples.panels.start
        found = [zlib.crc32(block, (first + i) & 0xFFFFFFFF) for i, block in enumerate(blocks)]
        return np.array(found, dtype="<u4").reshape(-1, 1).view(np.uint8)

    def write(self, file: int, written: int, *, header: bool) -> None:
        """Append the directions behind those written, and the words in front if this rank is to."""
        samples = self.samples
        if header and not written:
            write_at(file, self.header, 0)
        for i in range(written, samples.count):
            block = np.empty((len(samples.panels), self.per_panel), dtype=np.uint8)
            block[:, : self.split] = samples.R[i].reshape(-1, PANEL).view(np.uint8)
            block[:, self.split : self.plain] = samples.scale[i].reshape(-1, 1).view(np.uint8)
            if self.token is not None:
                block[:, self.plain :] = self._checksums(block[:, : self.plain], i)
            write_at(file, block.tobytes(), self._place(i))
        os.fsync(file)

    def read(self, file: int, directions: int) -> None:
        """Take so many directions.

        Raises
        ------
        DamagedStateError, OSError
        """
        samples = self.samples
        if read_at(file, len(self.header), 0) != self.header:
            raise DamagedStateError("its beginning is not that of the run that state.npz is the state of")
        for i in range(directions):
            raw = read_at(file, len(samples.panels) * self.per_panel, self._place(i))
            block = np.frombuffer(raw, dtype=np.uint8).reshape(-1, self.per_panel)
            if self.token is not None:
                wrong = (self._checksums(block[:, : self.plain], i) != block[:, self.plain :]).any(axis=1)
                if wrong.any():
                    panel = samples.panels.start + int(wrong.argmax())
                    raise DamagedStateError(
                        f"the checksum of direction {i + 1} of {directions} is wrong at panel {panel}"
                    )
            samples.R[i] = np.ascontiguousarray(block[:, : self.split]).reshape(-1).view(samples.R.dtype)
            scales = np.ascontiguousarray(block[:, self.split : self.plain])
            samples.scale[i] = scales.reshape(-1).view(samples.scale.dtype)


def _identity(instance: Deferred) -> dict[str, Any]:
    """What the state is the state of."""
    problem = instance.problem
    return {
        "p": problem.p,
        "p_star": problem.p_star,
        "a": problem.a,
        "alpha": problem.alpha,
        "activation": problem.activation.name,
        "loss": problem.loss.name,
        "n": instance.n,
        "seed": instance.seed,
        "storage": instance.storage,
        **problem.unusual(),
    }


def pack(instance: Deferred, at: Progress, form: int, token: str) -> bytes:
    """The small state as a file: our words with a digest of the rest, then an archive of numpy's."""
    arrays, archive = instance.coordinates.state(), io.BytesIO()
    arrays["level"] = instance.levels.of
    about = {
        "identity": {"format": form, **_identity(instance)},
        "run": token,
        "progress": at.state(),
        "directions": instance.samples.count,
        "formed": arrays.pop("formed"),
    }
    history = [[s.restart, s.products, s.converged, s.eigenvalues, s.estimates] for s in at.history]
    np.savez(
        archive, **arrays, asked=at.asked, about=np.array(json.dumps(about)), history=np.array(json.dumps(history))
    )
    packed = archive.getvalue()
    return packed if form == 1 else _words(packed) + packed


def _words(archive: bytes) -> bytes:
    return STATE + f"{FORMAT} sha256 {hashlib.sha256(archive).hexdigest()}\n".encode()


@dataclass(frozen=True)
class State:
    """A small state that was read and found whole."""

    k: int
    format: int
    token: str
    formed: bool
    arrays: dict[str, Any]
    counters: dict[str, Any]
    history: list[Step]

    def restore(self, instance: Deferred, at: Progress) -> None:
        """Put everything where it belongs."""
        instance.coordinates.restore({**self.arrays, "formed": self.formed})
        instance.levels.of = self.arrays["level"]
        instance.resume()
        at.restore(self.counters, self.arrays["asked"], self.history)


def unpack(raw: bytes, instance: Deferred) -> State:
    """Read and check the bytes of a small state.

    Raises
    ------
    InputError
        It is the state of another instance; the message goes on after the folder's name.
    folder.UNREADABLE
        It is damaged.
    """
    if raw.startswith(BARE):
        archive = raw
    else:
        size = len(_words(b""))
        archive = raw[size:]
        if raw[:size] != _words(archive):
            raise ValueError("its checksum is wrong")
    arrays = unpacked(archive)
    about = json.loads(str(arrays["about"]))
    found = about["identity"]
    form, token = int(found["format"]), str(about.get("run", ""))
    if form not in (1, FORMAT):
        raise InputError(
            f"is of format {form}, not {FORMAT}: go on with the version that wrote it, or name another folder"
        )
    asked = _identity(instance)
    for name in (*asked, *(name for name in found if name not in (*asked, "format"))):
        was, wanted = found.get(name, "none"), asked.get(name, "none")
        if was != wanted:
            raise InputError(
                f"is of another instance ({name} = {was}, not {wanted}): name another folder, or remove it"
            )
    k = int(about["directions"])
    if "hidden" not in arrays:  # before it was known what left directions may hide
        arrays["hidden"] = _not_kept(arrays)
        about["progress"]["gap"] = 0.0
    arrays.setdefault("level", np.zeros(k, dtype=np.int64))  # states of white data before there were others
    _check_shapes(arrays, k, instance)
    int(token or "0", 16)
    history = [
        Step(int(at), int(products), int(converged), tuple(map(float, values)), tuple(map(float, estimates)))
        for at, products, converged, values, estimates in json.loads(str(arrays["history"]))
    ]
    counters = {name: kind(about["progress"][name]) for name, kind in COUNTERS.items()}
    kept = {name: arrays[name] for name in (*KEEPS, "asked", "level") if name != "formed"}
    return State(
        k,
        form,
        token,
        bool(about.get("formed", False)),
        kept,
        counters,
        history,
    )


def _check_shapes(arrays: dict[str, Any], k: int, instance: Deferred) -> None:
    """ValueError unless the arrays are those of k directions."""
    p, queries, left = instance.problem.p, len(arrays["W"]), len(arrays["L"])
    shapes: dict[str, tuple[int, ...]] = {
        "A": (k, p, k, p),
        "B": (k, k) if p == 1 else (0, 0),
        "W": (queries, k, p),
        "L": (left, left),
        "kept": (left, 2),
        "hidden": (queries, p),
        "level": (k,),
    }
    asked = arrays["asked"]
    if not instance.q <= k <= instance.n or (len(asked) and asked.shape[2:] != (p,)) or asked.ndim != 3:
        raise ValueError(f"{k} directions, and queries of shape {asked.shape}")
    for name, shape in shapes.items():
        kind = np.int64 if name in ("kept", "level") else np.float64
        if arrays[name].shape != shape or arrays[name].dtype != kind or not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} is not what {k} directions have")
    dimensions = instance.levels.dimensions
    met = np.bincount(np.maximum(arrays["level"], 0), minlength=len(dimensions))
    if arrays["level"].min(initial=0) < 0 or len(met) > len(dimensions) or (met > dimensions).any():
        raise ValueError("directions of no eigenspace")
    kept = arrays["kept"]
    if len(kept) and not (kept.min() >= 0 and (kept.max(axis=0) < (queries, p)).all()):
        raise ValueError("left directions of no query")


def _not_kept(arrays: dict[str, Any]) -> Any:
    """What format 1 left out of the left directions: parts below 1e-7 of the longest of them."""
    W, L = arrays["W"], arrays["L"]
    longest = float(np.sqrt((L**2).sum(axis=1)).max(initial=0.0))
    hidden = np.full((len(W), W.shape[2]), 1e-7 * longest)
    hidden[tuple(arrays["kept"].T)] = 0.0
    return hidden


def one_line(error: BaseException) -> str:
    """An error's text in one line."""
    return " ".join(str(error).split()) or type(error).__name__
