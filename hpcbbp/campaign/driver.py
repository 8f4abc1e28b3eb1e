"""The driver: ranks in groups, an instance a group, handed out by a thread of rank 0 while rank 0 computes too.

Rank 0 alone writes records, each as soon as it arrives and before its group gets the next instance.
"""

from __future__ import annotations

import dataclasses
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hpcbbp._version import __version__
from hpcbbp.campaign.point import Point
from hpcbbp.campaign.store import SCHEMA, Store
from hpcbbp.errors import InputError
from hpcbbp.parallel import Group

_REQUEST, _REPLY = 1, 2
_PAUSE = 0.005  # between two looks for messages: the latency of a hand-out

Solver = Callable[[Point, Group], dict[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    computed, failed, left : int
        Instances recorded, recorded as failed, and not started.
    stopped : str or None
        Why it ended early.
    """

    computed: int
    failed: int
    left: int
    stopped: str | None


@dataclass
class Dispatcher:
    """Rank 0's part: what is to be done, who gets it, where results go. Safe for threads.

    Attributes
    ----------
    queue : list of (int, Point)
        Longest first.
    seconds : callable
        Estimate of a point, for the wall-time budget.
    deadline : float or None
        Of time.monotonic(); no instance is started that would pass it.
    """

    queue: list[tuple[int, Point]]
    store: Store
    seconds: Callable[[Point], float]
    finished: Callable[[Point, dict[str, Any]], None]
    deadline: float | None = None
    computed: int = 0
    failed: int = 0
    stopped: str | None = None
    error: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, done: tuple[Point, dict[str, Any]] | None) -> Point | None:
        """Record what a group has done; return what it is to do, or None."""
        with self._lock:
            if done is not None and self.error is None:
                self._record(*done)
            if self.stopped is not None or self.error is not None:
                return None
            for place, (_, point) in enumerate(self.queue):
                if self.deadline is None or time.monotonic() + self.seconds(point) <= self.deadline:
                    del self.queue[place]
                    return point
            if self.queue:
                self.stopped = "wall time: what is left would not end in time"
            return None

    def stop(self, reason: str) -> None:
        """Start nothing any more."""
        self.stopped = self.stopped or reason

    def _record(self, point: Point, record: dict[str, Any]) -> None:
        try:
            self.store.append(record)
        except InputError as error:
            self.error = str(error)
            return
        if "failed" in record:
            self.failed += 1
        else:
            self.computed += 1
        self.finished(point, record)


def run_points(
    points: Sequence[Point],
    store: Store,
    world: Group,
    *,
    ranks_per_instance: int,
    solver: Solver,
    seconds: Callable[[Point], float],
    finished: Callable[[Point, dict[str, Any]], None],
    wall_time: float | None = None,
) -> Outcome:
    """Solve points, longest first, each by a group of ranks, and record them. Collective over all ranks of the job.

    Parameters
    ----------
    points : sequence of Point
        What is missing, the same on all ranks.
    store : Store
        Written by rank 0 alone.
    world : Group
    ranks_per_instance : int
        Divides the number of ranks.
    solver : callable
        Record of a point, computed by a group; the same on all its ranks or at least on the first.
    seconds : callable
        Estimated time of a point.
    finished : callable
        Told on rank 0 of every record written, from whichever thread wrote it.
    wall_time : float, optional
        Seconds from now in which instances may end. SIGTERM and SIGUSR1 to rank 0 end the run after those in flight.

    Raises
    ------
    InputError
        A number of ranks that cannot be divided so, or a store that cannot be written.
    """
    if world.size % ranks_per_instance:
        raise InputError(
            f"ranks_per_instance = {ranks_per_instance} does not divide {world.size} ranks: start "
            f"{-(-world.size // ranks_per_instance) * ranks_per_instance}, or choose another"
        )
    deadline = None if wall_time is None else time.monotonic() + wall_time
    order = sorted(enumerate(points), key=lambda item: -seconds(item[1]))
    dispatcher = Dispatcher(order, store, seconds, finished, deadline)
    with world.split(world.rank // ranks_per_instance) as group, _signals(dispatcher):
        if world.size == ranks_per_instance:
            _work(group, solver, dispatcher.next)
        else:
            _work_with_others(world, group, solver, dispatcher)
    error = world.share(dispatcher.error)
    if error is not None:
        raise InputError(error)
    return world.share(Outcome(dispatcher.computed, dispatcher.failed, len(dispatcher.queue), dispatcher.stopped))


def _work(group: Group, solver: Solver, ask: Callable[[tuple[Point, dict[str, Any]] | None], Point | None]) -> None:
    """Ask for a point, solve it, hand the record in with the next question; only the group's first rank asks."""
    done = None
    while True:
        point = group.share(ask(done) if group.rank == 0 else None)
        if point is None:
            return
        done = point, _solved(point, group, solver)


def _solved(point: Point, group: Group, solver: Solver) -> dict[str, Any]:
    """A record, of a failure if need be; several ranks can only go on from an error that all of them raise."""
    begin = time.time()
    try:
        record = solver(point, group)
    except InputError as error:
        record = {"failed": str(error)}
    except Exception as error:
        if group.size > 1:
            raise
        record = {"failed": f"{type(error).__name__}: {error}"}
    return {
        "schema": SCHEMA,
        "key": point.key,
        "point": dataclasses.asdict(point),
        "hpcbbp": __version__,
        "host": platform.node(),
        "begin": round(begin, 3),
        "wall_seconds": round(time.time() - begin, 3),
        "ranks": group.size,
        **record,
    }


def threads_communicate() -> bool:
    """Whether this MPI lets several threads communicate, which handing out instances needs. MPI has been started."""
    from mpi4py import MPI

    return bool(MPI.Query_thread() >= MPI.THREAD_MULTIPLE)


def _work_with_others(world: Group, group: Group, solver: Solver, dispatcher: Dispatcher) -> None:
    """The first ranks of the other groups ask by message; a thread of rank 0 answers while rank 0 computes."""
    if not threads_communicate():
        raise InputError(
            "this MPI lets no threads communicate (MPI_THREAD_MULTIPLE): start as many ranks as ranks_per_instance"
        )
    control = world.comm.Dup()
    try:
        if world.rank != 0:

            def ask(done: tuple[Point, dict[str, Any]] | None) -> Point | None:
                control.send(done, dest=0, tag=_REQUEST)
                answer: Point | None = control.recv(source=0, tag=_REPLY)
                return answer

            _work(group, solver, ask)
        else:
            others = world.size // group.size - 1
            server = threading.Thread(target=_serve, args=(control, others, dispatcher), daemon=True)
            server.start()
            _work(group, solver, dispatcher.next)
            server.join()
    finally:
        control.Free()


def _serve(control: Any, others: int, dispatcher: Dispatcher) -> None:
    """Answer until every other group has been told that there is nothing more."""
    from mpi4py import MPI

    status = MPI.Status()
    try:
        while others:
            if not control.iprobe(source=MPI.ANY_SOURCE, tag=_REQUEST, status=status):
                time.sleep(_PAUSE)
                continue
            done = control.recv(source=status.Get_source(), tag=_REQUEST)
            point = dispatcher.next(done)
            control.send(point, dest=status.Get_source(), tag=_REPLY)
            others -= point is None
    except BaseException:  # the other groups would wait for ever
        import traceback

        traceback.print_exc()
        control.Abort(1)


@contextmanager
def _signals(dispatcher: Dispatcher) -> Iterator[None]:
    """SIGTERM and SIGUSR1 (Slurm's --signal) end the run after the instances in flight."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = (signal.SIGTERM, signal.SIGUSR1)
    before = [signal.signal(number, lambda got, _: dispatcher.stop(signal.Signals(got).name)) for number in wanted]
    try:
        yield
    finally:
        for number, handler in zip(wanted, before, strict=True):
            signal.signal(number, handler)
