"""Deferred Krylov: a Gaussian X of which only the directions met are ever drawn."""

from __future__ import annotations

from dataclasses import dataclass

from hpcbbp.errors import InputError
from hpcbbp.machine import memory
from hpcbbp.machine.network import Network
from hpcbbp.machine.ranks import Group
from hpcbbp.model.covariance import spaces
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.deferred import Checkpoint, Deferred, check_deferred, deferred_instance, solve_deferred
from hpcbbp.solvers.deferred.floors import IMAGES, reachable, storage_for
from hpcbbp.solvers.instance import Instance
from hpcbbp.solvers.methods.base import Array, Heard, Keeps, State
from hpcbbp.solvers.needs import deferred_bytes, directions
from hpcbbp.solvers.request import Request, Words
from hpcbbp.solvers.result import Solution


@dataclass(frozen=True)
class PreparedDeferred:
    """An instance of which nothing of size M is drawn yet."""

    instance: Deferred
    request: Request

    def solve(self, listener: Heard = None, checkpoint: State | None = None) -> Solution:
        """Pairs, gone on with from the checkpoint where there is one."""
        assert checkpoint is None or isinstance(checkpoint, Checkpoint)
        request = self.request
        return solve_deferred(
            self.instance, request.nev, tol=request.tol, block=request.block, checkpoint=checkpoint, progress=listener
        )

    def projections(self) -> tuple[Array, Array]:
        """Of this rank's samples, once the solve has drawn them."""
        return self.instance.projections()

    def noise(self) -> Array | None:
        """Of this rank's samples."""
        return self.instance.noise()

    def gram(self) -> Array:
        """Of the instance's weights."""
        return self.instance.gram()


class DeferredMethod:
    """See the module."""

    name = "deferred"
    storages = IMAGES
    options = frozenset({"block", "checkpoint", "checkpoint_every"})
    draws = "is exact only for a Gaussian X and weights of its own, never formed"
    whole = False
    checkpoint: Keeps = Checkpoint

    def pairs(self, problem: Problem, n: int) -> int:
        """The outliers: pairs of the bulk converge far more slowly."""
        return min(problem.p * problem.p_star, problem.p * n)

    def check(self, request: Request, words: Words) -> None:
        """Its block, and the directions that it asks for."""
        check_deferred(request.problem, request.n, None, request.storage, request.block)

    def reachable(self, request: Request, storage: str) -> float:
        """As measured for each storage; InputError for a covariance with too many eigenspaces, whatever the size."""
        spaces(request.problem.covariance, request.n)
        return reachable(request.problem, request.n, storage, few=request.few)

    def storage(self, request: Request) -> str:
        """The smaller of float32 and float64 that reaches the tolerance."""
        return storage_for(request.problem, request.n, request.tol, few=request.few)

    def prepare(self, request: Request, group: Group) -> PreparedDeferred:
        """Reserve memory."""
        instance = deferred_instance(
            request.problem, request.n, request.seed, storage=request.storage, nev=request.nev, block=request.block,
            group=group,
        )  # fmt: skip
        return PreparedDeferred(instance, request)

    def adopt(self, instance: Instance, request: Request) -> PreparedDeferred:
        """Never."""
        raise InputError(f"method {self.name} {self.draws}")

    def memory(self, request: Request, ranks: int) -> int:
        """Images of the directions that it will meet, and the prediction from its projections."""
        problem, (fixed, each) = request.problem, deferred_bytes(request, ranks)
        prediction = memory.quenched_prediction(request.m, problem.p, problem.p_star, ranks)
        return fixed + each * directions(request) + prediction

    def seconds(self, request: Request) -> float:
        """Numbers that are drawn, and products with all directions met so far."""
        k, p = directions(request), request.problem.p
        if request.few:
            return request.m * (2.4e-8 * k + 3e-10 * k**2)
        return request.m * (2.4e-8 * k + 1.6e-10 * p * (p + 1) / 2 * k**2)

    def communication(self, request: Request, ranks: int, network: Network) -> float:
        """One sum of integers and two broadcasts of moments a step, and whether each left query is resolved."""
        steps, p = directions(request) / request.problem.p, request.problem.p
        return steps * (3 * network.large(24.0 * p**2 * steps / 2, ranks) + p * network.small(ranks))
