"""The driver: ranks in groups, an instance a group, handed out by a thread of rank 0 while rank 0 computes too.

Rank 0 alone writes records, each as soon as it arrives and before its group gets the next instance.
"""

from __future__ import annotations

import dataclasses
import math
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
from hpcbbp.errors import InputError, StoppedError
from hpcbbp.parallel import Group

_REQUEST, _REPLY = 1, 2
_PAUSE = 0.005  # between two looks for messages: the latency of a hand-out
_ASK = 1.0  # seconds between two questions of a group whether to stop
_SHALL_I_STOP = "shall I stop?"
_WALL_TIME = "wall time: what is left would not end in time"

Stop = Callable[[], bool]
Solver = Callable[[Point, Group, Stop], dict[str, Any]]
Done = tuple[Point, dict[str, Any] | None]  # None: stopped on the way


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    computed, failed, left : int
        Instances recorded, recorded as failed, and neither: not started, or stopped on the way.
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
    queue : list of Point
        Longest first.
    seconds : callable
        Estimate of a point, for the wall-time budget.
    deadline : float or None
        Of time.monotonic(); no instance is started that would pass it and cannot be stopped.
    """

    queue: list[Point]
    store: Store
    seconds: Callable[[Point], float]
    finished: Callable[[Point, dict[str, Any]], None]
    stoppable: Callable[[Point], bool]
    deadline: float | None = None
    computed: int = 0
    failed: int = 0
    stopped: str | None = None
    error: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, done: Done | None) -> Point | None:
        """Record what a group has done; return what it is to do, or None."""
        with self._lock:
            if done is not None:
                self._record(*done)
            for place, point in enumerate([] if self.stopping() else self.queue):
                if self.stoppable(point) or self._time_left() >= self.seconds(point):
                    return self.queue.pop(place)
            if self.queue:
                self.stop(_WALL_TIME)
            return None

    def stop(self, reason: str) -> None:
        """Start nothing any more. Without the lock, which the thread that a signal interrupts may hold."""
        self.stopped = self.stopped or reason

    def stopping(self) -> bool:
        """Whether nothing is to be started any more, and what can go on later is to stop."""
        return self.stopped is not None or self.error is not None or self._time_left() <= 0

    def _time_left(self) -> float:
        return math.inf if self.deadline is None else self.deadline - time.monotonic()

    def _record(self, point: Point, record: dict[str, Any] | None) -> None:
        if record is None:
            self.queue.append(point)
            return
        try:
            self.store.append(record)  # also after an error: what was in flight may find room again
        except InputError as error:
            self.error = self.error or str(error)
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
        Seconds from now in which instances may end. SIGTERM and SIGUSR1 to rank 0 end the run after those in flight.
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
    dispatcher = Dispatcher(order, store, seconds, finished, stoppable, deadline)
    with world.split(world.rank // ranks_per_instance) as group, _signals(dispatcher):
        if world.size == ranks_per_instance:
            _work(group, solver, dispatcher.next, dispatcher.stopping)
        else:
            _work_with_others(world, group, solver, dispatcher)
    error = world.share(dispatcher.error)
    if error is not None:
        raise InputError(error)
    return world.share(Outcome(dispatcher.computed, dispatcher.failed, len(dispatcher.queue), dispatcher.stopped))


def _work(group: Group, solver: Solver, ask: Callable[[Done | None], Point | None], stop: Stop) -> None:
    """Ask for a point, solve it, hand the record in with the next question; only the group's first rank asks."""
    done = None
    while True:
        point = group.share(ask(done) if group.rank == 0 else None)
        if point is None:
            return
        done = point, _solved(point, group, solver, stop)


def _solved(point: Point, group: Group, solver: Solver, stop: Stop) -> dict[str, Any] | None:
    """A record, of a failure if need be; several ranks can only go on from an error that all of them raise."""
    begin = time.time()
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
    finally:
        control.Free()


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
        import traceback

        traceback.print_exc()
        control.Abort(1)


@contextmanager
def _signals(dispatcher: Dispatcher) -> Iterator[None]:
    """SIGTERM and SIGUSR1 (Slurm's --signal) end the run after the instances in flight; stoppable ones stop."""
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
