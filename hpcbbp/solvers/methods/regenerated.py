"""X drawn again in every product, solved by SLEPc: no memory but for vectors, for as long as drawing takes."""

from __future__ import annotations

from hpcbbp.data.regenerated import REGENERATED
from hpcbbp.solvers.methods.stored import StoredMethod
from hpcbbp.solvers.needs import products, regenerated_bytes
from hpcbbp.solvers.request import Request


class RegeneratedMethod(StoredMethod):
    """See the module."""

    name = data = "regenerated"
    storages = REGENERATED
    options = frozenset({"below", "verify", "petsc", "checkpoint", "checkpoint_every"})
    draws = "draws X and the weights itself"

    def storage(self, request: Request) -> str:
        """What is drawn."""
        return "float32"

    def memory(self, request: Request, ranks: int) -> int:
        """Vectors, and a panel of rows."""
        return regenerated_bytes(request, ranks)

    def seconds(self, request: Request) -> float:
        """Drawing, and a product with rows in cache."""
        return products(request) * float(request.m) * request.n * (1.3e-9 + request.problem.p * 2.5e-10)
