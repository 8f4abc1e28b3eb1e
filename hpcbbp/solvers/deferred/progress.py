"""Where a deferred solve stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.solvers.result import Step

Array = NDArray[np.float64]

COUNTERS = {
    "gain": float, "queries": int, "step": int, "seconds": float, "best": float, "stalled": int, "gap": float,
    "block": int,
}  # fmt: skip
"""Attributes that are numbers, and of which type."""


@dataclass
class Progress:
    """Where a solve stands; part of a checkpoint."""

    asked: Array = field(default_factory=lambda: np.zeros((0, 0, 1)))
    gain: float = 0.0
    queries: int = 0
    step: int = 0
    seconds: float = 0.0
    best: float = 1e300
    stalled: int = 0
    gap: float = 0.0
    block: int = 0
    history: list[Step] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        """Numbers of the names in COUNTERS."""
        return {name: getattr(self, name) for name in COUNTERS}

    def restore(self, counters: Mapping[str, Any], asked: Array, history: list[Step]) -> None:
        """Go on from there."""
        for name in COUNTERS:
            setattr(self, name, counters[name])
        self.asked = asked
        self.history += history
