"""Long instances of a campaign: which keep their state, where, and until when; what a campaign may cost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcbbp.campaign.descents import descend_point
from hpcbbp.campaign.measure import solve_point
from hpcbbp.campaign.spec import Campaign
from hpcbbp.dynamics import DescentCheckpoint
from hpcbbp.errors import InputError
from hpcbbp.machine.listener import SILENT, Listener
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.wording import duration
from hpcbbp.solvers.keeping.base import Keeping
from hpcbbp.solvers.methods import METHODS
from hpcbbp.solvers.methods.base import State
from hpcbbp.solvers.point import Point

LONG = 600.0
"""Seconds, by the estimate, from which on an instance keeps its state."""


def keeps_state(point: Point, every: float, seconds: float) -> bool:
    """Whether an instance of so many seconds has a checkpoint; every = 0: however short it is."""
    keeps = point.descent is not None or "checkpoint" in METHODS[point.method].options
    return keeps and (every == 0 or seconds > LONG)


@dataclass(frozen=True)
class Keeper:
    """Checkpoints of a campaign's long instances.

    A state outlives its solve until the record is on disk: a kill, or a full disk, between the two costs one interval
    between checkpoints, not the instance.

    Attributes
    ----------
    folder : Path
        Of the states, one folder an instance; seen by all ranks.
    every : float
        Seconds between checkpoints; 0: after every step, and of every instance, however short.
    seconds : callable
        Estimated time of a point, the same on all ranks.
    listener : Listener
        Hears what a solve goes on from, and why its state could not be kept.
    """

    folder: Path
    every: float
    seconds: Callable[[Point], float]
    listener: Listener = SILENT

    def keeps(self, point: Point) -> bool:
        """Whether a point's solve has a checkpoint, and so can be stopped."""
        return keeps_state(point, self.every, self.seconds(point))

    def of(self, point: Point) -> Path:
        """Folder of a point's state."""
        return self.folder / hashlib.sha256(point.key.encode()).hexdigest()[:16]

    def clear(self, point: Point) -> None:
        """Remove a point's state, if there is one: its record is on disk. For one rank."""
        with suppress(OSError):  # `tidy` of the next run tries again
            if self.folder.exists():
                Keeping(self.of(point)).clear()

    def tidy(self, done: Iterable[Point]) -> None:
        """Remove the states of recorded points: a kill came between record and removal. For one rank."""
        if self.folder.exists() and any(self.folder.iterdir()):
            for point in done:
                self.clear(point)

    def solve(self, point: Point, group: Group, stop: Callable[[], bool]) -> dict[str, Any]:
        """Record of a point, gone on with where it was left. Collective.

        Raises
        ------
        InputError
            What solve_point raises; or memory ran out: the state is kept for a run that has more.
        StoppedError
            If `stop` says so; the state is kept.
        """
        if point.descent is not None:
            return self._descended(point, group, stop)
        if not self.keeps(point):
            return solve_point(point, group)
        kind = METHODS[point.method].checkpoint
        assert kind is not None
        checkpoint = kind(self.of(point), self.every, stop=stop, outlives=True)
        tell = self._teller(point, group, checkpoint)
        try:
            record = solve_point(point, group, checkpoint, lambda step: tell(f", {step.products} products"))
        finally:
            tell("")
        if checkpoint.unfinished:
            raise InputError(f"{record['reason']}; what was computed is in {checkpoint.folder}, more memory goes on")
        if checkpoint.resumed:  # the time of all its jobs: estimates learn from it
            record["wall_seconds"] = round(record["seconds"], 3)
        return record

    def _descended(self, point: Point, group: Group, stop: Callable[[], bool]) -> dict[str, Any]:
        if not self.keeps(point):
            return descend_point(point, group)
        checkpoint = DescentCheckpoint(self.of(point), self.every, stop=stop, outlives=True)
        tell = self._teller(point, group, checkpoint)
        try:
            return descend_point(point, group, checkpoint, lambda *_: tell(""))
        finally:
            tell("")

    def _teller(self, point: Point, group: Group, checkpoint: State | DescentCheckpoint) -> Callable[[str], None]:
        """What is called now and then, with words behind the first note: what it goes on from, what went wrong."""
        where = f"N = {point.n}, a = {point.a:g}, alpha = {point.alpha:g}, seed {point.seed}"
        told: list[str] = []

        def tell(behind: str) -> None:
            if group.rank == 0 and checkpoint.resumed and not told:
                self.listener.note(f"{where}: {checkpoint.origin}{behind}")
                told.append("")
            if group.rank == 0 and checkpoint.trouble not in ("", *told):
                self.listener.warn(f"{where}: {checkpoint.trouble}")
                told.append(checkpoint.trouble)

        return tell


def hours(points: Sequence[Point], seconds: Callable[[Point], float], ranks: int) -> float:
    """Core hours of points solved by that many ranks each."""
    return sum(map(seconds, points)) * ranks / 3600


def check_budget(campaign: Campaign, missing: Sequence[Point], keeper: Keeper) -> None:
    """Raise InputError if what is missing needs more core hours, or an instance more time, than the file allows.

    An instance that can be stopped and go on may be longer than a job.
    """
    seconds, wall_time = keeper.seconds, campaign.wall_time
    needed = hours(missing, seconds, campaign.ranks_per_instance)
    if campaign.core_hours is not None and needed > campaign.core_hours:
        raise InputError(
            f"core_hours = {campaign.core_hours:g}: what is missing takes about {needed:.3g} core hours; allow more, "
            "or take fewer seeds, fewer points or a smaller N"
        )
    slowest = max((seconds(point) for point in missing if not keeper.keeps(point)), default=0.0)
    if wall_time is not None and slowest > wall_time:
        raise InputError(
            f"wall_time = {duration(wall_time)}: the longest instance takes about {duration(slowest)}; allow "
            "more, or more ranks_per_instance"
        )
