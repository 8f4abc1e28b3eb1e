"""What lies between ranks, and what a collective call costs there (docs/scaling.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """Nodes that hold an instance, and what lies between them.

    Attributes
    ----------
    nodes : int
    latency : float
        Seconds of a small message between nodes.
    bandwidth : float
        Bytes a second in and out of a node.
    inside : float
        Seconds of a small message within a node.
    memory : float
        Bytes a second that a rank copies within its node.
    """

    nodes: int = 1
    latency: float = 3e-6
    bandwidth: float = 1e10
    inside: float = 1e-6
    memory: float = 4e9

    def small(self, ranks: int) -> float:
        """Seconds of a collective call of few bytes: a tree within the nodes, one between them."""
        each = max(1, ranks // self.nodes)
        return self.inside * math.ceil(math.log2(each)) + self.latency * math.ceil(math.log2(self.nodes)) * 2

    def large(self, size: float, ranks: int) -> float:
        """Seconds of a collective call that brings every rank (or takes from it) a vector of so many bytes."""
        between = size / self.bandwidth if self.nodes > 1 else 0.0
        return self.small(ranks) + between + (size / self.memory if ranks > 1 else 0.0)
