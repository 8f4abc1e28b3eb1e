"""Passes of a block Lanczos step: images R and an orthonormal basis P of left directions, both kept.

A panel is PANEL consecutive samples; what it adds to a sum is rounded to fixed point: the same on any number of
ranks. What the passes do is compiled (`strips`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.ranks import Group
from hpcbbp.model.curvature import Curvature
from hpcbbp.solvers.deferred import strips
from hpcbbp.solvers.deferred.fixed import Sum
from hpcbbp.solvers.deferred.floors import storage_bytes
from hpcbbp.solvers.deferred.images import Images
from hpcbbp.solvers.deferred.strips import PANEL

Array = NDArray[np.float64]
Floats = NDArray[Any]

_SLACK = {"float64": 1e-12, "float32": 1e-4}


@dataclass(frozen=True)
class Exact:
    """H of b block vectors v, with U = D R v, in float64.

    Attributes
    ----------
    product : (b, k, p) array
        H v in the directions met.
    sizes, outside : (b,) arrays
        |U|, and what of it lies outside P.
    terms : (b,) array
        Size of U if signs were random, (sum_mu |D_mu|^2 sum_i |v_i|^2 R_mui^2)^(1/2): what rounding acts on.
    """

    product: Array
    sizes: Array
    outside: Array
    terms: Array


class Bases(Images):
    """R, P and D, this rank's samples, with the passes over them. All methods are collective.

    Attributes
    ----------
    P : (capacity, rows) array
        Orthonormal left directions, in the arithmetic of panels with every storage: what a rounded one lost would be
        a part of left queries that nobody knows of.
    left : int
        How many there are.
    arithmetic : dtype
        Of sums within a strip.
    U : (l, rows) array
        Left queries that are being worked on, in float64 with every storage: what rounding makes of them is unknown.
    fresh : (c, rows) array
        Images to be, under way.
    whole : (p + p*, rows) array or None
        Projections of the weights that curvatures are being taken at, where these have many coordinates.
    """

    def __init__(
        self, n: int, m: int, seed: int, p: int, capacity: int, storage: str, group: Group, largest_root: float = 1.0
    ) -> None:
        number = "float64" if storage_bytes(storage) == 8 else "float32"
        strips.prepare(storage, number)
        super().__init__(n, m, seed, p, capacity, storage, group, largest_root, number, PANEL)
        self.P = np.empty((capacity, self.rows), dtype=self.number)
        self.left = 0
        self.arithmetic = self.number
        self.U = np.zeros((0, self.rows))
        self.diagonal, self.vector = (np.zeros((p, self.rows)) for _ in range(2))
        self.weight = np.zeros(self.rows)
        self.whole: Array | None = None

    def _keep(self, D: Curvature, panels: tuple[int, int]) -> float:
        """Take D of some local panels, and return the largest row sum of a |D_mu|."""
        here = slice(panels[0] * PANEL, panels[1] * PANEL)
        self.diagonal[:, here], self.vector[:, here], self.weight[here] = D.diagonal.T, D.vector.T, D.weight
        with np.errstate(over="ignore", invalid="ignore"):
            along = np.abs(D.weight)[:, None] * np.abs(D.vector) * np.abs(D.vector).sum(axis=1)[:, None]
            return float((np.abs(D.diagonal) + along).max(initial=0.0))

    @contextmanager
    def fine(self) -> Iterator[None]:
        """Take all sums in float64 meanwhile."""
        usual, self.arithmetic = self.arithmetic, np.dtype(np.float64)
        try:
            yield
        finally:
            self.arithmetic = usual

    def ask(self, V: Array, count: int) -> tuple[Array, Array, Array, Array]:
        """Form U = D R V of block vectors and draw fresh numbers of as many directions as may be new.

        Parameters
        ----------
        V : (b, k, p) array
        count : int

        Returns
        -------
        (k, b p), (l, b p), (l, count), (b p,) arrays
            X^T U in the directions met, P^T U, P^T Xi, |U|^2.
        """
        b, k, p = V.shape
        self.U = np.empty((b * p, self.rows))
        self._draw(count)
        sums = [
            Sum((k, b * p), self.largest * self.norm**2),
            Sum((self.left, b * p), self.largest * self.norm),
            Sum((self.left, count), self.norm),
            Sum((1, b * p), (self.largest * self.norm) ** 2),
        ]
        factors = np.array([part.factor for part in sums])
        strips.ask(
            self.R, self.scale, k, self.P, self.left, self.diagonal, self.vector, self.weight, self._rooted(V),
            self.fresh, self.U, bool(self.limit), factors, *(part.integers for part in sums),
        )  # fmt: skip
        found = [part.total(self.group) for part in sums]
        return self.roots[:k, None] * found[0], found[1], found[2], found[3][0]

    def meets(self, U: Array, longest: float) -> tuple[Array, Array, Array]:
        """Take left vectors (c, rows), no longer than some bound, as left queries; R has to be float.

        Returns
        -------
        (k, c), (l, c), (c,) arrays
            X^T U in the directions met, P^T U, |U|^2.
        """
        self.U = np.ascontiguousarray(U, dtype=np.float64)
        product, own = Sum((self.count, len(U)), longest * self.norm), Sum((len(U),), longest**2)
        strips.overlaps(self.R, self.count, self.U, product.factor, product.integers)
        squares = (self.U.reshape(len(U), -1, PANEL) ** 2).sum(axis=2)
        own.integers += np.rint(squares * own.factor).astype(np.int64).sum(axis=1)
        found = self.roots[: self.count, None] * product.total(self.group)
        return found, self.overlaps(longest), own.total(self.group)

    def total(self, values: Array) -> float:
        """Sum over all samples of one number each, of this rank's; nan if one is no number."""
        if self.group.smallest(float(np.isfinite(values).all())) == 0.0:
            return math.nan
        largest = self.group.largest(float(np.abs(values).max(initial=0.0)))
        padded = np.pad(values, (0, self.rows - len(values))).reshape(-1, PANEL)
        found = Sum((1,), largest * self.m)
        found.integers += np.rint(padded.sum(axis=1) * found.factor).astype(np.int64).sum()
        return float(found.total(self.group)[0])

    def along(self, W: Array) -> Array:
        """X W of columns in the first directions, (k, c), as rows (c, rows), in float64; R has to be float."""
        C, none = -(self.roots[: len(W), None] * W).T, np.zeros((0, self.rows), dtype=self.number)
        out, unused = np.zeros((len(C), self.rows)), np.zeros((len(C), len(C)), dtype=np.int64)
        strips.take_out(
            self.R, len(W), np.ascontiguousarray(C), out, none, np.zeros(2), unused, unused[:, :0].copy()
        )  # fmt: skip
        return out

    def projected(self, weights: Array, panels: tuple[int, int]) -> Array:
        """As of all images; from `whole` where that is there, whose bits do not depend on a BLAS and its shapes."""
        if self.whole is None:
            return super().projected(weights, panels)
        return self.whole[:, panels[0] * PANEL : panels[1] * PANEL].T

    def rounded(self, V: Array) -> Array:
        """Block vectors (b, k, p) whose coefficients of R passes take as they are: rounded to their arithmetic."""
        roots, (b, k, p) = self.roots[: V.shape[1], None], V.shape
        near: Array = self._rooted(V).astype(np.float64).reshape(b, p, k).transpose(0, 2, 1) / roots
        return near

    def _rooted(self, V: Array) -> Floats:
        """Block vectors (b, k, p) as rows v p + l in terms of R, (b p, k)."""
        b, k, p = V.shape
        rows = (self.roots[:k, None] * V).transpose(0, 2, 1).reshape(b * p, k)
        return np.ascontiguousarray(rows, dtype=self.arithmetic)

    def _draw(self, count: int) -> None:
        """Fresh numbers of the next directions."""
        self.fresh = np.empty((count, self.rows), dtype=self.number)
        for panels in self._chunks():
            for j in range(count):
                self.fresh[j, panels[0] * PANEL : panels[1] * PANEL] = self._normals(self.count + j, panels)

    def draw(self, count: int) -> Array:
        """Draw fresh numbers alone, and return P^T Xi, (l, count)."""
        self._draw(count)
        found = Sum((self.left, count), self.norm)
        strips.overlaps(self.P, self.left, self.fresh, found.factor, found.integers)
        return found.total(self.group)

    def take_out(self, h: Array, Xi: Array | None, sizes: Array) -> tuple[Array, Array]:
        """Subtract P times coefficients from left queries, and from fresh numbers; what is left of them.

        Parameters
        ----------
        h, Xi : (l, b p), (l, c) arrays
            None: fresh numbers stay as they are.
        sizes : (b p,) array
            Bounds of the |U|.

        Returns
        -------
        (b p, b p), (b p, c) arrays
            U^T U and U^T Xi of the rests, summed in float64.
        """
        taken = np.ascontiguousarray((h if Xi is None else np.concatenate([h, Xi], axis=1)).T, dtype=self.arithmetic)
        queries, longest = h.shape[1], float(sizes.max(initial=0.0))
        gram, cross = Sum((queries, queries), longest**2), Sum((queries, len(self.fresh)), longest * self.norm)
        factors = np.array([gram.factor, cross.factor])
        strips.take_out(self.P, self.left, taken, self.U, self.fresh, factors, gram.integers, cross.integers)
        return gram.total(self.group), cross.total(self.group)

    def overlaps(self, longest: float = 0.0) -> Array:
        """P^T U of the left queries as they are now, no longer than some bound, (l, queries)."""
        found = Sum((self.left, len(self.U)), longest or self.largest * self.norm)
        strips.overlaps(self.P, self.left, self.U, found.factor, found.integers)
        return found.total(self.group)

    def append_left(self, queries: NDArray[np.int64], inverse: Array) -> None:
        """New left directions: combinations (queries, new) of some of the left queries."""
        turned = np.zeros((inverse.shape[1], len(self.U)))
        turned[:, queries] = inverse.T
        new = len(turned)
        if self.left + new > len(self.P):  # where directions are used up there are more left ones
            self.P = np.concatenate([self.P, np.empty((new, self.rows), dtype=self.number)])
        strips.append_left(self.P, self.left, turned, self.U)
        self.left += new

    def append_images(self, Xi: Array, T: Array) -> None:
        """New images: Xi minus the part along the newest left directions, and T times those.

        Parameters
        ----------
        Xi, T : (c, new) arrays
            Overlaps of fresh numbers with the newest left directions; X^T of these in the new directions.
        """
        count, new = T.shape
        mixed, first = np.ascontiguousarray(T - Xi[:count]), self.left - new
        strips.add_left(self.P, first, mixed, self.fresh)
        for j in range(count):
            for panel in range(len(self.panels)):
                self._store(self.count + j, panel, self.fresh[j, panel * PANEL : (panel + 1) * PANEL])
        self.count += count

    def forget(self) -> None:
        """Let go of left queries and of fresh numbers that did not become images."""
        self.U, self.fresh = self.U[:0], self.fresh[:0]

    def exact(self, V: Array) -> Exact:
        """H of block vectors (b, k, p) and what is not known of it."""
        b, k, p = V.shape
        shares = np.ascontiguousarray(((self.roots[:k, None] * V) ** 2).sum(axis=2))
        with self.fine():
            product, h, _, squared = self.ask(V, 0)
            whole = np.repeat(squared.reshape(b, p).sum(axis=1), p)
            bounds = np.maximum(squared - (h**2).sum(axis=0), 0.0) + _SLACK[self.number.name] * whole
            gram, _ = self.take_out(h, None, np.sqrt(bounds))
            again = self.overlaps()  # P^T P is 1 to rounding
        self.forget()
        quanta = self.all_panels * bounds.max(initial=0.0) * 2.0**-61
        beyond = np.maximum(gram.diagonal() - (again**2).sum(axis=0), 0.0) + quanta
        terms = Sum((1, b), p * (self.largest * self.norm) ** 2)
        strips.spread(self.R, self.scale, k, shares, self._energy(), float(terms.factor), terms.integers)
        sizes, outside = (np.sqrt(part.reshape(b, p).sum(axis=1)) for part in (squared, beyond))
        product = product.reshape(k, b, p).transpose(1, 0, 2)
        return Exact(product, sizes, outside, np.sqrt(terms.total(self.group)[0]))

    def _energy(self) -> Array:
        """|D_mu|^2 of this rank's samples, (rows,)."""
        d, x2, w = self.diagonal, self.vector**2, self.weight
        energy: Array = (d**2).sum(axis=0) + 2.0 * w * (d * x2).sum(axis=0) + (w * x2.sum(axis=0)) ** 2
        return energy

    def gram(self, z: Array) -> Array:
        """P^T P z for (l, r) vectors, in float64."""
        longest = 64.0 * float(np.linalg.norm(z, axis=0).max(initial=0.0))
        self.forget()
        self.U = np.zeros((z.shape[1], self.rows))
        with self.fine():
            self.take_out(-z, None, np.full(z.shape[1], longest))
            found = self.overlaps(longest)
        self.forget()
        return found
