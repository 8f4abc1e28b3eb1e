"""X in memory, solved by SLEPc."""

from __future__ import annotations

from dataclasses import dataclass

from hpcbbp.data.stored import STORED
from hpcbbp.machine.network import Network
from hpcbbp.machine.ranks import Group
from hpcbbp.model.problem import Problem
from hpcbbp.solvers import eigen
from hpcbbp.solvers.checkpoint import SolveCheckpoint
from hpcbbp.solvers.instance import Instance, gaussian_instance, solve_instance
from hpcbbp.solvers.methods.base import Array, Heard, Keeps, State
from hpcbbp.solvers.needs import products, stored_bytes
from hpcbbp.solvers.request import BYTES, Request, Words
from hpcbbp.solvers.result import Solution


@dataclass(frozen=True)
class PreparedInstance:
    """An instance for SLEPc."""

    instance: Instance
    request: Request

    def solve(self, listener: Heard = None, checkpoint: State | None = None) -> Solution:
        """Pairs by Krylov-Schur, gone on with from the checkpoint where there is one."""
        asked = self.request
        assert checkpoint is None or isinstance(checkpoint, SolveCheckpoint)
        return solve_instance(
            self.instance, asked.nev, tol=asked.tol, progress=listener, below=asked.below, verify=asked.verify,
            checkpoint=checkpoint,
        )  # fmt: skip

    def projections(self) -> tuple[Array, Array]:
        """Of this rank's samples."""
        return self.instance.projections

    def noise(self) -> Array | None:
        """Of this rank's samples."""
        return self.instance.noise

    def gram(self) -> Array:
        """Of the instance's weights."""
        return self.instance.gram


class StoredMethod:
    """See the module."""

    name = "stored"
    storages = STORED
    options = frozenset({"below", "verify", "data", "petsc", "checkpoint", "checkpoint_every"})
    draws = ""
    whole = False
    checkpoint: Keeps = SolveCheckpoint
    data = "stored"
    """What gaussian_instance calls such an X."""

    def pairs(self, problem: Problem, n: int) -> int:
        """The outliers, and two pairs behind them."""
        return eigen.default_nev(problem.p, problem.p_star, n)

    def check(self, request: Request, words: Words) -> None:
        """Nothing more."""

    def reachable(self, request: Request, storage: str) -> float:
        """Any tolerance may be asked for."""
        return 0.0

    def storage(self, request: Request) -> str:
        """Half the memory of float64, and twice its speed."""
        return "float32"

    def prepare(self, request: Request, group: Group) -> PreparedInstance:
        """Draw X, or what stands for it."""
        problem = request.problem
        eigen.check_index(request.nev, problem.p, problem.p_star, request.n)
        instance = gaussian_instance(
            request.problem, request.n, request.seed, storage=request.storage, data=self.data, nev=request.nev,
            group=group,
        )  # fmt: skip
        return PreparedInstance(instance, request)

    def adopt(self, instance: Instance, request: Request) -> PreparedInstance:
        """As it is."""
        problem = request.problem
        eigen.check_index(request.nev, problem.p, problem.p_star, request.n)
        return PreparedInstance(instance, request)

    def memory(self, request: Request, ranks: int) -> int:
        """The rows of X, and what a product needs."""
        return stored_bytes(request, ranks)

    def seconds(self, request: Request) -> float:
        """X is read once a product, or multiplied, whichever takes longer; and drawn."""
        entries, p = float(request.m) * request.n, request.problem.p
        each = max(BYTES[request.storage] / 1.0e10, p * 4.0e-10)
        return products(request) * entries * each + entries * 1.2e-8

    def communication(self, request: Request, ranks: int, network: Network) -> float:
        """A product gathers its vector and scatters the sum of its results, 8 p N bytes each; two reductions."""
        size = 8.0 * request.problem.p * request.n
        return products(request) * (2 * network.large(size, ranks) + 2 * network.small(ranks))
