"""What communication costs: a model of each method's collective calls (docs/scaling.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hpcbbp.campaign.point import Point


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


def communication(point: Point, steps: float, ranks: int, network: Network) -> float:
    """Seconds of a solve's collective calls.

    Parameters
    ----------
    point : Point
    steps : float
        Products of SLEPc; of deferred Krylov, directions over p.
    ranks : int
    network : Network

    Notes
    -----
    stored: a product gathers its vector and scatters the sum of its results, 8 p N bytes each, and SLEPc makes two
    small reductions. dice: 15 reductions, six of them of the coefficients of what has been revealed, and SLEPc's.
    deferred: one sum of integers, two broadcasts. Counted by benchmarks/scaling.py. dense: rank 0 alone calculates.
    """
    if ranks == 1 or point.method == "dense":
        return 0.0
    if point.method == "stored":
        return steps * (2 * network.large(8.0 * point.p * point.n, ranks) + 2 * network.small(ranks))
    if point.method == "dice":
        return steps * (6 * network.large(8.0 * point.p**2 * steps / 2, ranks) + 11 * network.small(ranks))
    return steps * 3 * network.large(24.0 * point.p**2 * steps / 2, ranks)
