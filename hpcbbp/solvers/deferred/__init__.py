"""Deferred Krylov: eigenpairs of the Hessian of Gaussian data without any vector of length N (docs/deferred.md)."""

from hpcbbp.solvers.deferred.checkpoint import Checkpoint
from hpcbbp.solvers.deferred.engine import check_deferred, deferred_instance
from hpcbbp.solvers.deferred.instance import Deferred
from hpcbbp.solvers.deferred.solve import solve_deferred
from hpcbbp.solvers.keeping.base import INTERVAL

__all__ = ["INTERVAL", "Checkpoint", "Deferred", "check_deferred", "deferred_instance", "solve_deferred"]
