"""Methods of solving a drawn instance, by name. A new one is a file beside these and an entry here."""

from __future__ import annotations

from hpcbbp.solvers.methods.base import Method, Prepared
from hpcbbp.solvers.methods.deferred import DeferredMethod
from hpcbbp.solvers.methods.dense import DenseMethod
from hpcbbp.solvers.methods.dice import DiceMethod
from hpcbbp.solvers.methods.regenerated import RegeneratedMethod
from hpcbbp.solvers.methods.stored import StoredMethod

__all__ = ["METHODS", "STORAGES", "Method", "Prepared"]

_ALL: tuple[Method, ...] = (StoredMethod(), DiceMethod(), RegeneratedMethod(), DeferredMethod(), DenseMethod())
METHODS: dict[str, Method] = {method.name: method for method in _ALL}
"""What campaign files, records and the command line call a method, and the method."""

STORAGES = tuple(dict.fromkeys(storage for method in METHODS.values() for storage in method.storages))
"""Numbers that some method keeps X, or its images, in."""
