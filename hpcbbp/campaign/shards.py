"""Shards: a campaign split over the tasks of a job array, each with a store of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpcbbp.campaign.cost import model_seconds
from hpcbbp.campaign.store import Damage, Record, Records, Result, Store
from hpcbbp.campaign.values import plain
from hpcbbp.errors import InputError
from hpcbbp.solvers.point import Point


@dataclass(frozen=True)
class Shard:
    """Part `index` of `count`, from 1.

    Which points it has depends on nothing but the campaign: not on what is done, nor on the machine.
    """

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Of "3/16"."""
        found = re.fullmatch(r"([0-9]{1,18})/([0-9]{1,18})", text.strip())
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise InputError(f"--shard {plain(text)}: as 3/16, part 3 of 16")
        return cls(int(found[1]), int(found[2]))

    def of(self, points: Sequence[Point]) -> list[Point]:
        """Its points: dealt out from the longest to the shortest, so that all parts are about equally long."""
        order = sorted(points, key=lambda point: (-model_seconds(point), point.key))
        return order[self.index - 1 :: self.count]

    def folder(self, results: Path) -> Path:
        """Where its store is."""
        return results / "shards" / f"{self.index}-of-{self.count}"


def shard_stores(results: Path) -> list[Store]:
    """Return the stores of the shards in a folder of results."""
    return [Store(path) for path in sorted((results / "shards").glob("*/results.jsonl"))]


def latest(stores: Iterable[Records]) -> Records:
    """Records of several stores by key, and their damage; a failure gives way to a result."""
    found, damaged = dict[str, Record](), list[Damage]()
    for records in stores:
        damaged += records.damaged
        for key, record in records.items():
            if not isinstance(found.get(key), Result):
                found[key] = record
    return Records(found.items(), damaged)
