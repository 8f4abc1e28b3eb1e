"""Deferred instances that keep a basis of left directions beside the images: block Lanczos (p > 1)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.ranks import Group
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.deferred.bases import Bases, Exact
from hpcbbp.solvers.deferred.instance import Deferred, Vectors
from hpcbbp.solvers.deferred.space import Space
from hpcbbp.solvers.deferred.steps import PROBES

COLUMNS = 8
"""Left queries of a check at the end of a solve that are worked on at a time, at least those of one vector."""

Array = NDArray[np.float64]


class Blocks(Deferred):
    """See the module.

    Attributes
    ----------
    samples : Bases
    space : Space
        Vectors asked about, and H of them.
    tolerance : float
        Of the solve.
    guides : (g, k) array
        Orthonormal, in directions met: a solve starts from the lowest Ritz vectors on these (x) R^p.
    """

    samples: Bases

    def __init__(
        self, problem: Problem, n: int, seed: int, storage: str, capacity: int, group: Group | None = None
    ) -> None:
        super().__init__(problem, n, seed, storage, group)
        root = self.levels.largest_root
        self.samples = Bases(n, self.m, seed, problem.p, capacity, storage, self.group, root)
        self.space, self.tolerance, self.guides = Space(problem.p), 0.0, np.eye(self.q)

    def start(self, width: int) -> None:
        """Draw the images of the weights' directions and the curvatures that follow from them. Collective."""
        self.first_images()
        self.space.grow(self.q)

    def curve(self, weights: Array, guides: Array) -> None:
        """Take the curvatures at other weights (k, p + p*) of length N^(1/2), student first; nothing is asked yet."""
        self.samples.whole = self.samples.along(weights)
        self.samples.set_curvature(self.problem, weights)
        self.samples.whole = None
        self.space, self.guides = Space(self.problem.p), guides
        self.space.grow(self.k)

    def exact(self, V: Array) -> Exact:
        """H of block vectors (b, k, p) and what of it is not known, in float64. Collective."""
        few = max(1, COLUMNS // self.problem.p)
        found = [self.samples.exact(V[i : i + few]) for i in range(0, len(V), few)]
        return Exact(*(np.concatenate([vars(part)[name] for part in found]) for name in vars(found[0])))

    def skewness(self) -> float:
        """|P^T P - 1| of the left directions: how far X is from Gaussian. Collective.

        The root mean square of what some random vectors are sent to has the Frobenius norm for its mean.
        """
        left = self.samples.left
        if not left:
            return 0.0
        z = np.random.default_rng(0).standard_normal((left, PROBES))
        found: float = self.group.share(float(np.linalg.norm(self.samples.gram(z) - z) / math.sqrt(PROBES)))
        return found

    format = 3

    def vectors(self) -> list[Vectors]:
        """Images, and left directions."""
        samples = self.samples
        return [Vectors(samples.R, samples.scale, samples.count), Vectors(samples.P, None, samples.left)]

    def state(self) -> dict[str, Any]:
        """Arrays that a checkpoint keeps besides."""
        return self.space.state()

    def shapes(self, arrays: dict[str, Any], k: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the arrays of a state of k directions, by name."""
        shape = (len(arrays["W"]), k, self.problem.p)
        return {"W": shape, "HW": shape, "B": (shape[0], shape[0])}

    def restore(self, state: dict[str, Any], counts: list[int]) -> None:
        """Take a state, so many images and left directions."""
        self.samples.count, self.samples.left = counts
        self.space.restore(state)
