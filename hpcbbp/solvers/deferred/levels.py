"""The eigenspaces of the data's covariance: X Sigma^(1/2) is a Gaussian matrix for each, which share left directions.

Directions met lie in one eigenspace each. X^T p of a left direction p has a part in every one of them, uniform in
what has not been met of it: a Haar basis and a triangle for each (docs/deferred.md, "Data that are not white").
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.rng import triangle
from hpcbbp.model.covariance import spaces
from hpcbbp.model.problem import Problem

Array = NDArray[np.float64]

STREAM = "deferred-triangles"


class Levels:
    """Which eigenspace each direction met lies in.

    Parameters
    ----------
    problem : Problem
    n : int
        N.

    Attributes
    ----------
    values : (L,) array
        Distinct eigenvalues of Sigma.
    dimensions : (L,) array of int
        Their multiplicities, which sum to N.
    of : (k,) array of int
        Number of the eigenspace of each direction.
    """

    def __init__(self, problem: Problem, n: int) -> None:
        self.n = n
        self.values, self.dimensions = spaces(problem.covariance, n)
        self.of = np.zeros(0, dtype=np.int64)

    @property
    def largest_root(self) -> float:
        """Of the largest eigenvalue."""
        return math.sqrt(float(self.values.max()))

    def roots(self) -> Array:
        """Root of the eigenvalue of each direction, (k,)."""
        result: Array = np.sqrt(self.values)[self.of]
        return result

    def room(self) -> NDArray[np.int64]:
        """Dimensions of each eigenspace that have not been met, (L,)."""
        left: NDArray[np.int64] = self.dimensions - np.bincount(self.of, minlength=len(self.values))
        return left

    def next(self, wanted: int) -> NDArray[np.int64]:
        """New directions of each eigenspace that so many left directions lead to, unless it is used up."""
        return np.minimum(wanted, self.room())

    def triangles(self, counts: NDArray[np.int64], new: int, seed: int) -> Array:
        """X^T of `new` left directions in the new directions, (sum of counts, new), by its law: over N^(1/2)."""
        k, room = len(self.of), self.room()
        each = [
            triangle(int(count), new, int(left), seed, STREAM, k * len(counts) + level)
            for level, (count, left) in enumerate(zip(counts, room, strict=True))
        ]
        result: Array = np.concatenate(each) / math.sqrt(self.n)
        return result

    def append(self, counts: NDArray[np.int64]) -> None:
        """Take new directions, those of the first eigenspace first."""
        self.of = np.concatenate([self.of, np.repeat(np.arange(len(counts)), counts)])
