"""State evolution: a descent at N = infinity, by Monte Carlo over the process of one sample (docs/dynamics.md)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hpcbbp.data.dice import independent
from hpcbbp.dynamics.walker import Walker
from hpcbbp.errors import InputError
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import normals
from hpcbbp.model.problem import Problem

Array = NDArray[np.float64]

_KNOWN = 1e-5  # of a query: a rest shorter than that is none


class Process(Walker):
    """Weights as coordinates in the directions met, |w|^2 / N = |C|^2; averages over `samples` copies of one sample.

    r_1, r_2, ... are projections on these directions, i.i.d. N(0, 1) but for what a step has decided; p_1, p_2, ...
    the Gram-Schmidt vectors of the slopes in L^2. Losses and gradients are those of N = infinity over N and N^(1/2).

    Parameters
    ----------
    problem : Problem
        Of white data.
    samples : int
    seed : int
        One seed is one set of samples.

    Attributes
    ----------
    R, P : (samples, k) and (samples, l) arrays
        r of all directions, and p.

    Raises
    ------
    InputError
        Data with a covariance.
    """

    def __init__(self, problem: Problem, samples: int, seed: int) -> None:
        if problem.covariance is not None:
            raise InputError(f"covariance {problem.covariance.name}: state evolution is for white data")
        self.problem, self.m, self.seed = problem, samples, seed
        self.n, self.group, self.rows = 1, Group(), range(samples)
        self.kind, self.storage, self.all = "process", "float64", problem.alpha
        self.R = np.stack([self._fresh(j) for j in range(problem.p + problem.p_star)], axis=1)
        self.P = np.zeros((samples, 0))

    @property
    def k(self) -> int:
        """Directions met."""
        return self.R.shape[1]

    @property
    def teacher(self) -> Array:
        """w*_l: the first directions but p."""
        return self.known(np.eye(self.problem.p + self.problem.p_star)[:, self.problem.p :])

    def first(self) -> Array:
        """The first p directions: orthogonal to the teacher's at N = infinity."""
        return self.known(np.eye(self.problem.p + self.problem.p_star)[:, : self.problem.p])

    def projected(self, W: Array) -> tuple[Array, Array]:
        """Sums of r."""
        return self.R @ self.known(W), self.R @ self.teacher

    def gradient(self, psi: Array) -> Array:
        """alpha <r psi> in the directions met, alpha^(1/2) <p psi> in new ones, whose r is xi + p / alpha^(1/2)."""
        alpha, m = self.problem.alpha, self.m
        known = alpha * self.R.T @ psi / m
        rest = psi - self.P @ (self.P.T @ psi) / m
        rest -= self.P @ (self.P.T @ rest) / m
        sizes = np.sqrt((psi**2).mean(axis=0))
        rest /= np.where(sizes > 0.0, sizes, 1.0)
        inverse, _ = independent(rest.T @ rest / m, _KNOWN)  # units that are alike have one direction
        if not len(inverse):
            return known
        fresh = rest @ inverse.T
        xi = np.stack([self._fresh(self.k + j) for j in range(len(inverse))], axis=1)
        xi -= self.P @ (self.P.T @ xi) / m + fresh @ (fresh.T @ xi) / m
        self.R = np.concatenate([self.R, xi + fresh / math.sqrt(alpha)], axis=1)
        self.P = np.concatenate([self.P, fresh], axis=1)
        return np.concatenate([known, math.sqrt(alpha) * fresh.T @ psi / m])

    def total(self, values: Array) -> float:
        """Over N: alpha times the mean."""
        return self.problem.alpha * float(values.mean())

    def known(self, W: Array) -> Array:
        """With zeros in the directions that were not met yet."""
        return np.pad(W, ((0, self.k - len(W)), (0, 0)))

    def products(self, V: Array, W: Array) -> Array:
        """Over N."""
        found: Array = V.T @ W
        return found

    def _fresh(self, direction: int) -> Array:
        return normals(self.seed, "state-evolution", direction * self.m, (direction + 1) * self.m)
