"""Passes over the images and curvatures of this rank's samples; every sum over samples is the same on any ranks.

R in what they take and give is X Q, the images times the roots of the eigenvalues of Sigma.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.ranks import Group
from hpcbbp.model.curvature import Curvature
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.deferred import kernels
from hpcbbp.solvers.deferred.floors import storage_bytes
from hpcbbp.solvers.deferred.images import Images, exponents
from hpcbbp.solvers.deferred.kernels import PANEL

Array = NDArray[np.float64]


def packed(p: int) -> NDArray[np.int64]:
    """index[k, l] of D_kl among the p (p + 1)/2 different entries of a symmetric p x p matrix."""
    index = np.zeros((p, p), dtype=np.int64)
    rows, columns = np.triu_indices(p)
    index[rows, columns] = index[columns, rows] = np.arange(len(rows))
    return index


class Samples(Images):
    """R and D with the sums over samples that a solve needs: moments, products, energies. All are collective."""

    def __init__(
        self, n: int, m: int, seed: int, p: int, capacity: int, storage: str, group: Group, largest_root: float = 1.0
    ) -> None:
        # D_ab = D_ba makes left queries nearly dependent for p > 1: what is new in them, some N^(-1/2) of their
        # length for the first, would be lost in the rounding of float32 products.
        number = "float64" if p > 1 or storage_bytes(storage) == 8 else "float32"
        kernels.prepare(storage, number)
        super().__init__(n, m, seed, p, capacity, storage, group, largest_root, number, PANEL)
        self.index = packed(p)
        self.parts = p * (p + 1) // 2
        self.D = np.zeros((self.parts, self.rows), dtype=self.number)

    def _entries(self, D: Curvature) -> Array:
        """Different entries of D, (parts, rows)."""
        upper = np.triu_indices(self.p)
        return np.ascontiguousarray(D.dense()[:, upper[0], upper[1]].T)

    def _keep(self, D: Curvature, panels: tuple[int, int]) -> float:
        """Take D of some local panels, and return the largest row sum of a |D_mu|."""
        self.D[:, panels[0] * PANEL : panels[1] * PANEL] = self._entries(D)
        return float(np.abs(D.dense()).sum(axis=2).max(initial=0.0))

    def first_moments(self) -> tuple[Array, Array]:
        """A and B, as from `reveal`, of the images there are with each other."""
        k, parts = self.count, self.parts
        both = self.roots[:k, None] * self.roots[:k]
        A = self._moments_with(0, lambda panels: self._images(k, panels)).reshape(k, parts, k) * both[:, None]
        if self.p > 1:
            return A, np.zeros((k, 0))

        def curved(panels: tuple[int, int]) -> NDArray[Any]:
            images: NDArray[Any] = self.D[:, panels[0] * PANEL : panels[1] * PANEL] * self._images(k, panels)
            return images

        return A, self._moments_with(1, curved).reshape(k, k) * both

    def _moments_with(self, power: int, vectors: Callable[[tuple[int, int]], NDArray[Any]]) -> Array:
        """R^T D_q Y for k vectors Y given in pieces; D^power of them bounds their exponent."""
        k, columns = self.count, self.parts * self.count
        out, padded = self._moments(k, columns)
        factor = np.full(padded, 2.0 ** self.exponents[power])
        none = np.zeros((0, self.rows), dtype=self.number)
        G = np.zeros((k, 0), dtype=self.number)
        for panels in self._chunks():
            Y = np.ascontiguousarray(vectors(panels))
            kernels.reveal(self.R, self.scale, k, panels, self.D, none, Y, G, 0, self.limit, factor, out)
        return self._summed(out, factor, columns)

    def reveal(self, G: Array, c: int, following: int) -> tuple[Array, Array, Array]:
        """Append c images xi_j + sum_q D_q R G_(q,j) under X Sigma^(-1/2); draw the next fresh numbers beside.

        Parameters
        ----------
        G : (k, parts, c) array
        c : int
            New images; at most as many as fresh numbers have been drawn.
        following : int
            Directions to draw fresh numbers for, behind the new ones.

        Returns
        -------
        A : (k + c, parts, c) array
            R^T D_q R_new.
        B : (k + c, c) array
            R^T D^2 R_new, for p = 1 only (else with no columns).
        F : (k + c, parts, following) array
            R^T D_q Xi of the fresh numbers.
        """
        k, parts = self.count, self.parts
        squares = 1 if self.p == 1 else 0
        sizes = [parts * c, squares * c, parts * following]
        out, padded = self._moments(k + c, sum(sizes))
        factor = np.ones(padded)
        factor[: sum(sizes)] = np.repeat(2.0 ** self.exponents[[0, 1, 0]], sizes)
        flat = np.ascontiguousarray(self.roots[:k, None] * G.reshape(k, parts * c), dtype=self.number)
        fresh = np.ascontiguousarray(self.fresh[:c])
        kept = self.fresh if len(self.fresh) == following else np.empty((following, self.rows), dtype=self.number)
        for panels in self._chunks():
            ahead = np.empty((following, (panels[1] - panels[0]) * PANEL), dtype=self.number)
            for j in range(following):
                ahead[j] = self._normals(k + c + j, panels)
            kernels.reveal(
                self.R, self.scale, k, panels, self.D, fresh, ahead, flat, squares, self.limit, factor, out
            )
            kept[:, panels[0] * PANEL : panels[1] * PANEL] = ahead
        self.fresh = kept
        self.count = k + c
        moments = self._summed(out, factor, sum(sizes))
        moments *= self.roots[: k + c, None]
        A, B, F = np.split(moments, np.cumsum(sizes)[:2], axis=1)
        new = self.roots[k : k + c]
        return A.reshape(k + c, parts, c) * new, B * new[: B.shape[1]], F.reshape(k + c, parts, following)

    def energies(self, problem: Problem, weights: Array, V: Array) -> tuple[Array, Array]:
        """|U_v| of U_va = sum_l D_al R V_vl, and its size if signs were random; (b,) each, for V (b, k, p).

        The second is (sum_mu |D_mu|^2 sum_i |V_vi|^2 R_mui^2)^(1/2), the size of the terms that rounding acts on.
        """
        b, k, p = V.shape
        out = np.zeros((b, 2), dtype=np.int64)
        factor = 2.0 ** self.exponents[1] / p
        V = self.roots[:k, None] * V
        flat = np.ascontiguousarray(V.transpose(1, 0, 2).reshape(k, b * p))
        squares = np.ascontiguousarray((V**2).sum(axis=2).T)
        for panels in self._chunks():
            D = self._entries(self._curvature(problem, weights, panels))
            kernels.energies(self.R, self.scale, k, panels, D, self.index, flat, squares, factor, out)
        lost = self.all_panels * 0.5  # what fixed point may have rounded away
        # Sums overflow only if the images are not those of a Gaussian matrix any more: then no size counts.
        sizes = np.sqrt(np.maximum(self.group.sum_integers(out) + lost, 0.0) / factor)
        return sizes[:, 0], sizes[:, 1]

    def image(self, problem: Problem, weights: Array, V: Array, sizes: Array) -> tuple[Array, Array]:
        """H V in coordinates, (b, k, p) to (b, k, p), straight from the images: D anew, all sums in float64.

        Moments add up products of single images, rounded one by one; here each sum is over one U_v of known size,
        and little of it is cancelled.

        Parameters
        ----------
        problem, weights
            As for set_curvature.
        V : (b, k, p) array
        sizes : (b,) array
            |U_v| or more.

        Returns
        -------
        (b, k, p) array, (b,) array
            The second: what fixed point may have rounded away of the first.
        """
        b, k, p = V.shape
        out, padded = self._moments(k, b * p)
        factor = np.ones(padded)
        factor[: b * p] = np.repeat(2.0 ** exponents(sizes * self.norm), p)
        flat = np.ascontiguousarray((self.roots[:k, None] * V).transpose(1, 0, 2).reshape(k, b * p))
        for panels in self._chunks():
            D = self._entries(self._curvature(problem, weights, panels))
            kernels.image(self.R, self.scale, k, panels, D, self.index, flat, factor, out)
        found = (self.roots[:k, None] * self._summed(out, factor, b * p)).reshape(k, b, p).transpose(1, 0, 2)
        lost = 2.0 * self.largest_root * math.sqrt(self.all_panels * k * p) / factor[: b * p : p]
        return found, lost

    def query(self, V: Array) -> Array:
        """R^T D_q U for U_(v,a) = sum_l D_al R V_vl: (b, k, p) -> (k, parts, b p)."""
        b, k, p = V.shape
        columns = self.parts * b * p
        out, padded = self._moments(k, columns)
        factor = np.full(padded, 2.0 ** self.exponents[1])
        roots = self.roots[:k, None]
        flat = np.ascontiguousarray((roots * V).transpose(1, 0, 2).reshape(k, b * p))
        kernels.query(self.R, self.scale, k, self.D, self.index, flat, factor, out)
        return (roots * self._summed(out, factor, columns)).reshape(k, self.parts, b * p)

    def remainder(self, G: Array, bounds: Array) -> tuple[Array, Array, Array]:
        """Moments of U_j = sum_q D_q R G_(q,j) themselves, formed sample by sample in float64 with every storage.

        Products of single images would have errors of the size of the largest |D R_i|, here they are those of |U_j|.

        Parameters
        ----------
        G : (k, parts, c) array
        bounds : (c,) array
            Of |U_j|.

        Returns
        -------
        (k, parts, c) array, (c,) array, (c,) array
            R^T D_q U_j, |U_j|^2, and what fixed point may have rounded away of the latter.
        """
        k, parts, c = G.shape
        out, padded = self._moments(k, parts * c)
        own, ones = self._moments(1, c)
        factor, units = np.ones(padded), np.ones(ones)
        factor[: parts * c] = np.tile(2.0 ** exponents(bounds * self.largest * self.norm), parts)
        units[:c] = 2.0 ** exponents(bounds**2)
        flat = np.ascontiguousarray(self.roots[:k, None] * G.reshape(k, parts * c))
        for panels in self._chunks():
            D = self.D[:, panels[0] * PANEL : panels[1] * PANEL].astype(np.float64)
            kernels.remainder(self.R, self.scale, k, panels, D, flat, factor, units, out, own)
        moments = (self.roots[:k, None] * self._summed(out, factor, parts * c)).reshape(k, parts, c)
        return moments, self._summed(own, units, c)[0], math.sqrt(self.all_panels) / units[:c]
