"""The driver: ranks in groups, an instance a group, handed out by a thread of rank 0 while rank 0 computes too.

Rank 0 alone writes records, each as soon as it arrives and before its group gets the next instance.
"""

from __future__ import annotations

import math
import platform
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hpcbbp._version import __version__
from hpcbbp.campaign.kept import DamagedError, Failed, Record
from hpcbbp.campaign.outcome import Outcome
from hpcbbp.campaign.record import SCHEMA
from hpcbbp.campaign.store import Store
from hpcbbp.errors import InputError, StoppedError
from hpcbbp.machine import memory
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.signals import Ear, listening
from hpcbbp.solvers.point import Point

_REQUEST, _REPLY = 1, 2
_PAUSE = 0.005  # between two looks for messages: the latency of a hand-out
_ASK = 1.0  # seconds between two questions of a group whether to stop
_SHALL_I_STOP = "shall I stop?"
_WALL_TIME = "wall time: what is left would not end in time"

Stop = Callable[[], bool]
Solver = Callable[[Point, Group, Stop], dict[str, Any]]
Done = tuple[Point, dict[str, Any] | None]  # None: stopped on the way


@dataclass
class Dispatcher:
    """Rank 0's part: what is to be done, who gets it, where results go. Safe for threads.

    Attributes
    ----------
    queue : deque of Point
        Longest first.
    seconds : callable
        Estimate of a point, for the wall-time budget.
    deadline : float or None
        Of time.monotonic(); no instance is started that would pass it and cannot be stopped.
    ear : Ear
        Hears the signals that end a run.
    left : list of Point
        What will not be started any more (it would not end in time), was stopped on the way, or found no room in the
        store.
    """

    queue: deque[Point]
    store: Store
    seconds: Callable[[Point], float]
    finished: Callable[[Point, Record], None]
    stoppable: Callable[[Point], bool]
    deadline: float | None = None
    ear: Ear = field(default_factory=Ear)
    left: list[Point] = field(default_factory=list)
    computed: int = 0
    failed: int = 0
    error: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, done: Done | None) -> Point | None:
        """Record what a group has done; return what it is to do, or None."""
        with self._lock:
            if done is not None:
                self._record(*done)
            while self.queue and not self.stopping():
                point = self.queue.popleft()
                if self.stoppable(point) or self._time_left() >= self.seconds(point):
                    return point
                self.left.append(point)  # there will not be more time later
            return None

    def stopping(self) -> bool:
        """Whether to stop what runs and can go on later: a signal, a store that is full, or the end of the time.

        That nothing more fits into the time is no reason: what runs was begun because it does, or may be stopped.
        """
        return self.ear.heard() is not None or self.error is not None or self._time_left() <= 0

    def outcome(self) -> Outcome:
        """How the run has ended."""
        left = len(self.queue) + len(self.left)
        return Outcome(self.computed, self.failed, left, (self.ear.heard() or _WALL_TIME) if left else None)

    def _time_left(self) -> float:
        return math.inf if self.deadline is None else self.deadline - time.monotonic()

    def _record(self, point: Point, content: dict[str, Any] | None) -> None:
        if content is None:
            self.left.append(point)
            return
        try:
            try:
                record = self.store.append(content)  # also after an error: what was in flight may find room again
            except DamagedError as error:
                reason = {"failed": f"what was computed is no result: {error}"}
                record = self.store.append(_filed(point, reason, content))
        except InputError as error:
            self.error = self.error or str(error)
            self.left.append(point)
            return
        if isinstance(record, Failed):
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
    finished: Callable[[Point, Record], None],
    wall_time: float | None = None,
    stoppable: Callable[[Point], bool] = lambda _: False,
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
        Record of a point, computed by a group; the same on all its ranks or at least on the first. It may ask its
        third argument, on the group's first rank, whether to stop, and then raise StoppedError on all of them.
    seconds : callable
        Estimated time of a point.
    finished : callable
        Told on rank 0 of every record written, from whichever thread wrote it.
    wall_time : float, optional
        Seconds from now in which instances may end. SIGTERM and SIGUSR1 to rank 0 end the run after those in flight,
        also if they have come before (hpcbbp.machine.signals).
    stoppable : callable, optional
        Whether a point's solver asks whether to stop: it is started even if it will not end in time.

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
    order = sorted(points, key=seconds, reverse=True)
    with world.split(world.rank // ranks_per_instance) as group, listening() as ear:
        dispatcher = Dispatcher(deque(order), store, seconds, finished, stoppable, deadline, ear)
        if world.size == ranks_per_instance:
            _work(group, solver, dispatcher.next, dispatcher.stopping)
        else:
            _work_with_others(world, group, solver, dispatcher)
        outcome = dispatcher.outcome()
    error = world.share(dispatcher.error)
    if error is not None:
        raise InputError(error)
    return world.share(outcome)


def _work(group: Group, solver: Solver, ask: Callable[[Done | None], Point | None], stop: Stop) -> None:
    """Ask for a point, solve it, hand the record in with the next question; only the group's first rank asks."""
    done = None
    with memory.giving_back() as give:
        while True:
            point = group.share(ask(done) if group.rank == 0 else None)
            if point is None:
                return
            done = point, _solved(point, group, solver, stop)
            give()


def _solved(point: Point, group: Group, solver: Solver, stop: Stop) -> dict[str, Any] | None:
    """A record, of a failure if need be; several ranks can only go on from an error that all of them raise."""
    begin, start = time.time(), time.monotonic()
    try:
        record = solver(point, group, stop)
    except StoppedError:
        return None
    except InputError as error:
        record = {"failed": str(error)}
    except Exception as error:
        if group.size > 1:
            raise
        record = {"failed": f"{type(error).__name__}: {error}"}
    seconds = round(time.monotonic() - start, 3)
    where = {"host": platform.node(), "begin": round(begin, 3), "wall_seconds": seconds, "ranks": group.size}
    return _filed(point, record, where)


def _filed(point: Point, record: Mapping[str, Any], where: Mapping[str, Any]) -> dict[str, Any]:
    """What a store keeps of a solver's record: what was computed, by whom, where and when."""
    return {
        "schema": SCHEMA,
        "key": point.key,
        "point": point.to_dict(),
        "hpcbbp": __version__,
        **{name: where[name] for name in ("host", "begin", "wall_seconds", "ranks")},
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
    if world.rank != 0:
        # A group asks, and rank 0 never speaks first: one question a group at a time, so no message can cross
        # another or be left over. A file beside the store would be seen late or never through a network's caches.
        def question(words: Any) -> Any:
            control.send(words, dest=0, tag=_REQUEST)
            return control.recv(source=0, tag=_REPLY)

        _work(group, solver, question, _now_and_then(lambda: bool(question(_SHALL_I_STOP))))
    else:
        others = world.size // group.size - 1
        server = threading.Thread(target=_serve, args=(control, others, dispatcher), daemon=True)
        server.start()
        _work(group, solver, dispatcher.next, dispatcher.stopping)
        server.join()
    control.Free()  # not after an exception: the other ranks would not take part


def _now_and_then(stop: Stop) -> Stop:
    """Ask at most once a second, and say no in between: steps may be short."""
    last = -math.inf

    def limited() -> bool:
        nonlocal last
        if time.monotonic() < last + _ASK:
            return False
        last = time.monotonic()
        return stop()

    return limited


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
            answer = dispatcher.stopping() if done == _SHALL_I_STOP else dispatcher.next(done)
            control.send(answer, dest=status.Get_source(), tag=_REPLY)
            others -= answer is None
    except BaseException:  # the other groups would wait for ever
        traceback.print_exc()
        control.Abort(1)
