"""The curve of a transform where data are not white: x and G along g = tr G/p, with kappa*(G, x) = kappa(G).

K(G, x) = (1/N) sum_mu E_mu - kappa*(G, x) takes the place of Z(G) - x of hpcbbp.theory.finite.dyson, and

    Theta - kappa (x) S - S C^-1 S + x S,
    S = W^T Sigma W,    C = sum_j sigma_j^2 (x - kappa sigma_j)^-1 (x) W^T P_j W

that of Theta: outliers are where its eigenvalues with respect to S are x. For white data it is Theta.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hpcbbp.theory.finite.dyson import CLOSE, STEPS, Beyond, Curve, CurvePoint
from hpcbbp.theory.finite.population import Population
from hpcbbp.theory.finite.sums import Sums

Array = NDArray[np.float64]

_BEND = 1e-4  # of g, over which a derivative is taken; and of the distance N^(-1/2) to the end of the domain


class LevelCurve(Curve):
    """Transform of samples whose data have a covariance.

    Parameters
    ----------
    sums : Sums
    n : int
        N.
    population : Population
    """

    def __init__(self, sums: Sums, n: int, population: Population) -> None:
        super().__init__(sums, n)
        self.population = population
        self._S = np.einsum("j,jab->ab", population.values, population.grams)
        self._effective: dict[float, tuple[Array, Array, Array]] = {}

    def _residual(self, G: Array, x: float | None, g: float) -> tuple[float, Array, Array, Array]:
        """x, and K, dK/dx and dK/dG in the basis of symmetric matrices."""
        mean, second = self.bulk(G)
        if x is None:
            x = self.population.point(np.linalg.eigvalsh(mean), g)
        e, axes = np.linalg.eigh(G)
        star = self.population.kappa(e, x)
        by_x, divided = self.population.derivatives(star, x)
        turned = np.einsum("ka,ikl,lb->iab", axes, self._basis, axes, optimize=True)
        J = second - np.einsum("iab,ab,jab->ij", turned, divided, turned, optimize=True)
        K = mean - (axes * star) @ axes.T
        K, J = self._symmetric(K, J)
        along = self._symmetric((axes * by_x) @ axes.T, J)[0]
        return x, self._coordinates(K), -self._coordinates(along), J

    def _newton(self, g: float, G: Array) -> CurvePoint:
        p, x, before = self.sums.p, None, np.inf
        for _ in range(STEPS):
            with np.errstate(all="ignore"):  # what goes astray is not finite, and seen below
                x, residual, by_x, J = self._residual(G, x, g)
            if not (np.isfinite(residual).all() and np.isfinite(J).all() and np.isfinite(by_x).all()):
                raise Beyond
            try:
                np.linalg.cholesky(-J[1:, 1:])
            except np.linalg.LinAlgError:
                raise Beyond from None
            system = np.column_stack([by_x, J[:, 1:]])
            step = np.linalg.solve(system, -residual)
            size = float(np.linalg.norm(step[1:])) / abs(g)
            if size > 2.0 * before:
                raise Beyond
            before = size
            G, x = G + self._matrix(np.append(0.0, step[1:])), x + float(step[0])
            if size < CLOSE / self.n**0.5 and abs(step[0]) <= CLOSE * (abs(x) + abs(1.0 / g)):
                along = np.linalg.solve(system, -(p**0.5) * J[:, 0])
                direction = self._matrix(np.append(p**0.5, along[1:]))
                self._check_branch(g, x)
                return CurvePoint(g, x, float(along[0]), G, direction)
        raise Beyond

    def _check_branch(self, g: float, x: float) -> None:
        """Raise Beyond unless x falls with g from known points on: there are other solutions behind the edge.

        Near the edge it hardly falls, and is known to the square of a Newton step alone.
        """
        unsure = 1e3 * CLOSE**2 * (abs(x) + abs(1.0 / g))
        for point in self._points.values():
            if point.slope < 0.0 and (x - point.z) * math.copysign(1.0, g - point.g) > unsure:
                raise Beyond

    def metric(self, gram: Array) -> Array:
        """S of all units, (p q, p q); the weights' Gram matrices are those of the population."""
        return np.kron(np.eye(self.sums.p), self._S)

    def signal(self, g: float) -> tuple[Array, Array]:
        """What takes the place of Theta, and its derivative in g."""
        return self._at(g)[:2]

    def seen(self, g: float, c: Array, metric: Array) -> Array:
        """Scalar products of the eigenvector with the weights, W^T (x - kappa Sigma)^-1 Sigma W C^-1 S c, (p q,)."""
        result: Array = self._at(g)[2] @ c
        return result

    def _at(self, g: float) -> tuple[Array, Array, Array]:
        if g not in self._effective:
            at, population = self.at(g), self.population
            theta, theta_prime = super().signal(g)
            S = np.kron(np.eye(self.sums.p), self._S)
            e, axes = np.linalg.eigh(at.G)
            star = population.kappa(e, at.z)
            by_x, divided = population.derivatives(star, at.z)
            moved = divided * (axes.T @ at.direction @ axes) + np.diag(by_x) * at.slope  # d kappa*/dg
            inverse = population.resolvents(star, at.z)
            sigma, grams = population.values, population.grams
            shift = at.slope * np.eye(len(e)) - sigma[:, None, None] * moved
            slopes = -inverse[:, :, None] * shift * inverse[:, None, :]

            def whole(weights: Array, blocks: Array) -> Array:
                """sum_j weights_j A_j (x) Q_j, A_j given in the eigenbasis of G."""
                q = grams.shape[1]
                turned = np.einsum("ka,jab,lb->jkl", axes, blocks, axes, optimize=True)
                made = np.einsum("j,jkl,jab->kalb", weights, turned, grams, optimize=True)
                return np.asarray(made.reshape(len(e) * q, len(e) * q))

            diagonal = inverse[:, :, None] * np.eye(len(e))
            C_S = np.linalg.solve(whole(sigma**2, diagonal), S)
            kappa, kappa_prime = (axes * star) @ axes.T, axes @ moved @ axes.T
            effective = theta - np.kron(kappa, self._S) - S @ C_S + at.z * S
            slope = theta_prime - np.kron(kappa_prime, self._S) + at.slope * S
            slope += C_S.T @ whole(sigma**2, slopes) @ C_S
            self._effective[g] = (
                0.5 * (effective + effective.T), 0.5 * (slope + slope.T), whole(sigma, diagonal) @ C_S,
            )  # fmt: skip
        return self._effective[g]

    def bend(self, g: float) -> float:
        """d2z/dm2 at the edge, m = tr R/(p N), which is G for white data alone; from slopes to the right of g."""
        step = _BEND * min(1.0, 100.0 / self.n**0.5) if self.n > 1 else _BEND
        near, far = self.at(g), self.at(g * (1.0 - step))
        further = self.at(g * (1.0 - 2.0 * step))
        second = (1.5 * near.slope - 2.0 * far.slope + 0.5 * further.slope) / (step * g)
        e, axes = np.linalg.eigh(near.G)
        star = self.population.kappa(e, near.z)
        moved = np.diag(self.population.derivatives(star, near.z)[1] * (axes.T @ near.direction @ axes))
        inverse = self.population.resolvents(star, near.z)
        along = (self.population.shares * self.population.values) @ (inverse * inverse)
        return second / float(along @ moved / len(e)) ** 2
