"""Descents in coordinates of the directions met: deferred data, no vector of length N (docs/dynamics.md)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcbbp.dynamics.walker import Lowest, Walker
from hpcbbp.solvers.deferred.blocks import Blocks
from hpcbbp.solvers.deferred.lanczos import BlockLanczos
from hpcbbp.solvers.deferred.progress import Progress
from hpcbbp.solvers.deferred.queries import sent

Array = NDArray[np.float64]


class DirectionWalker(Walker):
    """Weights as coordinates in the basis of directions met, which every step lengthens.

    Slopes psi are a function of the projections, and so of what is known of X: X^T psi is a query like that of a
    Krylov step, and X stays exactly Gaussian.

    Parameters
    ----------
    instance : Blocks
        Fresh, or with steps and Hessians behind it.
    """

    def __init__(self, instance: Blocks) -> None:
        self.instance, self.samples = instance, instance.samples
        self.problem, self.seed = instance.problem, instance.seed
        self.n, self.group = instance.n, instance.group
        own = min(self.samples.first + self.samples.rows, instance.m)
        self.rows = range(min(self.samples.first, own), own)
        if instance.k == 0:
            instance.first_images()

    @property
    def teacher(self) -> Array:
        """w*_l, in the first directions."""
        return self.known(self.instance.drawn_weights[:, self.problem.p :])

    def first(self) -> Array:
        """In the first directions."""
        return self.known(self.instance.drawn_weights[:, : self.problem.p])

    def projected(self, W: Array) -> tuple[Array, Array]:
        """From the images."""
        both = self.samples.along(np.concatenate([W, self.teacher], axis=1))[:, : len(self.rows)].T
        return np.ascontiguousarray(both[:, : self.problem.p]), np.ascontiguousarray(both[:, self.problem.p :])

    def gradient(self, psi: Array) -> Array:
        """X^T psi, with new directions."""
        U = np.zeros((psi.shape[1], self.samples.rows))
        U[:, : len(psi)] = psi.T
        return sent(self.instance, U)

    def lowest(self, W: Array, gradient: Array, nev: int, tol: float) -> Lowest:
        """By block Lanczos, one vector a step, from teacher, weights and gradient; of the X there is."""
        instance, both = self.instance, np.concatenate([self.known(W), self.teacher], axis=1)
        basis, triangle = np.linalg.qr(np.concatenate([both, self.known(gradient)], axis=1))
        sizes = np.abs(triangle.diagonal())
        guides = self.group.share(basis[:, sizes > 1e-8 * sizes.max()].T.copy())
        instance.curve(both, guides)
        found = BlockLanczos(instance, nev, tol, 1, Progress())
        while not found.reason:
            found.step(None, _nothing)
        vectors = np.pad(found.vectors, ((0, 0), (0, instance.k - found.vectors.shape[1]), (0, 0)))
        return Lowest(found.values, found.told, found.converged, vectors, found.reason, found.at.queries)

    def total(self, values: Array) -> float:
        """In fixed point over panels: the same on any number of ranks."""
        return self.samples.total(values)

    def known(self, W: Array) -> Array:
        """With zeros in the directions that were not met yet."""
        return np.pad(W, ((0, self.instance.k - len(W)), (0, 0)))

    def products(self, V: Array, W: Array) -> Array:
        """On every rank alike."""
        found: Array = self.group.share(V.T @ W)
        return found


def _nothing() -> None:
    """No state is kept on the way."""
