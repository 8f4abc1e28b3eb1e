"""Edge and outliers at N = infinity for any model, at one alpha, on given nodes."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import sched_getaffinity

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.optimize import brentq

from hpcbbp.errors import InputError
from hpcbbp.theory.engine.nodes import Nodes
from hpcbbp.theory.engine.support import Support
from hpcbbp.theory.engine.symmetric import Symmetries, symmetric_curve
from hpcbbp.theory.finite import weighted
from hpcbbp.theory.finite.dyson import Beyond
from hpcbbp.theory.finite.left_end import outliers
from hpcbbp.theory.finite.population import Population
from hpcbbp.theory.finite.sums import Sums

Array = NDArray[np.float64]

_ROOT = 1e-11
_ON = 1e-9  # of the domain's boundary, where 1 - G D has the eigenvalue 0
_SEARCHES = 12
_SHARE = 1e-3
"""Of the teacher in an eigenvector of Theta, above which it knows the teacher; parity makes it 0 elsewhere."""


@dataclass(frozen=True)
class Edge:
    """Left edge of the bulk on one set of nodes.

    Attributes
    ----------
    lambda_minus, g : float
        z(g) and g there.
    kind : {"sharp", "smooth"}
    gap : float
        Lowest eigenvalue of Theta - z at the edge whose vector knows the teacher: below 0 there is such an outlier.
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

    def __init__(
        self, nodes: Nodes, alpha: float, support: Support, symmetries: Symmetries, pool: ThreadPoolExecutor
    ) -> None:
        weighted.prepare()
        population = Population.limit(support.problem)
        self.white = population is None
        self.curve = symmetric_curve(Sums(nodes.at(alpha), None, pool), symmetries, population)
        self.alpha, self.support, self.symmetries = alpha, support, symmetries

    @property
    def _gram(self) -> Array:
        """Of weights at N = infinity."""
        return np.eye(self.curve.sums.p + self.curve.sums.p_star)

    def _inside(self, g: float, exactly: bool) -> float:
        """Above 0 where G lies in the domain of all samples, or of those that are known."""
        try:
            G = self.curve.at(g).G
        except Beyond:
            return -1.0
        return self.support.least(G) if exactly else self.support.rough(G)

    def end(self, exact: bool = True) -> float:
        """g where the curve leaves the domain, or a point in it where it has turned before.

        Unless it is to be exact the domain is that of the samples that are known: a scan needs no more.
        """
        first = 1.0 / self.support.lowest
        if self.curve.sums.p == 1 or self.symmetries.student:
            return first
        near = first
        while self._inside(near, exactly=exact) <= 0.0:
            near *= 0.9
        far = near
        while self._inside(far, exactly=False) > 0.0 and self._slope(far) < 0.0:
            near, far = far, 1.05 * far
        if self._inside(far, exactly=False) > 0.0:
            return far  # the curve turns first
        for _ in range(_SEARCHES):  # each adds the sample that was the worst to those that are known
            if self._inside(near, exactly=False) <= 0.0:
                near *= 0.98
                continue
            g = float(brentq(self._inside, far, near, args=(False,), xtol=1e-300, rtol=1e-11))
            if not exact or self._inside(g, exactly=True) > -_ON:
                return g
            far = g
        return near

    def _slope(self, g: float) -> float:
        try:
            return self.curve.at(g).slope
        except Beyond:
            return math.inf

    def edge(self, exact: bool = True) -> Edge:
        """Where the bulk ends, and how."""
        last = self.end(exact) * (1.0 - 1e-12)
        g, kind, slope = last, "smooth", self._slope(last)
        alpha_c = None
        if math.isfinite(slope) and self.white and (self.curve.sums.p == 1 or self.symmetries.student):
            alpha_c = self.alpha / (1.0 + slope * last * last)
        if slope >= 0.0:
            near = 0.5 * last
            while self._slope(near) >= 0.0:
                near *= 0.5
            g = float(brentq(lambda g: g * g * min(self._slope(g), 1e300), last, near, xtol=1e-300, rtol=_ROOT))
            kind = "sharp"
        return Edge(self.curve.at(g).z, g, kind, self._gap(g), alpha_c)

    def _gap(self, g: float) -> float:
        """Lowest eigenvalue of Theta - z whose vector has a share of the teacher; infinite if none has."""
        metric = self.curve.metric(self._gram)
        values, vectors = scipy.linalg.eigh(self.curve.signal(g)[0], metric)
        p, p_star = self.symmetries.p, self.symmetries.p_star
        vectors = vectors * np.sqrt(metric.diagonal().mean())  # lengths 1
        shares = (vectors.reshape(p, p + p_star, -1)[:, :p_star] ** 2).sum(axis=(0, 1))
        informed = values[shares > _SHARE]
        return float(informed.min(initial=math.inf)) - self.curve.at(g).z

    def left_end(self) -> LeftEnd:
        """Edge, its kind, and the outliers before it; InputError where Newton's method loses the curve."""
        try:
            edge = self.edge()
            found = outliers(self.curve, edge.g, self._gram)
        except Beyond:
            raise InputError(
                f"theory at alpha = {self.alpha:.10g}: the curve of solutions was lost near its end; take another "
                "alpha"
            ) from None
        order = np.argsort(found[0])
        return LeftEnd(edge, *(part[order] for part in found))


def pool() -> ThreadPoolExecutor:
    """Threads for sums over nodes: as many as there are cores."""
    return ThreadPoolExecutor(len(sched_getaffinity(0)))
