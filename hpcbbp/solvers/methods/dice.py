"""X never formed: products drawn as they are asked for, solved by SLEPc."""

from __future__ import annotations

from hpcbbp.data.stored import STORAGE
from hpcbbp.machine.network import Network
from hpcbbp.solvers.methods.stored import StoredMethod
from hpcbbp.solvers.needs import dice_bytes, products
from hpcbbp.solvers.request import Request

DICE_FLOAT32 = 1e-7
"""Tightest tolerance that dice in float32 can reach."""

DICE_FLOAT32_SURE = 1e-5
"""Tolerance that they do reach: residuals of some outliers end at 4e-6 |lambda|."""


class DiceMethod(StoredMethod):
    """See the module."""

    name = data = "dice"
    storages = tuple(STORAGE)
    options = frozenset({"below", "verify", "petsc", "checkpoint", "checkpoint_every"})
    draws = "draws X and the weights itself"

    def reachable(self, request: Request, storage: str) -> float:
        """In float32 they are symmetric to about 1e-7, which bounds the residual."""
        return DICE_FLOAT32 if storage == "float32" else 0.0

    def storage(self, request: Request) -> str:
        """The smaller one that is sure to reach the tolerance."""
        return "float32" if request.tol >= DICE_FLOAT32_SURE else "float64"

    def memory(self, request: Request, ranks: int) -> int:
        """What has been revealed so far, on both sides."""
        return dice_bytes(request, ranks)

    def seconds(self, request: Request) -> float:
        """A product meets all that earlier ones have revealed."""
        return products(request) ** 2 * request.problem.p**2 * (request.m + request.n) * 1.2e-9

    def communication(self, request: Request, ranks: int, network: Network) -> float:
        """15 reductions a product, six of them of the coefficients of what has been revealed; and SLEPc's."""
        steps = products(request)
        size = 8.0 * request.problem.p**2 * steps / 2
        return steps * (6 * network.large(size, ranks) + 11 * network.small(ranks))
