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
from hpcbbp.solvers.deferred.progress import COUNTERS
from hpcbbp.solvers.keeping.folder import BARE, IMAGES, STATE, DamagedStateError, read_at, unpacked, write_at
from hpcbbp.solvers.keeping.identity import identity_of, refuse_kind, refuse_other
from hpcbbp.solvers.result import Step

if TYPE_CHECKING:
    from hpcbbp.solvers.deferred.instance import Deferred, Vectors
    from hpcbbp.solvers.deferred.progress import Progress

FORMAT = 2
"""Of what is written for p = 1. Format 1 had no checksums and no words of ours; it is read, and gone on with as it
is. Format 3 has left directions too, for p > 1, where formats 1 and 2 had moments of images, and are refused."""

_HEADER = 64  # bytes in front of the images


class Layout:
    """Where the vectors of an instance stand in their file; of one rank, what it owns.

    Vector i of every kind stands in slot i, one kind behind the other. A panel of a vector is its numbers, its scale
    if it has one, and a CRC-32 that starts from the run, the vector and the panel, so that a block in another's place
    is told as well. Each rank verifies what it reads.

    Parameters
    ----------
    instance : Deferred
    token : str, optional
        Name of the run, in hexadecimal; None: format 1.
    """

    def __init__(self, instance: Deferred, token: str | None) -> None:
        self.samples, self.token, self.kinds = instance.samples, token, instance.vectors()
        self.panels = instance.samples.all_panels
        checksum = 0 if token is None else 4
        self.each = [self._plain(kind) + checksum for kind in self.kinds]
        words = IMAGES + f"{instance.format} {token}\n".encode()
        self.header = b"" if token is None else words.ljust(_HEADER)

    def _split(self, kind: Vectors) -> int:
        """Bytes of the numbers of a panel."""
        return self.samples.panel * int(kind.rows.itemsize)

    def _plain(self, kind: Vectors) -> int:
        """Bytes of a panel without its checksum."""
        return self._split(kind) + (0 if kind.scale is None else int(kind.scale.itemsize))

    def size(self, slots: int) -> int:
        """Bytes of a file with so many slots."""
        return len(self.header) + slots * self.panels * sum(self.each)

    def _place(self, i: int, which: int) -> int:
        return self.size(i) + self.panels * sum(self.each[:which]) + self.samples.panels.start * self.each[which]

    def _checksums(self, blocks: Any, i: int, which: int) -> Any:
        """CRC-32 of each of this rank's panels (rows of bytes)."""
        first = int(self.token or "0", 16) + i * self.panels + self.samples.panels.start + (which << 31)
        found = [zlib.crc32(block, (first + j) & 0xFFFFFFFF) for j, block in enumerate(blocks)]
        return np.array(found, dtype="<u4").reshape(-1, 1).view(np.uint8)

    def write(self, file: int, written: list[int], *, header: bool) -> None:
        """Append the vectors behind those written, and the words in front if this rank is to."""
        if header and not max(written):
            write_at(file, self.header, 0)
        for which, kind in enumerate(self.kinds):
            split, plain = self._split(kind), self._plain(kind)
            for i in range(written[which], kind.count):
                block = np.empty((len(self.samples.panels), self.each[which]), dtype=np.uint8)
                block[:, :split] = kind.rows[i].reshape(-1, self.samples.panel).view(np.uint8)
                if kind.scale is not None:
                    block[:, split:plain] = kind.scale[i].reshape(-1, 1).view(np.uint8)
                if self.token is not None:
                    block[:, plain:] = self._checksums(block[:, :plain], i, which)
                write_at(file, block.tobytes(), self._place(i, which))
        os.fsync(file)

    def read(self, file: int, counts: list[int]) -> None:
        """Take so many vectors of each kind.

        Raises
        ------
        DamagedStateError, OSError
        """
        if read_at(file, len(self.header), 0) != self.header:
            raise DamagedStateError("its beginning is not that of the run that state.npz is the state of")
        for which, (kind, count) in enumerate(zip(self.kinds, counts, strict=True)):
            split, plain = self._split(kind), self._plain(kind)
            for i in range(count):
                raw = read_at(file, len(self.samples.panels) * self.each[which], self._place(i, which))
                block = np.frombuffer(raw, dtype=np.uint8).reshape(-1, self.each[which])
                if self.token is not None:
                    wrong = (self._checksums(block[:, :plain], i, which) != block[:, plain:]).any(axis=1)
                    if wrong.any():
                        panel = self.samples.panels.start + int(wrong.argmax())
                        of = ("direction", "left direction")[which]
                        raise DamagedStateError(f"the checksum of {of} {i + 1} of {count} is wrong at panel {panel}")
                kind.rows[i] = np.ascontiguousarray(block[:, :split]).reshape(-1).view(kind.rows.dtype)
                if kind.scale is not None:
                    scales = np.ascontiguousarray(block[:, split:plain])
                    kind.scale[i] = scales.reshape(-1).view(kind.scale.dtype)


