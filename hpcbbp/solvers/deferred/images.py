"""The side of the samples: images R = X Q of the directions met so far, distributed over the ranks.

Ranks own whole panels of samples; every sum over samples is a sum of fixed-point integers, the same on any number of
ranks.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hpcbbp.errors import InputError
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import BLOCK, fill_normals
from hpcbbp.model.curvature import Curvature
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.deferred import storing

Array = NDArray[np.float64]

_LIMIT = 32767.0
STREAM = "deferred-images"


def exponents(bounds: Array) -> Array:
    """Powers of 2 by which numbers up to some bounds fill 62 bits."""
    found: Array = 61.0 - np.ceil(np.log2(np.maximum(bounds, 1e-280)))
    return found


class Images(ABC):
    """R (M x k), this rank's samples. All methods are collective.

    Parameters
    ----------
    n, m : int
        N and M.
    seed : int
        Of the stream of fresh numbers, addressed by direction and sample.
    p : int
    capacity : int
        Directions there is room for. Pages of memory are taken only when images are written.
    storage : {"float64", "float32", "int16"}
        Numbers R is kept in; int16 has one scale per panel and direction, a rounding error near 1e-4 / sqrt(N).
    group : Group
    largest_root : float
        Of the eigenvalues of the data's covariance.
    number : {"float64", "float32"}
        Arithmetic within panels.
    panel : int
        Samples in a panel.

    Attributes
    ----------
    roots : (capacity,) array
        Root of the eigenvalue that each direction belongs to; R has the images under X Sigma^(-1/2).
    """

    def __init__(
        self, n: int, m: int, seed: int, p: int, capacity: int, storage: str, group: Group, largest_root: float,
        number: str, panel: int,
    ) -> None:  # fmt: skip
        storing.prepare(storage, number)
        self.n, self.m, self.seed, self.p, self.group = n, m, seed, p, group
        self.panel = panel
        self.panels = group.owned(self.all_panels)
        self.first, self.rows = self.panels.start * panel, len(self.panels) * panel
        self.number = np.dtype(number)
        self.limit = _LIMIT if storage == "int16" else 0.0
        self.R = np.empty((capacity, self.rows), dtype=storage)
        self.scale = np.ones((capacity, len(self.panels)), dtype=self.number)
        self.roots, self.largest_root = np.ones(capacity), largest_root
        self.fresh = np.zeros((0, self.rows), dtype=self.number)
        self.count = 0
        self.exponents = np.zeros(3)
        self.largest = 0.0  # row sum of a |D_mu|
        self._stride = -(-m // BLOCK) * BLOCK  # numbers of the stream a direction takes

    @property
    def capacity(self) -> int:
        """Directions there is room for."""
        return len(self.R)

    def draw_first(self, q: int) -> None:
        """Draw images of the first q directions, those of the weights: X Sigma^(-1/2) Q is i.i.d. N(0, 1/N)."""
        for i in range(q):
            for panels in self._chunks():
                row = self._normals(i, panels)
                for panel in range(panels[0], panels[1]):
                    r = np.ascontiguousarray(row[(panel - panels[0]) * self.panel :][: self.panel])
                    self._store(i, panel, r)
        self.count = q

    def _store(self, i: int, panel: int, r: NDArray[Any]) -> None:
        """Write r into R[i] over one panel, and leave in r what was stored."""
        storing.store(self.R, self.scale, i, panel, r, self.limit)

    def set_curvature(self, problem: Problem, weights: Array) -> None:
        """D from the projections (s, u) = R weights of the images as they are stored; weights (q, p + p*)."""
        largest = 0.0
        with self.group.agreeing():  # a label of one rank may be one that the loss has no value for
            for panels in self._chunks():
                largest = max(largest, self._keep(self._curvature(problem, weights, panels), panels))
        largest = float(self.group.largest(largest))
        with self.group.agreeing():
            if not (math.isfinite(largest) and largest < 1e15):
                raise InputError("the curvatures overflow: the loss is singular at the labels of this model")
        # |X| bounds every sum and every part of one (Cauchy-Schwarz).
        bounds = np.array([largest * self.norm**2, largest**2 * self.norm**2, 1.0])
        self.largest = largest
        self.exponents = exponents(bounds)

    @property
    def all_panels(self) -> int:
        """Panels of all ranks."""
        return -(-self.m // self.panel)

    @property
    def norm(self) -> float:
        """A bound of |X|, with all but no probability of failing."""
        return self.largest_root * (math.sqrt(self.m / self.n) + 1.0 + 8.0 / math.sqrt(self.n))

    def _curvature(self, problem: Problem, weights: Array, panels: tuple[int, int]) -> Curvature:
        """D of some local panels, zero behind the last sample."""
        projections, start = self.projected(weights, panels), self.first + panels[0] * self.panel
        rows, here = len(projections), max(0, min(len(projections), self.m - start))
        s, u = projections[:here, : self.p], projections[:here, self.p :]
        with np.errstate(over="ignore", invalid="ignore"):
            D = problem.curvature(s, u, problem.noise_numbers(self.seed, start, start + here))
        return D.padded(rows)

    @abstractmethod
    def _keep(self, D: Curvature, panels: tuple[int, int]) -> float:
        """Take D of some local panels, and return the largest row sum of a |D_mu|."""

    def _chunks(self) -> list[tuple[int, int]]:
        """Local panels in pieces that end where blocks of the random stream end."""
        step = max(1, 2 * BLOCK // self.panel)
        cuts = [p for p in range(self.panels.start + 1, self.panels.stop) if p % step == 0]
        edges = [self.panels.start, *cuts, self.panels.stop]
        lo = self.panels.start
        return [(a - lo, b - lo) for a, b in itertools.pairwise(edges) if b > a]

    def _normals(self, direction: int, panels: tuple[int, int]) -> NDArray[Any]:
        """Fresh N(0, 1/N) numbers of a direction for some local panels, zero behind the last sample."""
        out = np.zeros((panels[1] - panels[0]) * self.panel, dtype=self.number)
        first = self.first + panels[0] * self.panel
        valid = max(0, min(out.size, self.m - first))
        start = direction * self._stride + first
        fill_normals(out[:valid], self.seed, STREAM, start, 1.0 / math.sqrt(self.n))
        return out

    def _images(self, q: int, panels: tuple[int, int], number: DTypeLike = None) -> NDArray[Any]:
        """Images of the first q directions for some local panels, as numbers (those of sums): (q, rows)."""
        number = self.number if number is None else number
        scale = np.repeat(self.scale[:q, panels[0] : panels[1]].astype(number), self.panel, axis=1)
        stored = self.R[:q, panels[0] * self.panel : panels[1] * self.panel]
        images: NDArray[Any] = stored.astype(number) * scale
        return images

    def projected(self, weights: Array, panels: tuple[int, int]) -> Array:
        """Images of combinations of the first directions, weights (q, r), for some local panels: (rows, r)."""
        # In float64 from what is stored: D is what the images say, to the last bits of a float64.
        scaled = self.roots[: len(weights), None] * weights
        product: Array = self._images(len(weights), panels, np.float64).T @ scaled
        return product

    def _moments(self, rows: int, columns: int) -> tuple[NDArray[np.int64], int]:
        """Zeroed fixed-point sums, and their number of columns padded as the kernels want it."""
        padded = -(-max(columns, 1) // 3) * 3
        return np.zeros((rows, padded), dtype=np.int64), padded

    def _summed(self, out: NDArray[np.int64], factor: Array, columns: int) -> Array:
        result: Array = self.group.sum_integers(out)[:, :columns] / factor[:columns]
        return result
