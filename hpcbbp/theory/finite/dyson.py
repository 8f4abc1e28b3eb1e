"""The matrix Dyson equation of one sample: its transform G, p x p, along the curve Z(G) = x, left of the spectrum.

    Z(G) = G^-1 + (1/N) sum_mu E_mu,     E_mu = (D_mu^-1 - G)^-1

At N = infinity G is a multiple of 1 (the student's units are alike), at finite N a sample's is not. The curve is
followed in g = tr G / p: for given g, the traceless part of G makes the traceless part of Z vanish, and
z(g) = tr Z / p. So everything reads as for a scalar G. Z is the gradient of
log det(-G) - (1/N) sum log det(1 - G D), whose second derivative

    J: delta -> -G^-1 delta G^-1 + (1/N) sum_mu E_mu delta E_mu

is negative definite left of the spectrum and becomes singular at its edge. On traceless matrices it does so there or
later (interlacing; later unless all units are alike), so that Newton's steps are safe. Equation (17) of
docs/finite-n.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from hpcbbp.theory.finite.sums import Sums

Array = NDArray[np.float64]

STEPS = 12
_HALVINGS = 3
CLOSE = 1e-5  # a Newton step below this N^(-1/2), relative to G, is the last: G and z are good to its square,
# slope and direction to it times |GE|, which is N^(1/2) where one sample dominates


class Beyond(Exception):  # noqa: N818  (no error: where a search ends)
    """There is no such point: it lies beyond the edge."""


@dataclass(frozen=True)
class CurvePoint:
    """One point of the curve.

    Attributes
    ----------
    g, z, slope : float
        tr G / p, the x that belongs to it, dz/dg (negative left of the edge, 0 there).
    G : (p, p) array
    direction : (p, p) array
        dG/dg, of trace p.
    """

    g: float
    z: float
    slope: float
    G: Array
    direction: Array


class Curve:
    """Transform of one sample along g, and averages over the sample there; known points are kept.

    Parameters
    ----------
    sums : Sums
        Over the sample.
    n : int
        N.
    """

    def __init__(self, sums: Sums, n: int) -> None:
        self.sums, self.n = sums, n
        p = sums.p
        self._pairs = np.triu_indices(p)
        self._index = np.zeros((p, p), dtype=np.int64)
        self._index[self._pairs] = np.arange(len(self._pairs[0]))
        self._index = np.maximum(self._index, self._index.T)
        self._basis = _symmetric_basis(p)
        self._points: dict[float, CurvePoint] = {}
        self._signals: dict[float, tuple[Array, Array, float]] = {}

    def _axes(self, G: Array) -> tuple[Array, Array]:
        gamma, axes = np.linalg.eigh(G)
        return gamma, np.ascontiguousarray(axes)

    def bulk(self, G: Array) -> tuple[Array, Array]:
        """(1/N) sum_mu E_mu, and delta -> (1/N) sum_mu E_mu delta E_mu in the basis of symmetric matrices."""
        gamma, axes = self._axes(G)
        if gamma[-1] >= 0.0:
            raise Beyond
        inside, first, second = self.sums.bulk(gamma, axes)
        if not inside:
            raise Beyond
        first, second = first / self.n, (second + np.triu(second, 1).T) / self.n
        # sum_ab E_ka E_bl delta_ab, from the products of packed pairs (k, a), (b, l)
        four = second[self._index[:, :, None, None], self._index[None, None, :, :]]  # [k, a, b, l]
        turned = np.einsum("ka,iab,bl->ikl", axes.T, self._basis, axes, optimize=True)
        J = np.einsum("ikl,kabl,jab->ij", turned, four, turned, optimize=True)
        return axes @ first[self._index] @ axes.T, 0.5 * (J + J.T)

    def _derivatives(self, G: Array) -> tuple[Array, Array]:
        """Z(G), docs/finite-n.md (17), and J in the basis of symmetric matrices, whose first is 1/p^(1/2)."""
        mean, J = self.bulk(G)
        gamma, axes = self._axes(G)
        inverse = (axes / gamma) @ axes.T
        bent = self._basis @ inverse
        return self._symmetric(inverse + mean, J - np.einsum("iab,jba->ij", bent, bent))

    def _symmetric(self, Z: Array, J: Array) -> tuple[Array, Array]:
        """Z and J on matrices that symmetries of the samples leave; one sample has none."""
        return Z, J

    def _averaged(self, theta: Array) -> Array:
        """Theta averaged over symmetries of the samples."""
        return theta

    def _coordinates(self, matrix: Array) -> Array:
        coordinates: Array = np.einsum("iab,ab->i", self._basis, matrix)
        return coordinates

    def _matrix(self, coordinates: Array) -> Array:
        matrix: Array = np.einsum("i,iab->ab", coordinates, self._basis)
        return matrix

    def at(self, g: float) -> CurvePoint:
        """The point of g < 0.

        Raises
        ------
        Beyond
            If there is none, which happens only beyond the edge.
        """
        if g not in self._points:
            self._points[g] = self._follow(g, _HALVINGS)
        return self._points[g]

    def _follow(self, g: float, halvings: int) -> CurvePoint:
        """From the nearest point left of the edge, at once or by way of the middle; or from a multiple of 1."""
        known = [point for point in self._points.values() if point.slope < 0.0]
        near = min(known, key=lambda point: abs(point.g - g), default=None)
        if near is None:
            return self._newton(g, g * np.eye(self.sums.p))
        try:
            return self._newton(g, near.G + (g - near.g) * near.direction)
        except Beyond:
            if not halvings:
                raise
        middle = 0.5 * (g + near.g)
        self._points[middle] = self._follow(middle, halvings - 1)
        return self._newton(g, self._points[middle].G + (g - middle) * self._points[middle].direction)

    def _newton(self, g: float, G: Array) -> CurvePoint:
        p = self.sums.p
        before = np.inf
        for _ in range(STEPS):
            Z, J = self._derivatives(G)
            if p == 1:
                return CurvePoint(g, float(Z[0, 0]), float(J[0, 0]), G, np.eye(1))
            residual = self._coordinates(Z)
            try:
                factor = scipy.linalg.cho_factor(-J[1:, 1:])
            except np.linalg.LinAlgError:
                raise Beyond from None
            step = scipy.linalg.cho_solve(factor, residual[1:])
            size = float(np.linalg.norm(step)) / abs(g)
            if size > 2.0 * before:
                raise Beyond
            before = size
            G = G + self._matrix(np.append(0.0, step))
            if size < CLOSE / self.n**0.5:
                z = (residual[0] + J[0, 1:] @ step) / p**0.5
                along = np.append(p**0.5, p**0.5 * scipy.linalg.cho_solve(factor, J[1:, 0]))
                return CurvePoint(g, float(z), float(J[0] @ along) / p**0.5, G, self._matrix(along))
        raise Beyond

    def metric(self, gram: Array) -> Array:
        """Gram matrix of all signal directions, (p q, p q), rows as Theta has them; gram has the student first."""
        p, p_star = self.sums.p, self.sums.p_star
        order = np.roll(np.arange(p + p_star), p_star)
        return np.kron(np.eye(p), gram[np.ix_(order, order)])

    def seen(self, g: float, c: Array, metric: Array) -> Array:
        """Scalar products with the weights, (p q,), of the eigenvector of a null vector c of Theta - z Gram."""
        result: Array = metric @ c
        return result

    def signal(self, g: float) -> tuple[Array, Array]:
        """Theta, docs/finite-n.md (18), and dTheta/dg, (p q, p q), rows (k, a), F = (u, s)."""
        return self._signal(g)[:2]

    def bend(self, g: float) -> float:
        """d2z/dg2."""
        return self._signal(g)[2]

    def _signal(self, g: float) -> tuple[Array, Array, float]:
        if g not in self._signals:
            at = self.at(g)
            p, q = self.sums.p, self.sums.p + self.sums.p_star
            gamma, axes = self._axes(at.G)
            turned = np.ascontiguousarray(axes.T @ at.direction @ axes)
            packed, cubic = self.sums.signal(gamma, axes, turned)
            packed, cubic = packed / self.n, cubic / self.n
            rows, columns = np.triu_indices(q)
            index = np.zeros((q, q), dtype=np.int64)
            index[rows, columns] = index[columns, rows] = np.arange(len(rows))
            both = packed[:, self._index[:, None, :, None], index[None, :, None, :]]
            both = np.einsum("kc,dcalb,ml->dkamb", axes, both, axes, optimize=True)
            both = both.reshape(2, p * q, p * q)
            inverse = np.diag(1.0 / gamma) @ turned
            second = 2.0 * (np.trace(inverse @ inverse @ inverse) + cubic) / p
            self._signals[g] = (self._averaged(both[0]), self._averaged(both[1]), float(second))
        return self._signals[g]


def _symmetric_basis(p: int) -> Array:
    """Orthonormal basis of symmetric p x p matrices, (p (p + 1)/2, p, p), the first 1/p^(1/2)."""
    units = np.zeros((p, p, p))
    units[np.arange(p), np.arange(p), np.arange(p)] = 1.0
    # Helmert's matrix: its first row is constant, its rows are orthonormal
    diagonal = np.einsum("ik,kab->iab", scipy.linalg.helmert(p, full=True) if p > 1 else np.eye(1), units)
    rows, columns = np.triu_indices(p, 1)
    mixed = np.zeros((len(rows), p, p))
    mixed[np.arange(len(rows)), rows, columns] = mixed[np.arange(len(rows)), columns, rows] = 0.5**0.5
    return np.concatenate([diagonal, mixed])
