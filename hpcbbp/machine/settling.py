"""Whether some rank is in trouble, told in messages that cannot be taken for those of anybody else's code."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from hpcbbp.machine.stdio import tell

_KEYS: list[int] = []  # under which a communicator keeps its double


def _double(comm: Any) -> Any:
    """A double of a communicator, so that no message of ours is taken for one of others. Collective at first."""
    from mpi4py import MPI

    if not _KEYS:
        _KEYS.append(MPI.Comm.Create_keyval(delete_fn=lambda of, key, double: double.Free()))
    double = comm.Get_attr(_KEYS[0])
    if double is None:
        double = comm.Dup()
        comm.Set_attr(_KEYS[0], double)
    return double


def settled(comm: Any, trouble: str | None, patience: float) -> str | None:
    """See Group.settle."""
    aside, mine, worst = _double(comm), np.array([trouble is not None], dtype="i"), np.zeros(1, dtype="i")
    from mpi4py import MPI

    request = aside.Iallreduce(mine, worst, op=MPI.MAX)
    if trouble is None:
        request.Wait()
    else:
        latest = time.monotonic() + patience
        while not request.Test():
            if time.monotonic() > latest:
                tell(f"hpcbbp: error: {' '.join(trouble.split())} (the other ranks went on waiting: job ended)")
                aside.Abort(2)
            time.sleep(0.001)
    return next(text for text in aside.allgather(trouble) if text is not None) if worst[0] else None
