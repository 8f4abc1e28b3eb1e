"""What a method of solving is: one class a file, registered by name in `hpcbbp.solvers.methods`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.network import Network
from hpcbbp.machine.ranks import Group
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.checkpoint import SolveCheckpoint
from hpcbbp.solvers.deferred import Checkpoint
from hpcbbp.solvers.instance import Instance
from hpcbbp.solvers.request import Request, Words
from hpcbbp.solvers.result import Solution, Step

Array = NDArray[np.float64]
Heard = Callable[[Step], None] | None
State = Checkpoint | SolveCheckpoint
Keeps = type[Checkpoint] | type[SolveCheckpoint] | None


class Prepared(Protocol):
    """An instance that was drawn, and knows how it is solved."""

    def solve(self, listener: Heard = None, checkpoint: State | None = None) -> Solution:
        """Pairs and overlaps. Collective. A checkpoint is one that the method has made."""

    def projections(self) -> tuple[Array, Array]:
        """S = X w, (m_local, p), and u = X w*, (m_local, p_star), of this rank's samples. Collective."""

    def noise(self) -> Array | None:
        """Numbers z that noise on these samples' labels is made of, (m_local,); None without noise."""

    def gram(self) -> Array:
        """w_a . w_b / N of the weights, student first, (p + p_star, p + p_star). Collective."""


class Method(Protocol):
    """How an instance is drawn and solved, and what that costs.

    Attributes
    ----------
    name : str
        As campaign files, records and the command line have it.
    storages : tuple of str
        What numbers it can keep X, or its images, in, the most exact first.
    options : frozenset of str
        What it takes besides: "below", "verify", "block" of Request; "checkpoint" and "checkpoint_every", the state
        of a solve that can be stopped; "data", a user's own instance; "petsc", PETSc's options.
    draws : str
        Why it takes no data of the user's own, as the end of a sentence; empty if it does.
    whole : bool
        Whether it finds all pairs, however many are asked for.
    checkpoint : class, optional
        What keeps its state; None where it cannot be stopped on the way.

    Examples
    --------
    >>> from hpcbbp import Problem
    >>> from hpcbbp.solvers.methods import METHODS
    >>> from hpcbbp.solvers.request import Request
    >>> sorted(METHODS)
    ['deferred', 'dense', 'dice', 'regenerated', 'stored']
    >>> asked = Request(Problem(p=1, p_star=1, alpha=3.0, a=1.5), n=10_000)
    >>> METHODS["deferred"].memory(asked, ranks=1) < METHODS["stored"].memory(asked, ranks=1)
    True
    """

    name: str
    storages: tuple[str, ...]
    options: frozenset[str]
    draws: str
    whole: bool
    checkpoint: Keeps

    def pairs(self, problem: Problem, n: int) -> int:
        """Pairs that are found, or shown, where nothing is said."""

    def check(self, request: Request, words: Words) -> None:
        """Raise InputError, in the caller's words, for what the rules for all methods do not know of."""

    def reachable(self, request: Request, storage: str) -> float:
        """Smallest tolerance that can be asked for with a storage, whatever the request's; 0 where flags tell it."""

    def storage(self, request: Request) -> str:
        """Storage that suits a request, where none is asked for."""

    def prepare(self, request: Request, group: Group) -> Prepared:
        """Draw the instance. Collective; InputError, before anything is allocated, for what cannot work."""

    def adopt(self, instance: Instance, request: Request) -> Prepared:
        """A user's own instance, for a method that takes "data"; InputError from others. Collective."""

    def memory(self, request: Request, ranks: int) -> int:
        """Bytes that the largest of an instance's ranks needs."""

    def seconds(self, request: Request) -> float:
        """Seconds that one core calculates, by a model of what the method does (docs/scaling.md)."""

    def communication(self, request: Request, ranks: int, network: Network) -> float:
        """Seconds of a solve's collective calls, counted by benchmarks/scaling.py."""
