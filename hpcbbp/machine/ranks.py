"""Ranks: who owns which rows, sums over ranks, agreement on errors, and the end of a failing job.

Without mpi4py everything here works in one process.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, MissingDependencyError, shown
from hpcbbp.machine.launcher import launched_rank
from hpcbbp.machine.settling import settled
from hpcbbp.machine.signals import deaf
from hpcbbp.machine.stdio import tell

Array = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Group:
    """The ranks that hold one problem together.

    Attributes
    ----------
    comm : mpi4py communicator, or None for one process without MPI
    rank, size : int

    Examples
    --------
    >>> Group.world().size  # mpirun -n 4 makes it 4
    1
    >>> Group(rank=1, size=3).owned(10)
    range(4, 7)
    """

    comm: Any = None
    rank: int = 0
    size: int = 1

    @classmethod
    def world(cls) -> Group:
        """All ranks of the job; starts MPI."""
        try:
            from mpi4py import MPI
        except ImportError:
            raise MissingDependencyError(
                "mpi4py not found: Group.world() is the ranks of an MPI job; one process is Group(), without MPI"
            ) from None
        return cls.of(MPI.COMM_WORLD)

    @classmethod
    def of(cls, comm: Any) -> Group:
        """Return the ranks of an mpi4py communicator."""
        return cls(comm, comm.Get_rank(), comm.Get_size())

    @classmethod
    def chosen(cls, group: Group | None) -> Group:
        """Return the group that a caller gave; one process for None, InputError for what is no group."""
        if group is None:
            return cls()
        if not isinstance(group, Group):
            raise InputError(
                f"group = {shown(group)}: give Group.world() (all ranks of the job), Group.of(communicator), or None "
                "(one process)"
            )
        return group

    def owned(self, n: int, rank: int | None = None) -> range:
        """Rows 0..n-1 owned by a rank (this one by default): contiguous, larger parts first, as in PETSc."""
        rank = self.rank if rank is None else rank
        each, extra = divmod(n, self.size)
        start = rank * each + min(rank, extra)
        return range(start, start + each + (rank < extra))

    def _counts(self, n: int, width: int) -> list[int]:
        return [len(self.owned(n, rank)) * width for rank in range(self.size)]

    def sum(self, values: Array) -> Array:
        """Sum of an array over the ranks, on every rank."""
        if self.comm is None:
            return values
        total = np.empty(values.shape)
        self.comm.Allreduce(np.ascontiguousarray(values), total)
        return total

    def sum_integers(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sum of an integer array over the ranks, on every rank; exact, so independent of order."""
        if self.comm is None:
            return values
        total = np.empty_like(values)
        self.comm.Allreduce(np.ascontiguousarray(values), total)
        return total

    def largest(self, value: float) -> float:
        """Largest of the ranks' values, on every rank."""
        return value if self.comm is None else max(self.comm.allgather(value))

    def smallest(self, value: float) -> float:
        """Smallest of the ranks' values, on every rank."""
        return -self.largest(-value)

    def gather_rows(self, local: Array, n: int) -> Array:
        """Return all n rows of a row-distributed (n, b) array, on every rank."""
        if self.comm is None or self.size == 1:
            return local
        width = local.shape[1]
        full = np.empty((n, width))
        self.comm.Allgatherv(np.ascontiguousarray(local), [full, self._counts(n, width)])
        return full

    def scatter_sum(self, full: Array) -> Array:
        """Sum an (n, b) array over the ranks; each gets the rows it owns. One reduction."""
        if self.comm is None or self.size == 1:
            return full
        n, width = full.shape
        local = np.empty((len(self.owned(n)), width))
        self.comm.Reduce_scatter(np.ascontiguousarray(full), local, self._counts(n, width))
        return local

    def share(self, value: T) -> T:
        """Rank 0's value, on every rank."""
        return value if self.comm is None else cast("T", self.comm.bcast(value))

    def barrier(self) -> None:
        """Wait for all ranks."""
        if self.comm is not None:
            self.comm.Barrier()

    @contextmanager
    def agreeing(self) -> Iterator[None]:
        """Make an InputError of any rank the same InputError on all of them.

        Checks that may come out differently on different ranks (a file that one node does not see, a NaN in
        one rank's rows) go inside; what runs inside must not be collective.
        """
        message = None
        try:
            yield
        except InputError as error:
            message = str(error)
        found = [message] if self.comm is None else self.comm.allgather(message)
        for text in found:
            if text is not None:
                raise InputError(text)

    def settle(self, trouble: str | None, patience: float = 10.0) -> str | None:
        """Trouble of the first rank that has any, on all ranks; None if none has. Collective.

        For calls of somebody else's code, which may have left one rank with an error and the others within a
        collective call of their own: a rank in trouble waits `patience` seconds for them, and then says what it is
        and ends the job. Call settle(None) before such code runs for the first time: the first call is collective in
        the ordinary way.
        """
        if self.comm is None:
            return trouble
        return settled(self.comm, trouble, patience)

    @contextmanager
    def split(self, part: int) -> Iterator[Group]:
        """Group of the ranks that name the same part, in their order. Collective at both ends."""
        if self.comm is None:
            yield self
            return
        comm = self.comm.Split(part, self.rank)
        yield Group.of(comm)
        comm.Free()  # not after an exception: the other ranks would not take part

    def ranks_on_node(self) -> int:
        """How many of these ranks share this node's memory."""
        if self.comm is None:
            return 1
        from mpi4py import MPI

        node = self.comm.Split_type(MPI.COMM_TYPE_SHARED)
        try:
            return int(node.Get_size())
        finally:
            node.Free()


def leave(status: int) -> None:
    """End the process after MPI, without PETSc's own end. Collective over all ranks.

    PETSc's end is collective in what its ranks have left undestroyed (garbage of Python objects, seen with 3.18), and
    hangs where groups of ranks have solved different numbers of instances. One process goes the ordinary way.
    """
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is None or not mpi.Is_initialized() or mpi.COMM_WORLD.Get_size() == 1:
        raise SystemExit(status)
    deaf()
    sys.stdout.flush()
    sys.stderr.flush()
    mpi.Finalize()
    os._exit(status)


def fail(message: str) -> None:
    """End every rank with exit code 2, after one line on standard error from the first of them.

    Called by all ranks alike. A launcher kills a job as soon as one of its processes fails, so the other
    ranks let the first one speak before they leave.
    """
    line = " ".join(message.split())
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is not None and mpi.Is_initialized() and not mpi.Is_finalized():
        world = mpi.COMM_WORLD
        if world.Get_rank() == 0:
            tell(f"hpcbbp: error: {line}")
        request, patience = world.Ibarrier(), time.monotonic() + 10.0
        while not request.Test():
            if time.monotonic() > patience:  # somebody does not take part: end the job rather than wait
                world.Abort(2)
            time.sleep(0.01)
    elif launched_rank() == 0:
        tell(f"hpcbbp: error: {line}")
    else:
        time.sleep(2.0)
    raise SystemExit(2)


@contextmanager
def abort_on_error(group: Group) -> Iterator[None]:
    """End the whole job if an exception leaves this block on one rank: its traceback, then MPI_Abort.

    Without it the other ranks would wait for the lost one for ever. InputError passes through: it is raised
    on all ranks alike (see Group.agreeing), and so do exits. With one rank everything passes through.
    """
    try:
        yield
    except (InputError, SystemExit):
        raise
    except BaseException:
        if group.size == 1:
            raise
        print(f"hpcbbp: rank {group.rank} of {group.size} failed:", file=sys.stderr)
        traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        group.comm.Abort(1)
        raise  # unreachable: MPI_Abort does not return
