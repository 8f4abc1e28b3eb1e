"""What a method of solving is: one class a file, registered by name in `hpcbbp.solvers.methods`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.network import Network
from hpcbbp.machine.ranks import Group
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.deferred import Checkpoint
from hpcbbp.solvers.request import Request
from hpcbbp.solvers.result import Solution, Step

Array = NDArray[np.float64]
Heard = Callable[[Step], None] | None


class Prepared(Protocol):
    """An instance that was drawn, and knows how it is solved."""

    def solve(self, listener: Heard = None, checkpoint: Checkpoint | None = None) -> Solution:
        """Pairs and overlaps. Collective. Only a method that keeps its state takes a checkpoint."""

    def projections(self) -> tuple[Array, Array]:
        """S = X w, (m_local, p), and u = X w*, (m_local, p_star), of this rank's samples. Collective."""


class Method(Protocol):
    """How an instance is drawn and solved, and what that costs.

    Attributes
    ----------
    name : str
        As campaign files, records and the command line have it.
    storages : tuple of str
        What numbers it can keep X, or its images, in.
    keeps_state : bool
        Whether a solve can be stopped, and go on from its state.
    """

    name: str
    storages: tuple[str, ...]
    keeps_state: bool

    def reachable(self, problem: Problem, n: int, storage: str) -> float:
        """Smallest tolerance that can be asked for with a storage; 0 where flags tell what was reached."""

    def storage(self, problem: Problem, n: int, tol: float) -> str:
        """Storage that suits a tolerance, where none is asked for."""

    def prepare(self, request: Request, group: Group) -> Prepared:
        """Draw the instance. Collective; InputError, before anything is allocated, for what cannot work."""

    def memory(self, request: Request, ranks: int) -> int:
        """Bytes that the largest of an instance's ranks needs."""

    def seconds(self, request: Request) -> float:
        """Seconds that one core calculates, by a model of what the method does (docs/scaling.md)."""

    def communication(self, request: Request, ranks: int, network: Network) -> float:
        """Seconds of a solve's collective calls, counted by benchmarks/scaling.py."""