def pack(instance: Deferred, at: Progress, form: int, token: str) -> bytes:
    """The small state as a file: our words with a digest of the rest, then an archive of numpy's."""
    arrays, archive = instance.state(), io.BytesIO()
    arrays["level"] = instance.levels.of
    about = {
        "identity": {"format": form, **identity_of(instance.problem, instance.n, instance.seed, instance.storage)},
        "run": token,
        "progress": at.state(),
        "directions": instance.samples.count,
        "vectors": [kind.count for kind in instance.vectors()],
        "formed": arrays.pop("formed", False),
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
    counts: list[int]
    arrays: dict[str, Any]
    counters: dict[str, Any]
    history: list[Step]

    def restore(self, instance: Deferred, at: Progress) -> None:
        """Put everything where it belongs."""
        instance.restore(self.arrays, self.counts)
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
    refuse_kind(raw, STATE)
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
    asked = identity_of(instance.problem, instance.n, instance.seed, instance.storage)
    refuse_other(found, asked, "instance", but=("format",))
    if {form, instance.format} == {FORMAT, 3}:
        outliers = instance.problem.p * instance.problem.p_star
        other = f"{outliers} vectors a step or more" if form == FORMAT else f"fewer than {outliers} vectors a step"
        raise InputError(f"is of a solve with {other}: go on with such a block, or name another folder")
    if form != instance.format and (form, instance.format) != (1, FORMAT):
        raise InputError(
            f"is of format {form}, not {instance.format}: go on with the version that wrote it, or name another "
            "folder"
        )
    k = int(about["directions"])
    if form == 1 and "hidden" not in arrays:  # before it was known what left directions may hide
        arrays["hidden"] = _not_kept(arrays)
        about["progress"]["gap"] = 0.0
    arrays.setdefault("level", np.zeros(k, dtype=np.int64))  # states of white data before there were others
    _check_shapes(arrays, k, instance)
    int(token or "0", 16)
    history = [
        Step(int(at), int(products), int(converged), tuple(map(float, values)), tuple(map(float, estimates)))
        for at, products, converged, values, estimates in json.loads(str(arrays["history"]))
    ]
    counters = {name: kind(about["progress"].get(name, 0)) for name, kind in COUNTERS.items()}
    kept = {name: arrays[name] for name in (*instance.shapes(arrays, k), "asked", "level")}
    if instance.format == FORMAT:
        kept["formed"] = bool(about.get("formed", False))
    counts = [k] if form <= FORMAT else [int(count) for count in about["vectors"]]
    if counts[0] != k or len(counts) != len(instance.vectors()) or not 0 <= counts[-1] <= instance.m:
        raise ValueError(f"{counts} vectors of {k} directions")
    return State(k, form, token, counts, kept, counters, history)


def _check_shapes(arrays: dict[str, Any], k: int, instance: Deferred) -> None:
    """ValueError unless the arrays are those of k directions."""
    p = instance.problem.p
    shapes = {**instance.shapes(arrays, k), "level": (k,)}
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


def _not_kept(arrays: dict[str, Any]) -> Any:
    """What format 1 left out of the left directions: parts below 1e-7 of the longest of them."""
    W, L = arrays["W"], arrays["L"]
    longest = float(np.sqrt((L**2).sum(axis=1)).max(initial=0.0))
    hidden = np.full((len(W), W.shape[2]), 1e-7 * longest)
    hidden[tuple(arrays["kept"].T)] = 0.0
    return hidden
