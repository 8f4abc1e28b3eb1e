"""Symmetric operators on ranks: Hessians, and any product of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from hpcbbp.operators.base import Operator
    from hpcbbp.operators.hessian import Hessian
    from hpcbbp.operators.own import distributed_operator, replicated_operator, summed_operator
    from hpcbbp.operators.trials import try_out

__all__ = ["Hessian", "Operator", "distributed_operator", "replicated_operator", "summed_operator", "try_out"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["Operator"],
        "hessian": ["Hessian"],
        "own": ["distributed_operator", "replicated_operator", "summed_operator"],
        "trials": ["try_out"],
    },
)
