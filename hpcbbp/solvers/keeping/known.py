"""What data on dice know of X, as part of a state: with another history of products they would be another X."""

from __future__ import annotations

from collections.abc import Mapping

from hpcbbp.data.base import DataMatrix
from hpcbbp.data.dice import DiceData
from hpcbbp.solvers.keeping.long import Long, LongFile


def known_of(data: DataMatrix | None) -> dict[str, Long]:
    """Long vectors of a state by name; none of other data, which are the same whatever is asked of them."""
    if not isinstance(data, DiceData):
        return {}
    return {name: Long(rows, own.start, total) for name, (rows, own, total) in data.known_vectors().items()}


def check_known(data: DataMatrix | None, counts: Mapping[str, int]) -> None:
    """ValueError unless a state with so many long vectors, others of its own left out, has those of the data."""
    if set(counts) != set(known_of(data)):
        raise ValueError(f"long vectors {dict(counts)}")
    for side in ("right", "left") if counts else ():
        if counts[f"{side} directions"] != counts[f"{side} images"]:
            raise ValueError(f"long vectors {dict(counts)}")


def take_known(data: DataMatrix | None, kept: LongFile, file: int) -> dict[str, list[int]]:
    """Take what the data knew, and return what this rank's part adds to the checksums."""
    sums: dict[str, list[int]] = {}
    for name, (kind, own, _) in data.known_vectors().items() if isinstance(data, DiceData) else ():
        kind.clear()
        sums[name] = []
        for row, mixed in kept.read(file, name, kind.dtype, own.start, len(own)):
            kind.append(row[None])
            sums[name].append(mixed)
    return sums
