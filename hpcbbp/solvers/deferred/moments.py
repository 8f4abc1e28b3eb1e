"""Deferred instances whose left directions are never formed: what is known of them are moments of images (p = 1)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.machine.ranks import Group
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.deferred.coordinates import Coordinates
from hpcbbp.solvers.deferred.finer import Passes
from hpcbbp.solvers.deferred.instance import Deferred, Vectors
from hpcbbp.solvers.deferred.samples import Samples
from hpcbbp.solvers.deferred.steps import NO_ROOM, PROBES

Array = NDArray[np.float64]

_SLACK = 64.0  # left directions longer than that would overflow, into numbers that no probe looks like


class Moments(Deferred):
    """See the module.

    Attributes
    ----------
    samples : Samples
    coordinates : Coordinates
        Everything small, replicated.
    finer : Passes
        Over left queries that moments do not resolve.
    """

    samples: Samples

    def __init__(
        self, problem: Problem, n: int, seed: int, storage: str, capacity: int, group: Group | None = None
    ) -> None:
        super().__init__(problem, n, seed, storage, group)
        root = self.levels.largest_root
        self.samples = Samples(n, self.m, seed, problem.p, capacity, storage, self.group, root)
        resolved = 1e-3 if self.samples.number == np.float32 else 0.0
        self.coordinates = Coordinates(n, self.m, self.samples.index, resolved)
        self.finer = Passes(self.samples, problem, self.drawn_weights, self.group)

    def start(self, width: int) -> None:
        """Draw the images of the weights' directions and the curvatures that follow from them. Collective."""
        self.first_images()
        A, B = self.samples.first_moments()
        self.coordinates.extend(A, B, np.zeros((self.q, self.samples.parts, 0)))
        self.draw_ahead(width)

    def draw_ahead(self, count: int) -> None:
        """Have fresh numbers and their moments for that many directions. Collective."""
        c = self.coordinates
        if c.F.shape[2] < count or len(self.samples.fresh) < count:
            c.extend(*self.samples.reveal(np.zeros((c.k, self.samples.parts, 0)), 0, count))

    def query(self, V: Array, following: int) -> int:
        """Ask for H V: reveal the left images of block vectors and the new directions they lead to. Collective.

        Parameters
        ----------
        V : (b, k, p) array
            Orthonormal coordinates, orthogonal to earlier queries.
        following : int
            New directions expected at the next query (their fresh numbers are drawn in the same pass).

        Returns
        -------
        int
            New directions, b p of each eigenspace unless dimensions are used up.
        """
        c, p = self.coordinates, self.problem.p
        V = self.group.share(V)
        E = np.einsum("ij,bjl->ilb", c.B, V) if p == 1 else self.samples.query(V)
        new = c.add_queries(V, E, self.finer.sums(), self.finer)
        counts = self.levels.next(new or max(1, len(V)) * p)
        count = int(counts.sum())
        if count > self.samples.capacity - c.k:  # fewer would be another law: never truncate
            raise InputError(NO_ROOM.format(c.k))
        self.draw_ahead(count)
        T = self.levels.triangles(counts, new, self.seed) if new else np.zeros((count, 0))
        G = self.group.share(c.next_images(new, T))
        self.meet(counts)
        c.extend(*self.samples.reveal(G, count, min(following, self.n - c.k - count)))
        return count

    def skewness(self) -> float:
        """|P^T P - 1| of the left directions P = U L^-T, from the images: how far X is from Gaussian. Collective.

        The root mean square of what some random vectors are sent to has the Frobenius norm for its mean.
        """
        c = self.coordinates
        if not len(c.L):
            return 0.0
        z = np.random.default_rng(0).standard_normal((len(c.L), PROBES))
        G, bounds = self.group.share((c.of_left(z), _SLACK * np.linalg.norm(z, axis=0)))
        E, _, _ = self.samples.remainder(G, bounds)
        lost = c.in_kept(c.with_left(E, c.W)) - z
        found: float = self.group.share(float(np.linalg.norm(lost) / math.sqrt(PROBES)))
        return found

    format = 2

    def vectors(self) -> list[Vectors]:
        """Images."""
        samples = self.samples
        return [Vectors(samples.R, samples.scale, samples.count)]

    def state(self) -> dict[str, Any]:
        """Arrays and flags that a checkpoint keeps besides."""
        return self.coordinates.state()

    def shapes(self, arrays: dict[str, Any], k: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the arrays of a state of k directions, by name; ValueError for numbers of no state."""
        p, queries, left, kept = self.problem.p, len(arrays["W"]), len(arrays["L"]), arrays["kept"]
        if len(kept) and not (kept.min() >= 0 and (kept.max(axis=0) < (queries, p)).all()):
            raise ValueError("left directions of no query")
        return {
            "A": (k, p, k, p), "B": (k, k) if p == 1 else (0, 0), "W": (queries, k, p), "L": (left, left),
            "kept": (left, 2), "hidden": (queries, p),
        }  # fmt: skip

    def restore(self, state: dict[str, Any], counts: list[int]) -> None:
        """Take a state, and so many images."""
        (self.samples.count,) = counts
        self.coordinates.restore(state)
