"""Passes over left queries themselves, where moments of single images cannot tell how much of a query is new."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpcbbp.solvers.deferred.gram_errors import GramErrors

if TYPE_CHECKING:
    from hpcbbp.machine.ranks import Group
    from hpcbbp.model.problem import Problem
    from hpcbbp.solvers.deferred.samples import Samples

Array = NDArray[np.float64]

_U = 2.0**-53
_ENOUGH = {"float64": 1e4, "float32": 1024.0}  # float32 sums are that far from exact at any a


class Passes:
    """The Finer of an instance, and what is known of the errors of its moments.

    Parameters
    ----------
    samples : Samples
        With curvatures.
    problem : Problem
    weights : (q, p + p*) array
        sqrt(N) times those of student and teacher, as set_curvature had them.
    group : Group
    """

    def __init__(self, samples: Samples, problem: Problem, weights: Array, group: Group) -> None:
        self.samples, self.problem, self.weights, self.group = samples, problem, weights, group
        self.enough = _ENOUGH[samples.number.name]
        self.taken = 0

    def sums(self) -> GramErrors:
        """Errors of moments, once there are curvatures."""
        samples = self.samples
        quantum = 2.0 ** -float(samples.exponents[1]) * math.sqrt(samples.all_panels)
        return GramErrors(float(np.finfo(samples.number).eps) / 2, quantum, samples.largest * samples.norm)

    def agreed(self, doubt: bool) -> bool:
        """What the first rank thinks, on every rank."""
        return self.group.share(doubt)

    def remainder(self, G: Array, bound: float) -> tuple[Array, float, float]:
        """See Finer: the error is that of what images are made of, U in the arithmetic of images."""
        self.taken += 1
        G, bound = self.group.share((G, bound))
        E, own, lost = self.samples.remainder(G, np.array([bound]))
        squares = (G[:, :, 0] ** 2).sum(axis=1)
        V = np.zeros((1, len(G), self.samples.p))
        V[0, :, 0] = np.sqrt(squares / squares.sum())
        terms = float(self.samples.energies(self.problem, self.weights, V)[1][0] * np.sqrt(squares.sum()))
        noise = float(np.finfo(self.samples.number).eps) / 2 * math.sqrt(len(G) * self.samples.p) * terms
        size = math.sqrt(max(float(own[0]), 0.0))
        return E, float(own[0]), 8 * _U * size**2 + 4 * noise * size + noise**2 + float(lost[0])
