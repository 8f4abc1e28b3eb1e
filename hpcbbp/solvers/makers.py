"""What makes a drawn X, by name, and whether there is memory for it."""

from __future__ import annotations

from collections.abc import Callable

from hpcbbp.data.dice import DiceData
from hpcbbp.data.drawn import gaussian
from hpcbbp.data.regenerated import REGENERATED, RegeneratedData
from hpcbbp.data.stored import STORAGE, STORED
from hpcbbp.machine import memory
from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.needs import dice_bytes, regenerated_bytes, stored_bytes
from hpcbbp.solvers.request import Request

MAKERS = {
    "stored": (gaussian, stored_bytes, STORED),
    "dice": (DiceData, dice_bytes, tuple(STORAGE)),
    "regenerated": (RegeneratedData, regenerated_bytes, REGENERATED),
}
"""Makers of a drawn X, bytes and storages: the same law, not the same instance for one seed."""


def require_memory(request: Request, group: Group, needed: Callable[[Request, int], int]) -> None:
    """Raise InputError, on all ranks, for more than the nodes have; see memory.require. Collective."""
    smaller = "storage float32, " if request.storage == "float64" else ""
    memory.require(needed(request, group.size), group, f"take {smaller}a smaller N or alpha, or ranks on more nodes")
