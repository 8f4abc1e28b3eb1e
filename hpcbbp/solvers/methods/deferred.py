"""Deferred Krylov: a Gaussian X of which only the directions met are ever drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from hpcbbp.errors import InputError
from hpcbbp.machine import memory
from hpcbbp.machine.network import Network
from hpcbbp.machine.ranks import Group
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.deferred import Checkpoint, Deferred, check_deferred, deferred_instance, solve_deferred
from hpcbbp.solvers.deferred.floors import STORAGES, reachable, storage_bytes, storage_for
from hpcbbp.solvers.instance import Instance
from hpcbbp.solvers.methods.base import Array, Heard
from hpcbbp.solvers.request import Request, Words
from hpcbbp.solvers.result import Solution
from hpcbbp.theory import spectrum
from hpcbbp.theory.limit.density import thinness


@dataclass(frozen=True)
class PreparedDeferred:
    """An instance of which nothing of size M is drawn yet."""

    instance: Deferred
    request: Request

    def solve(self, listener: Heard = None, checkpoint: Checkpoint | None = None) -> Solution:
        """Pairs, gone on with from the checkpoint where there is one."""
        request = self.request
        return solve_deferred(
            self.instance, request.nev, tol=request.tol, block=request.block, checkpoint=checkpoint, progress=listener
        )

    def projections(self) -> tuple[Array, Array]:
        """Of this rank's samples, once the solve has drawn them."""
        return self.instance.projections()


class DeferredMethod:
    """See the module."""

    name = "deferred"
    storages = tuple(STORAGES)
    options = frozenset({"block", "checkpoint", "checkpoint_every"})
    draws = "is exact only for a Gaussian X and weights of its own, never formed"
    whole = False

    def pairs(self, problem: Problem, n: int) -> int:
        """The outliers: pairs of the bulk converge far more slowly."""
        return min(problem.p * problem.p_star, problem.p * n)

    def check(self, request: Request, words: Words) -> None:
        """Its block, and the directions that it asks for."""
        check_deferred(request.problem, request.n, None, request.storage, request.block)

    def reachable(self, problem: Problem, n: int, storage: str) -> float:
        """As measured for each storage."""
        return reachable(problem, n, storage)

    def storage(self, problem: Problem, n: int, tol: float) -> str:
        """The smaller of float32 and float64 that reaches the tolerance."""
        return storage_for(problem, n, tol)

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
        problem, m = request.problem, request.m
        fixed, each = memory.deferred_solve(m, problem.p, request.outliers, storage_bytes(request.storage), ranks)
        prediction = memory.quenched_prediction(m, problem.p, problem.p_star, ranks)
        return fixed + each * directions(request) + prediction

    def seconds(self, request: Request) -> float:
        """Numbers that are drawn, and products with all directions met so far."""
        k, p = directions(request), request.problem.p
        return request.m * (2.4e-8 * k + 1.6e-10 * p * (p + 1) / 2 * k**2)

    def communication(self, request: Request, ranks: int, network: Network) -> float:
        """One sum of integers and two broadcasts of moments a step, and whether each left query is resolved."""
        steps, p = directions(request) / request.problem.p, request.problem.p
        return steps * (3 * network.large(24.0 * p**2 * steps / 2, ranks) + p * network.small(ranks))


def directions(request: Request) -> int:
    """Directions that deferred Krylov will meet: 45 p p* / gap^(1/2) to a tolerance of 1e-4.

    The gap between outlier and bulk decides, as for every Krylov method: k gap^(1/2)/(p p*) was 42 to 45 for p = 1
    and 2 at alpha = 3, 32 to 52 for p = 2 nearer to the transition. Without an outlier it is the distance between
    the lowest eigenvalues, about N^(-2/3) at a sharp edge and A/(log N)^2 at a smooth one.
    """
    problem, n = request.problem, request.n
    model = (problem.p, problem.p_star, problem.a, problem.alpha)
    pairs = max(request.nev or 0, request.outliers)  # a step asks about p p* pairs at least
    gap = max(_gap(*model), _edge_gap(*model, n))
    steps = 45.0 * (math.log(1 / request.tol) + 2) / (math.log(1e4) + 2) / math.sqrt(gap)
    return min(n, math.ceil(pairs * steps) + problem.p + problem.p_star)


@lru_cache(maxsize=4096)
def _gap(p: int, p_star: int, a: float, alpha: float) -> float:
    at = spectrum(p, p_star, a, alpha)
    return 0.0 if at.lambda_star is None else at.lambda_minus - at.lambda_star


@lru_cache(maxsize=4096)
def _edge_gap(p: int, p_star: int, a: float, alpha: float, n: int) -> float:
    thin = thinness(p, p_star, a, alpha)
    return float(n ** (-2 / 3)) if thin is None else max(thin / math.log(n) ** 2, n ** (-2 / 3))
