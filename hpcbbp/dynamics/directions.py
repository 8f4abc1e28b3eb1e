"""Descents in coordinates of the directions met: deferred data, no vector of length N (docs/dynamics.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.dynamics.walker import Heard, Lowest, Solving
from hpcbbp.errors import InputError
from hpcbbp.solvers.deferred.blocks import Blocks
from hpcbbp.solvers.deferred.lanczos import BlockLanczos
from hpcbbp.solvers.deferred.progress import Progress
from hpcbbp.solvers.deferred.queries import sent
from hpcbbp.solvers.keeping.identity import identity_of
from hpcbbp.solvers.keeping.long import Long, LongFile

Array = NDArray[np.float64]


class DirectionWalker(Solving):
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
        self.n, self.m, self.group = instance.n, instance.m, instance.group
        self.kind, self.storage, self.all = "deferred", instance.storage, float(instance.m)
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

    def lowest(self, W: Array, gradient: Array, nev: int, tol: float, heard: Heard = None) -> Lowest:
        """By block Lanczos, one vector a step, from teacher, weights and gradient; of the X there is."""
        instance, both = self.instance, np.concatenate([self.known(W), self.teacher], axis=1)
        basis, triangle = np.linalg.qr(np.concatenate([both, self.known(gradient)], axis=1))
        sizes = np.abs(triangle.diagonal())
        guides = self.group.share(basis[:, sizes > 1e-8 * sizes.max()].T.copy())
        instance.curve(both, guides)
        found = BlockLanczos(instance, nev, tol, 1, Progress())
        while not found.reason:
            found.step(heard, _nothing)
        vectors = np.pad(found.vectors, ((0, 0), (0, instance.k - found.vectors.shape[1]), (0, 0)))
        return Lowest(found.values, found.told, found.converged, vectors, found.reason, found.at.queries)

    def total(self, values: Array) -> float:
        """In fixed point over panels: the same on any number of ranks."""
        return self.samples.total(values)

    def identity(self) -> dict[str, Any]:
        """Of an instance."""
        return {**identity_of(self.problem, self.n, self.seed, self.storage), "data": self.kind}

    def long(self, W: Array, velocity: Array) -> dict[str, Long]:
        """Images and left directions."""
        at, total = self.samples, self.samples.all_panels * self.samples.panel
        return {"images": Long(at.R[: at.count], at.first, total), "left": Long(at.P[: at.left], at.first, total)}

    def small(self, W: Array, velocity: Array) -> dict[str, NDArray[Any]]:
        """Weights and velocities, and eigenspaces of the directions."""
        return {"weights": W, "velocity": velocity, "level": self.instance.levels.of}

    def check_kept(self, counts: Mapping[str, int], small: Mapping[str, NDArray[Any]]) -> None:
        """By their shapes, and by the room there is."""
        k, dimensions, level = counts["images"], self.instance.levels.dimensions, small["level"]
        if (
            set(counts) != {"images", "left"}
            or not self.instance.q <= k <= self.n
            or counts["left"] > self.instance.m
        ):
            raise ValueError(f"long vectors {dict(counts)}")
        met = np.bincount(np.maximum(level, 0), minlength=len(dimensions))
        if level.shape != (k,) or level.min() < 0 or len(met) > len(dimensions) or (met > dimensions).any():
            raise ValueError("directions of no eigenspace")
        for name in ("weights", "velocity"):
            V = small[name]
            if V.ndim != 2 or V.shape[1] != self.problem.p or len(V) > k or not np.isfinite(V).all():
                raise ValueError(f"{name} are not what {k} directions have")
        if k > self.samples.capacity:
            raise InputError(f"holds {k} directions, memory has room for {self.samples.capacity}")

    def take_long(self, kept: LongFile, file: int) -> dict[str, list[int]]:
        """Images and left directions."""
        at, sums = self.samples, dict[str, list[int]]()
        left = len(kept.places["left"].offsets)
        if left > len(at.P):
            at.P = np.empty((left, at.rows), dtype=at.number)
        for name, rows in (("images", at.R), ("left", at.P)):
            sums[name] = []
            for i, (row, mixed) in enumerate(kept.read(file, name, rows.dtype, at.first, at.rows)):
                rows[i] = row
                sums[name].append(mixed)
        at.count, at.left = len(sums["images"]), len(sums["left"])
        return sums

    def take_small(self, small: Mapping[str, NDArray[Any]]) -> tuple[Array, Array]:
        """Weights and velocities, and eigenspaces of the directions."""
        self.instance.levels.of = small["level"]
        self.instance.resume()
        return small["weights"], small["velocity"]

    def known(self, W: Array) -> Array:
        """With zeros in the directions that were not met yet."""
        return np.pad(W, ((0, self.instance.k - len(W)), (0, 0)))

    def products(self, V: Array, W: Array) -> Array:
        """On every rank alike."""
        found: Array = self.group.share(V.T @ W)
        return found


def _nothing() -> None:
    """No state is kept on the way."""
