"""The whole spectrum of a small instance by LAPACK."""

from __future__ import annotations

from dataclasses import dataclass

from hpcbbp.data.stored import STORAGE
from hpcbbp.machine import memory
from hpcbbp.machine.network import Network
from hpcbbp.machine.ranks import Group
from hpcbbp.model.problem import Problem
from hpcbbp.solvers import eigen
from hpcbbp.solvers.dense import NO_ROOM, solve_dense
from hpcbbp.solvers.instance import Instance, gaussian_instance
from hpcbbp.solvers.methods.base import Array, Heard, Keeps, State
from hpcbbp.solvers.needs import dense_bytes
from hpcbbp.solvers.request import Request, Words
from hpcbbp.solvers.result import Solution


@dataclass(frozen=True)
class PreparedMatrix:
    """A small instance with stored X."""

    instance: Instance
    request: Request

    def solve(self, listener: Heard = None, checkpoint: State | None = None) -> Solution:
        """All pairs, whatever `nev` says: phi needs them all."""
        return solve_dense(self.instance, self.request.tol)

    def projections(self) -> tuple[Array, Array]:
        """Of this rank's samples."""
        return self.instance.projections

    def noise(self) -> Array | None:
        """Of this rank's samples."""
        return self.instance.noise

    def gram(self) -> Array:
        """Of the instance's weights."""
        return self.instance.gram


class DenseMethod:
    """See the module."""

    name = "dense"
    storages = tuple(STORAGE)
    options = frozenset({"below", "data"})
    draws = ""
    whole = True
    checkpoint: Keeps = None

    def pairs(self, problem: Problem, n: int) -> int:
        """Shown: the outliers, and two pairs behind them."""
        return eigen.default_nev(problem.p, problem.p_star, n)

    def check(self, request: Request, words: Words) -> None:
        """Nothing more."""

    def reachable(self, request: Request, storage: str) -> float:
        """Any tolerance may be asked for."""
        return 0.0

    def storage(self, request: Request) -> str:
        """As exactly as LAPACK can."""
        return "float64"

    def prepare(self, request: Request, group: Group) -> PreparedMatrix:
        """Draw X, if the matrix will have room beside it."""
        memory.require(self.memory(request, group.size), group, NO_ROOM)
        instance = gaussian_instance(
            request.problem, request.n, request.seed, storage=request.storage, nev=1, group=group
        )
        return PreparedMatrix(instance, request)

    def adopt(self, instance: Instance, request: Request) -> PreparedMatrix:
        """As it is."""
        return PreparedMatrix(instance, request)

    def memory(self, request: Request, ranks: int) -> int:
        """The matrix with its vectors, and the rows of X."""
        return dense_bytes(request, ranks)

    def seconds(self, request: Request) -> float:
        """LAPACK's (p N)^3, and the matrix."""
        n, p = float(request.n), request.problem.p
        return 3e-10 * (p * n) ** 3 + request.m * n**2 * p * (p + 1) / 2 * 6e-11

    def communication(self, request: Request, ranks: int, network: Network) -> float:
        """Rank 0 alone calculates."""
        return 0.0
