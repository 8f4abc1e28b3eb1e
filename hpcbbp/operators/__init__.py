"""Symmetric operators on ranks: Hessians, and any product of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpcbbp.machine import lazy

if TYPE_CHECKING:
    from hpcbbp.operators.base import Operator
    from hpcbbp.operators.hessian import Hessian
    from hpcbbp.operators.jax_networks import jax_operator
    from hpcbbp.operators.networks import NetworkOperator
    from hpcbbp.operators.own import distributed_operator, replicated_operator, summed_operator
    from hpcbbp.operators.torch_networks import torch_operator
    from hpcbbp.operators.trials import try_out

__all__ = [
    "Hessian",
    "NetworkOperator",
    "Operator",
    "distributed_operator",
    "jax_operator",
    "replicated_operator",
    "summed_operator",
    "torch_operator",
    "try_out",
]

__getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "base": ["Operator"],
        "hessian": ["Hessian"],
        "jax_networks": ["jax_operator"],
        "networks": ["NetworkOperator"],
        "own": ["distributed_operator", "replicated_operator", "summed_operator"],
        "torch_networks": ["torch_operator"],
        "trials": ["try_out"],
    },
)
