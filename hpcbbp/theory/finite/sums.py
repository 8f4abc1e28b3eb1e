"""Sums over the samples of one instance, by all cores of one process or by the ranks that hold its rows together.

The prediction of a sample (hpcbbp.theory.finite.sample) sees the samples through three sums alone, some dozens of
times.
So ranks that hold rows need not gather them: rank 0 follows the curve, and asks all of them for their part of a sum;
it alone decides what comes next, so that ranks with different processors cannot disagree. What travels is a few
matrices of the order p x p. No MPI here: whoever has ranks hands in a hpcbbp.machine.ranks.Group or the like of it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.theory.finite.projections import Projections

Array = NDArray[np.float64]
T = TypeVar("T")
Task = tuple[str, tuple[Any, ...]]  # what rank 0 asks the others for, or the end


class Ranks(Protocol):
    """What a group of ranks must be able to do, collectively; hpcbbp.machine.ranks.Group can."""

    @property
    def rank(self) -> int:
        """Number of this rank."""
        ...

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def sum(self, values: Array) -> Array:
        """Sum of an array over the ranks."""
        ...

    def largest(self, value: float) -> float:
        """Largest of the ranks' values."""
        ...

    def share(self, value: T) -> T:
        """Rank 0's value."""
        ...

    def agreeing(self) -> AbstractContextManager[None]:
        """Make an InputError of one rank one of all ranks."""
        ...


class Sums:
    """Sums over one sample, as rank 0 asks for them.

    Parameters
    ----------
    source : Projections
        This rank's rows, possibly none.
    a : float or None
        Loss constant; None where the source has the curvatures themselves (hpcbbp.theory.finite.curved).
    pool : Executor
        Of threads; every task is a chunk of rows.
    ranks : Ranks, optional
        One process by default.
    progress : callable, optional
        Called with the number of passes over the samples so far, a chunk at a time.
    """

    def __init__(
        self,
        source: Projections,
        a: float | None,
        pool: Executor,
        ranks: Ranks | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        self.p, self.p_star, self.m = source.p, source.p_star, source.m
        self.source, self.pool, self.progress = source, pool, progress
        self.constants = () if a is None else (a,)
        self.ranks = None if ranks is None or ranks.size == 1 else ranks
        if self.ranks is not None:
            self.m = int(self.ranks.sum(np.array([float(source.m)]))[0])
        self.passes = 0
        size, q = self.p * (self.p + 1) // 2, self.p + self.p_star
        self._bulk, self._signal = (size, (size, size)), (2, size, q * (q + 1) // 2)

    def _parts(self, kernel: Any, *words: Any) -> list[Any]:
        """The kernel's result for each chunk of this process, in their order."""
        chunks = self.source.chunks()
        tasks = self.pool.map(lambda number: kernel(*self.source.chunk(number), *self.constants, *words), chunks)
        parts = []
        for done, part in enumerate(tasks, start=1):
            parts.append(part)
            if self.progress is not None:
                self.progress(self.passes + done / len(chunks))
        self.passes += 1
        return parts

    def _asked(self, what: str, *words: Any) -> Any:
        if self.ranks is not None:
            self.ranks.share((what, words))
        return getattr(self, f"_{what}_of_all")(*words)

    def _total(self, *parts: Any) -> Array:
        """Sum over the ranks of numbers and arrays, as one vector."""
        mine = np.concatenate([np.ravel(part) for part in parts]).astype(np.float64)
        return mine if self.ranks is None else self.ranks.sum(mine)

    def _steepest_of_all(self) -> float:
        here = float(max(self._parts(self.source.kernels.steepest)))
        return here if self.ranks is None else self.ranks.largest(here)

    def _bulk_of_all(self, gamma: Array, axes: Array) -> Array:
        parts = self._parts(self.source.kernels.bulk, gamma, axes)
        with np.errstate(invalid="ignore"):  # outside the domain sums may be infinite, and are not looked at
            return self._total(sum(not part[0] for part in parts), *(sum(part[i] for part in parts) for i in (1, 2)))

    def _signal_of_all(self, gamma: Array, axes: Array, slope: Array) -> Array:
        parts = self._parts(self.source.kernels.signal, gamma, axes, slope)
        return self._total(*(sum(part[i] for part in parts) for i in (1, 0)))

    def steepest(self) -> float:
        """Largest -d of all samples' curvatures, -d_min."""
        return float(self._asked("steepest"))

    def bulk(self, gamma: Array, axes: Array) -> tuple[bool, Array, Array]:
        """Whether G is in the domain of all samples; sums of E, (P,), and of E_I E_J, (P, P), J >= I."""
        total = self._asked("bulk", gamma, axes)
        size, shape = self._bulk
        return not total[0], total[1 : 1 + size], total[1 + size :].reshape(shape)

    def signal(self, gamma: Array, axes: Array, slope: Array) -> tuple[Array, float]:
        """Sums of E_I F_J and (E G' E)_I F_J, (2, P, Q), and of tr (E G')^3."""
        total = self._asked("signal", gamma, axes, slope)
        return total[1:].reshape(self._signal), float(total[0])

    def led(self, work: Callable[[Sums], T]) -> T:
        """work(self) on rank 0, where it may ask for sums; the others add their parts, and all get the result.

        Raises
        ------
        InputError
            The one that `work` raised, on all ranks.
        """
        if self.ranks is None:
            return work(self)
        what, words = self.ranks.share(self._answer(work)) if self.ranks.rank == 0 else self._serve(self.ranks)
        if what == "refused":
            raise InputError(*words)
        result: T = words[0]
        return result

    def _answer(self, work: Callable[[Sums], T]) -> Task:
        try:
            return "result", (work(self),)
        except InputError as error:
            return "refused", (str(error),)

    def _serve(self, ranks: Ranks) -> Task:
        """Add this rank's parts until the answer comes."""
        while True:
            what, words = ranks.share(("", ()))
            if what in ("result", "refused"):
                return what, words
            getattr(self, f"_{what}_of_all")(*words)
