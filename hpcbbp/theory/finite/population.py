"""The data's covariance in the Dyson equation: its eigenvalues, and the weights' Gram matrix in each eigenspace.

With x ~ N(0, Sigma/N) a fresh sample sees x^T R x -> G, and the samples see kappa (docs/models.md):

    G = (1/N) sum_i sigma_i (x - kappa sigma_i)^-1,     kappa = (1/N) sum_mu E_mu(G)

kappa*(G, x), the solution of the first for given G < 0 and x, is a function of each eigenvalue of G by itself.
Left of the spectrum x - kappa sigma < 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpcbbp.model.covariance import binned, nodes_of
from hpcbbp.model.problem import Problem

Array = NDArray[np.float64]

_STEPS, _SETTLED = 200, 1e-15


@dataclass(frozen=True, eq=False)
class Population:
    """Eigenvalues of Sigma.

    Attributes
    ----------
    values, shares : (L,) arrays
        Distinct eigenvalues, and which part of all they are.
    grams : (L, q, q) array
        W^T P_j W, P_j the projector on eigenspace j, of all weights as unit vectors, the teacher's first.
    """

    values: Array
    shares: Array
    grams: Array

    @classmethod
    def limit(cls, problem: Problem) -> Population | None:
        """At N = infinity; None for white data."""
        if problem.covariance is None:
            return None
        values, shares = nodes_of(problem.covariance)
        q = problem.p + problem.p_star
        return cls(values, shares, shares[:, None, None] * np.eye(q))

    @classmethod
    def sample(cls, problem: Problem, n: int, grams: Array) -> Population | None:
        """Of one sample, from Gram matrices (L, q, q), the student's weights first; None for white data."""
        if problem.covariance is None:
            return None
        values, counts = binned(problem.covariance, n)
        order = np.roll(np.arange(problem.p + problem.p_star), problem.p_star)
        return cls(values, counts / n, grams[:, order][:, :, order])

    def kappa(self, e: Array, x: float) -> Array:
        """kappa* of eigenvalues e < 0 of G at x.

        sum nu/(kappa - x/sigma) = -1/..., so that 1/sum is concave in kappa: Newton's method rises from below.
        """
        poles = x / self.values
        last = int(poles.argmax())
        kappa = poles[last] - self.shares[last] / e
        for _ in range(_STEPS):
            inverse = 1.0 / (kappa[:, None] - poles)
            first, second = inverse @ self.shares, (inverse * inverse) @ self.shares
            step = (first + e) * first / (second * -e)  # of 1/first = -1/e
            kappa = kappa + step
            if np.abs(step).max() <= _SETTLED * np.abs(kappa - poles[last]).max():
                break
        return np.asarray(kappa)

    def point(self, kappa: Array, g: float) -> float:
        """x with the mean of (1/N) sum sigma/(x - kappa sigma) over the eigenvalues of kappa equal to g < 0."""
        poles = np.outer(kappa, self.values).ravel()
        weights = np.tile(self.values * self.shares, len(kappa)) / len(kappa)
        last = int(poles.argmin())
        x = float(poles[last] + weights[last] / g)
        for _ in range(_STEPS):
            inverse = 1.0 / (poles - x)
            first, second = float(weights @ inverse), float(weights @ (inverse * inverse))
            step = (first + g) * first / (second * -g)
            x -= step
            if abs(step) <= _SETTLED * abs(poles[last] - x):
                break
        return x

    def resolvents(self, kappa: Array, x: float) -> Array:
        """1/(x - kappa sigma) of each level, (L, p)."""
        inverse: Array = 1.0 / (x - np.outer(self.values, kappa))
        return inverse

    def derivatives(self, kappa: Array, x: float) -> tuple[Array, Array]:
        """d kappa*/dx, (p,), and divided differences of kappa* in G, (p, p), in the eigenbasis of G."""
        inverse = self.resolvents(kappa, x)
        both = np.einsum("j,ja,jb->ab", self.shares * self.values**2, inverse, inverse)
        first = (self.shares * self.values) @ (inverse * inverse)
        return np.asarray(first / both.diagonal()), np.asarray(1.0 / both)
