"""What a search that keeps no state does where another would (kept.py)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hpcbbp.solvers.checkpoint import SolveCheckpoint
from hpcbbp.solvers.pairs import Pairs
from hpcbbp.solvers.thick import Basis

Array = NDArray[np.float64]


class NothingKept:
    """See the module.

    Attributes
    ----------
    rounds : tuple of int
        Of the search for copies: vectors of the next round, its first start vector, pairs added so far.
    verdict : (bool or None, int), optional
        How that search has ended before, and how many pairs it has added.
    """

    checkpoint: SolveCheckpoint | None = None
    rounds: tuple[int, int, int] = (1, 1, 0)
    verdict: tuple[bool | None, int] | None = None

    @property
    def keeps(self) -> bool:
        """Whether states are kept (hpcbbp.solvers.kept)."""
        return False

    def keep(self, known: Array, wanted: int, basis: Callable[[], Basis | None]) -> None:
        """Nothing."""

    def begin_with(self, nev: int) -> int:
        """Pairs that the first run looks for."""
        return nev

    def taken(self) -> Pairs | None:
        """Pairs that were found before this search. Collective."""
        return None

    def settle(self, pairs: Pairs, rounds: tuple[int, int, int]) -> None:
        """Note pairs that have been found, and how far the search for copies of them is."""

    def finish(self, pairs: Pairs, asked: int, reason: str, *, verified: bool | None, added: int) -> None:
        """Note that this is all. Collective."""
