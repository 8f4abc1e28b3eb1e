"""One Gaussian instance, revealed query by query: what does not depend on how queries are kept (docs/deferred.md)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import check_seed
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.deferred.images import Images
from hpcbbp.solvers.deferred.levels import Levels

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Vectors:
    """Rows of length M, of which this rank has its panels.

    Attributes
    ----------
    rows : (capacity, rows) array
    scale : (capacity, panels) array, or None
        Of integers.
    count : int
        Rows that count.
    """

    rows: NDArray[Any]
    scale: NDArray[Any] | None
    count: int


class Deferred(ABC):
    """A Gaussian instance of which only the products asked for are ever decided.

    The realised X depends on the queries made; a second solve goes on with the same X.

    Attributes
    ----------
    problem : Problem
    n, m, seed : int
    storage : str
    group : Group
    samples : Images
        Images of the directions met, distributed over the ranks.
    levels : Levels
        Eigenspaces of the data's covariance, L of them (one for white data).
    weights : (q, p + p*) array
        Student and teacher directions, unit vectors, in the first q = L (p + p*) directions met.

    Examples
    --------
    >>> from hpcbbp import Problem, deferred_instance
    >>> instance = deferred_instance(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=1000)
    >>> instance.n, instance.m, instance.storage
    (1000, 6000, 'float64')
    """

    samples: Images

    def __init__(self, problem: Problem, n: int, seed: int, storage: str, group: Group | None = None) -> None:
        self.problem, self.n, self.m = problem, n, problem.samples(n)
        self.seed, self.storage, self.group = check_seed(seed), storage, Group.chosen(group)
        self.ranks_on_node = self.group.ranks_on_node()
        self.levels = Levels(problem, n)
        # The QR of Gaussian vectors in each eigenspace: weights are uniform on the sphere, only their angles matter.
        first = self.levels.next(problem.p + problem.p_star)
        triangular = self.levels.triangles(first, problem.p + problem.p_star, seed)
        self.q = len(triangular)
        self.weights: Array = triangular / np.linalg.norm(triangular, axis=0)

    @property
    def k(self) -> int:
        """Directions met."""
        return len(self.levels.of)

    @property
    def drawn_weights(self) -> Array:
        """Weights of length N^(1/2) in the first directions, (q, p + p*)."""
        return math.sqrt(self.n) * self.weights

    @abstractmethod
    def start(self, width: int) -> None:
        """Draw the images of the weights' directions and the curvatures that follow from them. Collective.

        Parameters
        ----------
        width : int
            New directions expected at the first query.
        """

    @abstractmethod
    def skewness(self) -> float:
        """|P^T P - 1| of the left directions: how far X is from Gaussian. Collective."""

    format: int
    """Of a checkpoint."""

    @abstractmethod
    def vectors(self) -> list[Vectors]:
        """What of length M a checkpoint keeps."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Arrays and flags that a checkpoint keeps besides."""

    @abstractmethod
    def shapes(self, arrays: dict[str, Any], k: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the arrays of a state of k directions, by name; ValueError for numbers of no state."""

    @abstractmethod
    def restore(self, state: dict[str, Any], counts: list[int]) -> None:
        """Take a state, and so many vectors of each kind as there are."""

    def first_images(self) -> None:
        """Draw the images of the weights' directions, and set the curvatures. Collective."""
        self.meet(self.levels.next(self.problem.p + self.problem.p_star))
        self.samples.draw_first(self.q)
        self.samples.set_curvature(self.problem, self.drawn_weights)

    def meet(self, counts: NDArray[np.int64]) -> None:
        """Take new directions of each eigenspace, whose images are to be revealed or have just been."""
        self.levels.append(counts)
        self.resume()

    def resume(self) -> None:
        """Tell the images which eigenvalues the directions belong to."""
        self.samples.roots[: len(self.levels.of)] = self.levels.roots()

    def gram(self) -> Array:
        """w_a . w_b / N of the weights, student first, (p + p_star, p + p_star); in each eigenspace of Sigma."""
        if self.problem.covariance is None:
            return self.weights.T @ self.weights
        parts = [self.weights[self.levels.of[: self.q] == level] for level in range(len(self.levels.values))]
        return np.array([part.T @ part for part in parts])

    @property
    def _own(self) -> int:
        """Samples of this rank, without the padding of its panels."""
        return max(0, min(self.m - self.samples.first, self.samples.rows))

    def noise(self) -> Array | None:
        """z ~ N(0, 1), (m_local,), that noise on the labels of this rank's samples is made of; None without noise."""
        first = min(self.samples.first, self.m)
        return self.problem.noise_numbers(self.seed, first, first + self._own)

    def projections(self) -> tuple[Array, Array]:
        """S = X w, (m_local, p), and u = X w*, (m_local, p_star), of this rank's samples, once there are images."""
        whole = (0, len(self.samples.panels))
        both = self.samples.projected(self.drawn_weights, whole)[: self._own]
        return both[:, : self.problem.p], both[:, self.problem.p :]
