"""Where a deferred solve stands."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hpcbbp.solvers.result import Step

Array = NDArray[np.float64]


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
    history: list[Step] = field(default_factory=list)
