"""The small side, the same on every rank: what is known in coordinates of the basis Q of directions met so far.

Q itself is never drawn (docs/deferred.md). Left queries are U_(v,a) = sum_l D_al R W_vl for queried block vectors
W_v (k x p coordinates); P = U L^-T is their orthonormal basis, never formed either.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.solvers.deferred.block import Block
from hpcbbp.solvers.deferred.gram_errors import Finer, GramErrors

Array = NDArray[np.float64]

KEEPS = ("A", "B", "W", "kept", "L", "hidden", "formed")  # of a state

_U = 2.0**-53
_NEWS = 64.0  # times what rounding may make of it: a part of a query smaller than that is not asked about
_LEAST = 1e-3  # of the tolerance
_NEARLY = 1e-3  # of P^T P - 1, at most: what is in P, of a left query that moments have projected, is known up to it
_SWEEPS = 3  # twice is enough, unless the first was all error


class Coordinates:
    """H restricted to span(Q) (x) R^p, the queried vectors, and the Gram matrix of their left images.

    Parameters
    ----------
    n, m : int
        N and M.
    index : (p, p) array of int
        Where D_kl stands among its different entries.
    resolved : float
        Smallest part of a left query outside the old ones, relative to the longest query, that the arithmetic of
        images resolves; a smaller one is an error. 0: what rounding may be is not asked about (see `hidden`).

    Attributes
    ----------
    A : (k, p, k, p) array
        (Q_i (x) e_a) . H (Q_j (x) e_b) = R_i^T D_ab R_j.
    B : (k, k) array
        R^T D^2 R, for p = 1 (else empty).
    F : (k, parts, c) array
        R^T D_q Xi of the fresh numbers drawn for the next directions.
    W : (queries, k, p) array
        Queried block vectors, orthonormal.
    kept : (l, 2) array of int
        Query v and unit a of each left direction.
    L : (l, l) array
        Cholesky factor of the Gram matrix of the kept U_(v,a).
    hidden : (queries, p) array
        Length that U_(v,a) may have outside the kept ones: zero if it is kept, or if those span everything.
    tolerance : float
        Of the solve. What is new of a query and far too short to matter for it is not asked about: where queries
        coincide but for errors of the past, it would be there, and make L ever worse.
    formed : bool
        Whether a remainder had to be formed. From then on all are: with it L L^T is the Gram matrix of moments no
        more, whose errors would cancel.
    """

    def __init__(self, n: int, m: int, index: NDArray[np.int64], resolved: float) -> None:
        self.n, self.m, self.index, self.resolved = n, m, index, resolved
        p = len(index)
        self.A = np.zeros((0, p, 0, p))
        self.B = np.zeros((0, 0))
        self.F = np.zeros((0, int(index.max()) + 1, 0))
        self.W = np.zeros((0, 0, p))
        self.kept = np.zeros((0, 2), dtype=np.int64)
        self.L = np.zeros((0, 0))
        self.hidden = np.zeros((0, p))
        self.formed, self.tolerance = False, 0.0

    @property
    def k(self) -> int:
        """Directions met."""
        return self.A.shape[0]

    @property
    def p(self) -> int:
        """Hidden units of the student."""
        return len(self.index)

    def state(self) -> dict[str, Any]:
        """Attributes of the names in KEEPS; F is of numbers that can be drawn again."""
        return {name: getattr(self, name) for name in KEEPS}

    def restore(self, state: dict[str, Any]) -> None:
        """Take a state, with F empty."""
        vars(self).update({name: state[name] for name in KEEPS}, F=np.zeros((state["A"].shape[0], *self.F.shape[1:])))

    def extend(self, A: Array, B: Array, F: Array) -> None:
        """Take the moments of c new images with all k + c of them (see Samples.reveal)."""
        k, c, p = self.k, A.shape[2], self.p
        total = k + c
        new = A[:, self.index, :].transpose(0, 1, 3, 2)  # (k + c, p, c, p)
        grown = np.zeros((total, p, total, p))
        grown[:k, :, :k] = self.A
        grown[:, :, k:] = new
        grown[k:, :, :k] = new[:k].transpose(2, 3, 0, 1)
        # The two halves of the newest block were summed separately: make them one.
        corner = grown[k:, :, k:]
        grown[k:, :, k:] = 0.5 * (corner + corner.transpose(2, 3, 0, 1))
        self.A = grown
        if p == 1:
            squares = np.zeros((total, total))
            squares[:k, :k] = self.B
            squares[:, k:] = B
            squares[k:, :k] = B[:k].T
            squares[k:, k:] = 0.5 * (B[k:] + B[k:].T)
            self.B = squares
        self.F = F
        self.W = np.pad(self.W, ((0, 0), (0, total - self.W.shape[1]), (0, 0)))

    def outside(self, Y: Array) -> Array:
        """Parts of block vectors (r, k, p) outside the queried ones, by two sweeps of Gram-Schmidt."""
        size = self.k * self.p
        W, rest = self.W.reshape(len(self.W), size), Y.reshape(len(Y), size)
        for _ in range(2):
            rest = rest - (rest @ W.T) @ W
        return rest.reshape(Y.shape)

    def with_left(self, moments: Array, V: Array) -> Array:
        """U_(v,a) . Y_c for U of queries V (b, k, p), from moments R^T D_q Y_c (k, parts, c): (b, p, c)."""
        units = [
            sum(V[:, :, other] @ moments[:, self.index[a, other]] for other in range(self.p)) for a in range(self.p)
        ]
        return np.stack([np.asarray(unit) for unit in units], axis=1)

    def _kept_rows(self, products: Array) -> Array:
        """Rows (queries, p, c) of the kept left directions, in their order: (l, c)."""
        rows: Array = products[self.kept[:, 0], self.kept[:, 1]]
        return rows

    def add_queries(self, V: Array, E: Array, sums: GramErrors | None = None, finer: Finer | None = None) -> int:
        """Append queries V (b, k, p), E = R^T D_q U_V (k, parts, b p); return the number of new left directions.

        Parameters
        ----------
        V, E : array
        sums : GramErrors, optional; of E, those of float64 sums by default
        finer : Finer, optional
            Asked where E cannot tell how much of a query is new. Collective then.

        Raises
        ------
        InputError
            If a query is not resolved (see `resolved`).
        """
        b, p = len(V), self.p
        C = self.in_kept(self.with_left(E, self.W))
        own = self.with_left(E, V).reshape(b * p, b * p)
        before, first = len(self.W), len(self.L)
        self.W = np.concatenate([self.W, V])
        self.hidden = np.concatenate([self.hidden, np.zeros((b, p))])
        # Column j: coordinates of U_j in P.
        rows = np.concatenate([C, np.zeros((b * p, b * p))])
        block = Block(0.5 * (own + own.T), rows, sums or GramErrors(), finer)
        block.terms = block.sums.terms(self.W, self.B)
        block.least = _LEAST * self.tolerance * self.scale()
        kept = np.sqrt((self.L**2).sum(axis=1))  # lengths of the kept ones
        longest = max(float(block.sizes.max(initial=0.0)), float(kept.max(initial=0.0)))
        for j in range(b * p):
            if len(self.L) < self.m:  # else nothing is outside
                self._add(block, j, before, longest)
        return len(self.L) - first

    def _add(self, block: Block, j: int, before: int, longest: float) -> None:
        """Make column j of a block a left direction, or say what it hides."""
        query, unit, found = before + j // self.p, j % self.p, len(self.L)
        kept = np.sqrt((self.L**2).sum(axis=1))
        along = block.rows[:found, j]
        rest = float(block.gram[j, j] - along @ along)
        # U_j - sum_i y_i U_i is what is new: its length, from a Gram matrix, is known up to this.
        y = np.abs(self._in_queries(along))
        terms = block.sums.combined(block.terms[query], y, block.terms[self.kept[:, 0]])
        unsure = block.sums.unsure(terms, float(block.sizes[j] + y @ kept), y, self.p)
        later = block.gram[j, j + 1 :] - along @ block.rows[:found, j + 1 :]
        finer = block.finer
        if finer is not None and finer.agreed(self.formed or not rest > finer.enough * unsure):
            bound = math.sqrt(max(rest, 0.0) + unsure + _NEARLY * float(along @ along))
            products, more, rest, unsure = self._formed(query, unit, along, bound, finer)
            # Where queries coincide (D of one shape for all samples) coefficients cancel, and leave their rounding.
            lost = _U * float(block.sizes[j] + y @ kept)
            unsure += lost * (4.0 * math.sqrt(max(rest, 0.0)) + lost)
            self.formed |= rest > max(_NEWS * unsure, block.least**2)
            later = products[before:].reshape(-1)[j + 1 :] - more @ block.rows[:found, j + 1 :]
        if self.resolved and rest < (self.resolved * longest) ** 2:
            raise InputError(
                "left queries are nearly dependent, too much for float32 sums: take storage float64 or a "
                "smaller block"
            )
        if rest <= max(_NEWS * unsure, block.least**2):  # not to ask is always right: X says nothing about it yet
            self.hidden[query, unit] = math.sqrt(max(rest, 0.0) + unsure)
            return
        length = math.sqrt(rest)
        block.rows[found, j] = length
        block.rows[found, j + 1 :] = later / length
        grown = np.zeros((found + 1, found + 1))
        grown[:found, :found] = self.L
        grown[found] = block.rows[: found + 1, j]
        self.L = grown
        self.kept = np.concatenate([self.kept, [[query, unit]]])

    def _formed(
        self, query: int, unit: int, along: Array, bound: float, finer: Finer
    ) -> tuple[Array, Array, float, float]:
        """Project a left query again, as its remainder U' itself: Gram-Schmidt, twice or more; corrects `along`.

        Returns
        -------
        (queries, p) array, (l,) array, float, float
            Products of U' with all U, its coordinates in P, the square of its length outside and the error of that.
        """
        for _ in range(_SWEEPS):
            h = np.zeros((len(self.W), self.p, 1))
            h[self.kept[:, 0], self.kept[:, 1], 0] = -self._in_queries(along)
            h[query, unit] += 1.0
            E, own, unsure = finer.remainder(self.combined(h), bound)
            products = self.with_left(E, self.W)
            more = self.in_kept(products)[:, 0]
            along += more
            rest = own - float(more @ more)
            bound = math.sqrt(max(rest, 0.0) + unsure + _NEARLY * float(more @ more))
            if finer.agreed(rest > 0.5 * own):
                break
        return products[:, :, 0], more, rest, unsure

    def in_kept(self, products: Array) -> Array:
        """P^T Y from products of U with Y (queries, p, c): (l, c)."""
        rows = self._kept_rows(products)
        result: Array = scipy.linalg.solve_triangular(self.L, rows, lower=True) if len(rows) else rows
        return result

    def _in_queries(self, coordinates: Array) -> Array:
        """L^-T times coordinates in P: those in the kept U."""
        if not len(coordinates):
            return coordinates
        result: Array = scipy.linalg.solve_triangular(self.L, coordinates, lower=True, trans="T")
        return result

    def combined(self, h: Array) -> Array:
        """G (k, parts, c) with sum_q D_q R G_(q,j) = sum_(v,a) U_(v,a) h_(v,a,j), for h (queries, p, c)."""
        G = np.zeros((self.k, int(self.index.max()) + 1, h.shape[2]))
        for a in range(self.p):
            for other in range(self.p):
                G[:, self.index[a, other]] += self.W[:, :, other].T @ h[:, a]
        return G

    def of_left(self, coordinates: Array) -> Array:
        """G, as in `combined`, of P times coordinates (l, c)."""
        h = np.zeros((len(self.W), self.p, coordinates.shape[1]))
        h[self.kept[:, 0], self.kept[:, 1]] = self._in_queries(coordinates)
        return self.combined(h)

    def hides(self, vectors: Array) -> Array:
        """Length that the left images of block vectors (r, k, p) in the queried space may have outside P: (r,)."""
        if len(self.L) == self.m:
            return np.zeros(len(vectors))
        along = vectors.reshape(len(vectors), -1) @ self.W.reshape(len(self.W), -1).T
        result: Array = np.sqrt(((np.abs(along) @ self.hidden) ** 2).sum(axis=1))
        return result

    def next_images(self, new: int, T: Array) -> Array:
        """Coefficients G (k, parts, count) of the next images: Xi - P P^T Xi + P_new T^T (docs/deferred.md, step 3).

        Parameters
        ----------
        new : int
            Left directions found last: their images span the new directions, T is their triangular factor. With
            none the queried space is invariant, and the next directions are uniform in the complement.
        T : (count, new) array
            Of the new directions (see Levels).
        """
        if not len(self.L):
            return np.zeros((self.k, int(self.index.max()) + 1, len(T)))
        H = -self.in_kept(self.with_left(self.F[:, :, : len(T)], self.W))
        if new:
            H[-new:] += T.T
        return self.of_left(H)

    def scale(self) -> float:
        """Mean of |A_ii|: the size of H apart from its few largest eigenvalues."""
        return float(np.abs(np.einsum("iaia->ia", self.A)).mean())

    def ritz(self, count: int) -> tuple[Array, Array]:
        """Lowest Ritz values of H in span(Q) (x) R^p and their unit vectors, (r,) and (r, k, p), r <= count."""
        size = self.k * self.p
        last = min(count, size) - 1
        values, vectors = scipy.linalg.eigh(self.A.reshape(size, size), subset_by_index=[0, last])
        return values, np.ascontiguousarray(vectors.T).reshape(-1, self.k, self.p)
