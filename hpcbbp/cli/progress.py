"""How far long work has come, on standard error: lines or a bar, with an estimate of what is left."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from hpcbbp.cli.output import note, warn
from hpcbbp.machine.launcher import launched_rank
from hpcbbp.machine.listener import Advance
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.stdio import tell
from hpcbbp.machine.wording import duration
from hpcbbp.solvers.result import Step

if TYPE_CHECKING:
    from hpcbbp.dynamics import DescentCheckpoint, Landscape, Moment
    from hpcbbp.solvers.methods.base import State


class Patience:
    """A line now and then about something short that takes long after all.

    Parameters
    ----------
    what : str
        What is counted.
    first, every : float
        Seconds to the first line, and between lines.
    """

    def __init__(self, what: str, first: float = 3.0, every: float = 10.0) -> None:
        self.what, self.every = what, every
        self.start = time.monotonic()
        self.due = self.start + first

    def __call__(self, done: int, total: int) -> None:
        """Note how much is done."""
        now = time.monotonic()
        if now >= self.due and launched_rank() == 0:
            self.due = now + self.every
            left = (now - self.start) * (total - done) / max(done, 1)
            note(f"{done} of {total} {self.what}, about {duration(left)} left")


class SolveProgress:
    """A line now and then about a long solve: products, converged pairs, residual, time left.

    Parameters
    ----------
    group : Group
        Rank 0 speaks.
    wanted : int
        Pairs asked for.
    tol : float
    every : float
        Seconds between lines.
    """

    def __init__(self, group: Group, wanted: int, tol: float, every: float = 10.0) -> None:
        self.speaks = group.rank == 0
        self.wanted, self.tol, self.every = wanted, tol, every
        self.start = self.last = time.monotonic()
        self.first: tuple[float, float] | None = None

    def __call__(self, step: Step) -> None:
        """Note a restart of the solver."""
        now = time.monotonic()
        worst = max(step.estimates[: self.wanted], default=math.inf)
        if self.first is None and 0 < worst < math.inf:
            self.first = (now, math.log(worst))
        if not self.speaks or now - self.last < self.every:
            return
        self.last = now
        left = self._seconds_left(now, worst)
        tell(
            f"hpcbbp: {step.products} products, {min(step.converged, self.wanted)} of {self.wanted} pairs converged, "
            f"residual {worst:.1e} (wanted {self.tol:.0e}), {duration(now - self.start)}"
            + (f", about {duration(left)} left" if left is not None else ""),
        )

    def _seconds_left(self, now: float, worst: float) -> float | None:
        """Residuals of Krylov methods fall geometrically on average: continue that line to the tolerance."""
        if self.first is None or not 0 < worst < math.inf:
            return None
        fallen = self.first[1] - math.log(worst)
        if fallen <= 0 or now <= self.first[0]:
            return None
        return max(0.0, (math.log(worst) - math.log(self.tol)) / fallen * (now - self.first[0]))


def listener(group: Group, wanted: int, tol: float, checkpoint: State | None) -> Callable[[Step], None]:
    """Lines about a long solve, and about the state that it went on from or could not keep."""
    lines, told = SolveProgress(group, wanted, tol), list[str]()

    def progress(step: Step) -> None:
        if checkpoint is not None and checkpoint.resumed and lines.first is None and group.rank == 0:
            note(f"{checkpoint.origin}, {step.products} products")
        if checkpoint is not None and checkpoint.trouble not in ("", *told) and group.rank == 0:
            told.append(checkpoint.trouble)
            warn(f"{checkpoint.trouble}; the solve goes on without it and tries again later")
        lines(step)

    return progress


class DescentProgress:
    """A line now and then about a long descent: the step, and the Hessian being solved.

    Parameters
    ----------
    group : Group
        Rank 0 speaks.
    steps : int
    tol : float
        Of Hessians.
    checkpoint : DescentCheckpoint or None
        What it goes on from, and what could not be kept, is told as well.
    every : float
        Seconds between lines.
    """

    def __init__(
        self, group: Group, steps: int, tol: float, checkpoint: DescentCheckpoint | None, every: float = 10.0
    ) -> None:
        self.speaks = group.rank == 0
        self.steps, self.tol, self.checkpoint, self.every = steps, tol, checkpoint, every
        self.start = self.last = time.monotonic()
        self.at, self.first = -1, 0
        self.told = list[str]()

    def __call__(self, moment: Moment, landscape: Landscape | None) -> None:
        """Note a step."""
        if self.at < 0:
            self.first = moment.step
            if self.speaks and self.checkpoint is not None and self.checkpoint.resumed is not None:
                note(self.checkpoint.origin)
        self.at = moment.step
        if self.speaks and self.checkpoint is not None and self.checkpoint.trouble not in ("", *self.told):
            self.told.append(self.checkpoint.trouble)
            warn(f"{self.checkpoint.trouble}; the descent goes on without it and tries again later")
        now, made = time.monotonic(), moment.step - self.first
        if not self._due(now):
            return
        left = f", about {duration((now - self.start) * (self.steps - moment.step) / made)} left" if made else ""
        tell(
            f"hpcbbp: step {moment.step} of {self.steps}, loss {moment.loss:.6g}, m^2 = {moment.overlap2:.4g}, "
            f"{duration(now - self.start)}{left}"
        )

    def heard(self, step: Step) -> None:
        """Note a step of the eigensolver."""
        now = time.monotonic()
        if self._due(now):
            worst = max(step.estimates, default=math.inf)
            resumed = 0 if self.checkpoint is None else self.checkpoint.resumed or 0
            at = resumed if self.at < 0 else self.at + 1
            tell(
                f"hpcbbp: Hessian at step {at}: {step.products} products, residual {worst:.1e} (wanted "
                f"{self.tol:.0e}), {duration(now - self.start)}"
            )

    def _due(self, now: float) -> bool:
        if not self.speaks or now - self.last < self.every:
            return False
        self.last = now
        return True


class CampaignProgress:
    """Progress of many instances: a bar on a terminal, a line every few seconds elsewhere, both with ETA.

    Parameters
    ----------
    total : float
        Work to be done, in any unit that is proportional to time.
    count : int
        Instances.
    every : float
        Seconds between lines.
    noun : str
        What they are called.
    patience : float
        Seconds before the first word: what is done by then needs no progress.
    """

    def __init__(
        self, total: float, count: int, every: float = 5.0, noun: str = "instances", patience: float = 0.0
    ) -> None:
        self.total, self.count, self.every, self.noun, self.patience = total, count, every, noun, patience
        self.done, self.instances = 0.0, 0
        self.start = self.last = time.monotonic()
        self.bar: Progress | None = None
        self.task: TaskID | None = None

    def __enter__(self) -> CampaignProgress:
        """Start the clock."""
        self.start = self.last = time.monotonic()
        if sys.stderr.isatty():
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:3.0f}%"),
                TimeElapsedColumn(),
                TextColumn("ETA"),
                TimeRemainingColumn(),
            )
            self.bar = Progress(*columns, console=Console(stderr=True))
            self.task = self.bar.add_task(self.noun, total=self.total)
            if not self.patience:
                self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        if self.bar is not None:
            self.bar.stop()

    def advance(self, work: float, label: str, instances: int = 1) -> None:
        """Note work done, an instance (or a part of one: instances = 0)."""
        self.done += work
        self.instances += instances
        now = time.monotonic()
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, advance=work, description=label)
            if now - self.start > self.patience:
                self.bar.start()  # once; later calls do nothing
            return
        if now - self.start < self.patience:
            return
        if now - self.last < self.every and self.instances < self.count:
            return
        self.last = now
        elapsed = now - self.start
        left = duration(max(0.0, elapsed * (self.total - self.done) / self.done)) if self.done else "not known yet"
        tell(
            f"[{100 * self.done / self.total:3.0f}%] {self.instances} of {self.count} {self.noun}, "
            f"{duration(elapsed)}, ETA {left}  ({label})",
        )


class Spoken:
    """The library's listener on the command line: lines on standard error, progress with ETA, from rank 0."""

    def note(self, line: str) -> None:
        """One line."""
        note(line)

    def warn(self, line: str) -> None:
        """One line that says it is a warning."""
        warn(line)

    def counting(self, what: str) -> Callable[[int, int], None]:
        """A line now and then once it takes longer than some seconds."""
        return Patience(what)

    @contextmanager
    def working(self, total: float, count: int, what: str = "instances") -> Iterator[Advance]:
        """A bar, or lines."""
        with CampaignProgress(total, count, noun=what) as bar:
            yield bar.advance


SPOKEN = Spoken()
