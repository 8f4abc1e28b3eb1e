"""How low curvatures can get: the lowest eigenvalue of 1 - G D over all samples that a model can have.

A grid has no sample in the far corners that decide where G must stop (labels that grow without bound, activations
that saturate), so they are searched for: from many starting points over all scales, by random steps that shrink.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import qmc

from hpcbbp.errors import InputError
from hpcbbp.model.problem import Problem

Array = NDArray[np.float64]

_STARTS, _BEST = 13, 32  # 2^13 points; searches from the lowest of them
_ROUNDS, _TRIES = 200, 16
_POLISHED, _EVALUATIONS = 2, 150
_FAR = 40.0  # x = sinh(v), |v| up to here; and half of that, to see whether curvatures still fall
_OVERFLOWS = 1e100  # curvatures that are no numbers count as larger
_FALLING = 0.2  # logarithms would double


class Support:
    """Lowest eigenvalues over the samples of a model.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._d = problem.p + problem.p_star + int(problem.noisy)
        rng = np.random.default_rng(0)
        v = 2.0 * qmc.Sobol(self._d, scramble=True, rng=rng).random_base2(_STARTS) - 1.0
        v *= rng.choice([1.0, 3.0, 8.0, 20.0, _FAR], len(v))[:, None]
        v[rng.random(v.shape) < 0.3] = 0.0
        self._v = v
        self._D = self._curvatures(v)
        self._found: list[Array] = []
        one = -np.eye(problem.p)
        near = self.least(one, 0.0, reach=0.5 * _FAR)
        self.lowest = min(near, self.least(one, 0.0))
        """Lowest curvature of all samples, d_min."""
        self.bounded = self.lowest >= near - _FALLING * abs(near)
        """Whether it is one: that of samples 10^17 away is not lower than that of samples 10^8 away."""

    def _curvatures(self, v: Array) -> Array:
        """D at samples x = sinh(v), (K, p, p)."""
        x = np.sinh(np.clip(v, -_FAR, _FAR))
        p, p_star = self.problem.p, self.problem.p_star
        z = x[:, p + p_star] if self.problem.noisy else None
        with np.errstate(all="ignore"):
            return self.problem.curvature(x[:, :p], x[:, p : p + p_star], z).dense()

    def _lowest_of(self, D: Array, root: Array, shift: float) -> Array:
        values = np.full(len(D), math.inf)
        turned = root @ D @ root
        good = np.isfinite(turned).all(axis=(1, 2))
        values[good] = np.linalg.eigvalsh(turned[good])[:, 0]
        return shift + values

    def rough(self, G: Array) -> float:
        """Lowest eigenvalue of 1 + (-G)^(1/2) D (-G)^(1/2) over the samples that are known: an upper bound."""
        root = _root(G)
        known = self._curvatures(np.array(self._found))
        return float(min(self._lowest_of(self._D, root, 1.0).min(), self._lowest_of(known, root, 1.0).min()))

    def least(self, G: Array, shift: float = 1.0, reach: float = _FAR) -> float:
        """Lowest eigenvalue of shift + (-G)^(1/2) D (-G)^(1/2) over all samples within reach; G < 0."""
        root = _root(G)

        at_starts = np.where(np.abs(self._v).max(axis=1) <= reach, self._lowest_of(self._D, root, shift), math.inf)
        order = np.argsort(at_starts)[:_BEST]
        v = np.clip(np.concatenate([self._v[order], *(near[None] for near in self._found[-2:])]), -reach, reach)
        best = self._lowest_of(self._curvatures(v), root, shift)
        rng, rows = np.random.default_rng(1), np.arange(len(v))
        scale = np.ones(len(v))
        for _ in range(_ROUNDS):
            steps = scale[:, None, None] * rng.standard_normal((len(v), _TRIES, self._d))
            steps[:, ::2] *= rng.random((len(v), len(steps[0, ::2]), self._d)) < 0.5  # some variables alone
            tried = np.clip(v[:, None] + steps, -reach, reach)
            values = self._lowest_of(self._curvatures(tried.reshape(-1, self._d)), root, shift)
            values = values.reshape(len(v), _TRIES)
            which = values.argmin(axis=1)
            better = values[rows, which] < best
            best[better], v[better] = values[rows, which][better], tried[rows, which][better]
            scale = np.maximum(np.where(better, 1.5, 0.7) * scale, 1e-9)
        polished = self._polished(v[best.argsort()[:_POLISHED]], root, shift, reach)
        self._found.append(polished)
        return min(float(best.min()), float(self._lowest_of(self._curvatures(polished[None]), root, shift)[0]))

    def _polished(self, v: Array, root: Array, shift: float, reach: float) -> Array:
        """The lowest of local searches from some points: random steps alone come near slowly."""

        def value(at: Array) -> float:
            found = self._lowest_of(self._curvatures(np.clip(at, -reach, reach)[None]), root, shift)[0]
            return float(found) if math.isfinite(found) else 1e300

        most = _EVALUATIONS * self._d
        ends = [
            minimize(value, start, method="Nelder-Mead", options={"maxfev": most, "xatol": 1e-9, "fatol": 1e-12})
            for start in v
        ]
        best: Array = np.clip(min(ends, key=lambda end: float(end.fun)).x, -reach, reach)
        return best

    def check_bounded(self) -> None:
        """Raise InputError unless curvatures have a lower bound, and there is one below 0."""
        if not self.bounded:
            raise InputError(
                "the curvatures of this model have no lower bound: its spectrum at N = infinity has no left edge"
            )
        if not self.lowest < _OVERFLOWS:
            raise InputError("the curvatures of this model overflow: its numbers are too large for doubles")
        if self.lowest >= 0.0:
            raise InputError("all curvatures of this model are >= 0: its spectrum has no left edge below 0")


def _root(G: Array) -> Array:
    """(-G)^(1/2)."""
    gamma, axes = np.linalg.eigh(G)
    root: Array = (axes * np.sqrt(-gamma)) @ axes.T
    return root
