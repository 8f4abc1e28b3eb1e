"""Edge and outliers at N = infinity for any model, at one alpha, on given nodes."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import sched_getaffinity

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from hpcbbp.theory.engine.nodes import Nodes
from hpcbbp.theory.engine.support import Support
from hpcbbp.theory.finite import weighted
from hpcbbp.theory.finite.dyson import Beyond, Curve
from hpcbbp.theory.finite.left_end import outliers
from hpcbbp.theory.finite.sums import Sums

Array = NDArray[np.float64]

_ROOT = 1e-11


@dataclass(frozen=True)
class Edge:
    """Left edge of the bulk on one set of nodes.

    Attributes
    ----------
    lambda_minus, g : float
        z(g) and g there.
    kind : {"sharp", "smooth"}
    gap : float
        Lowest eigenvalue of Theta - z at the edge: there are outliers where it is negative.
    alpha_c : float or None
        Where the edge turns sharp, if one alpha tells it: with G a multiple of 1, dz/dg there is linear in alpha.
    """

    lambda_minus: float
    g: float
    kind: str
    gap: float
    alpha_c: float | None


@dataclass(frozen=True, eq=False)
class LeftEnd:
    """An edge and the outliers before it: eigenvalues and their m^2 with teacher and student, (r,) arrays each."""

    edge: Edge
    eigenvalues: Array
    overlap2: Array
    student_overlap2: Array


class Transform:
    """The curve of G on given nodes at one alpha, and how far it goes."""

    def __init__(self, nodes: Nodes, alpha: float, support: Support, pool: ThreadPoolExecutor) -> None:
        weighted.prepare()
        self.curve = Curve(Sums(nodes.at(alpha), None, pool), 1)
        self.alpha, self.support = alpha, support

    def _inside(self, g: float) -> float:
        """Above 0 where G lies in the domain of all samples."""
        try:
            return self.support.least(self.curve.at(g).G)
        except Beyond:
            return -1.0

    def end(self) -> float:
        """g where the curve leaves the domain, from the inside, or turns before."""
        first = 1.0 / self.support.lowest
        if self._alike(0.5 * first):
            return first
        near = first
        while self._inside(near) <= 0.0:
            near *= 0.9
        far = near
        while self._inside(far) > 0.0 and self._slope(far) < 0.0:
            near, far = far, 1.05 * far
        if self._slope(far) >= 0.0 and self._inside(far) > 0.0:
            return far
        known = {near: self._inside(near), far: self._inside(far)}
        found = brentq(lambda g: known.get(g) or self._inside(g), far, near, xtol=1e-300, rtol=1e-10)
        return float(found) if self._inside(float(found)) > -1e-7 else near

    def _alike(self, g: float) -> bool:
        """Whether G is a multiple of 1, as for even activations: then the domain ends at 1/d_min."""
        if self.curve.sums.p == 1:
            return True
        try:
            G = self.curve.at(g).G
        except Beyond:
            return False
        return bool(np.abs(G - g * np.eye(len(G))).max() < 1e-9 * abs(g))

    def _slope(self, g: float) -> float:
        try:
            return self.curve.at(g).slope
        except Beyond:
            return math.inf

    def edge(self) -> Edge:
        """Where the bulk ends, and how."""
        last = self.end() * (1.0 - 1e-12)
        g, kind, slope = last, "smooth", self._slope(last)
        alpha_c = None
        if math.isfinite(slope) and self._alike(last):
            alpha_c = self.alpha / (1.0 + slope * last * last)
        if slope >= 0.0:
            near = 0.5 * last
            while self._slope(near) >= 0.0:
                near *= 0.5
            g = float(brentq(lambda g: g * g * min(self._slope(g), 1e300), last, near, xtol=1e-300, rtol=_ROOT))
            kind = "sharp"
        z, theta = self.curve.at(g).z, self.curve.signal(g)[0]
        return Edge(z, g, kind, float(np.linalg.eigvalsh(theta)[0]) - z, alpha_c)

    def left_end(self) -> LeftEnd:
        """Edge, its kind, and the outliers before it."""
        edge = self.edge()
        found = outliers(self.curve, edge.g, np.eye(self.curve.sums.p + self.curve.sums.p_star))
        order = np.argsort(found[0])
        return LeftEnd(edge, *(part[order] for part in found))


def pool() -> ThreadPoolExecutor:
    """Threads for sums over nodes: as many as there are cores."""
    return ThreadPoolExecutor(len(sched_getaffinity(0)))
