"""Passes of a block Lanczos step: images R and an orthonormal basis P of left directions, both kept.

A panel is PANEL consecutive samples. What a panel adds to a sum is a product of BLAS, rounded to fixed point: the
same on any number of ranks, as long as BLAS has one thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.ranks import Group
from hpcbbp.model.curvature import Curvature
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.deferred.fixed import Sum, squares
from hpcbbp.solvers.deferred.floors import storage_bytes
from hpcbbp.solvers.deferred.images import Images

Array = NDArray[np.float64]
Floats = NDArray[Any]

PANEL = 2048
"""Samples in a panel; part of what a seed means (it fixes roundings)."""


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
    U : (l, rows) array
        Left queries that are being worked on.
    fresh : (c, rows) array
        Images to be, under way.
    """

    def __init__(
        self, n: int, m: int, seed: int, p: int, capacity: int, storage: str, group: Group, largest_root: float = 1.0
    ) -> None:
        number = "float64" if storage_bytes(storage) == 8 else "float32"
        super().__init__(n, m, seed, p, capacity, storage, group, largest_root, number, PANEL)
        self.P = np.empty((capacity, self.rows), dtype=self.number)
        self.left = 0
        self.U = np.zeros((0, self.rows), dtype=self.number)
        self.diagonal, self.vector = (np.zeros((p, self.rows), dtype=self.number) for _ in range(2))
        self.weight = np.zeros(self.rows, dtype=self.number)

    def _store(self, i: int, panel: int, r: Floats) -> None:
        """Write r into R[i] over one panel; int16 as integers with one scale."""
        here = slice(panel * PANEL, (panel + 1) * PANEL)
        largest = np.abs(r).max(initial=0)
        if self.limit and largest > 0:
            unit = self.number.type(largest / self.limit)
            self.scale[i, panel] = unit
            self.R[i, here] = np.rint(r / unit)
            r[:] = self.R[i, here] * unit
        else:
            self.R[i, here] = r
            r[:] = self.R[i, here]

    def _keep(self, D: Curvature, panels: tuple[int, int]) -> float:
        """Take D of some local panels, and return the largest row sum of a |D_mu|."""
        here = slice(panels[0] * PANEL, panels[1] * PANEL)
        self.diagonal[:, here], self.vector[:, here], self.weight[here] = D.diagonal.T, D.vector.T, D.weight
        with np.errstate(over="ignore", invalid="ignore"):
            along = np.abs(D.weight)[:, None] * np.abs(D.vector) * np.abs(D.vector).sum(axis=1)[:, None]
            return float((np.abs(D.diagonal) + along).max(initial=0.0))

    def _panels(self) -> list[tuple[int, slice]]:
        """Local panels and their samples."""
        return [(panel, slice(panel * PANEL, (panel + 1) * PANEL)) for panel in range(len(self.panels))]

    def _known(self, panel: int, here: slice, number: Any = None) -> Floats:
        """Images of all directions met over one panel, in the arithmetic of panels: (k, PANEL)."""
        stored = self.R[: self.count, here]
        images: Floats = stored.astype(number or self.number, copy=False)
        return images * self.scale[: self.count, panel, None].astype(images.dtype) if self.limit else images

    def _curved(self, Z: Floats, here: slice) -> Floats:
        """D Z over one panel, Z (b p, PANEL) with row v p + l."""
        d, x = self.diagonal[:, here], self.vector[:, here]
        block = Z.reshape(-1, self.p, Z.shape[1])
        along = (block * x).sum(axis=1) * self.weight[here]
        curved: Floats = (d * block + along[:, None] * x).reshape(Z.shape)
        return curved

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
        self.U = np.empty((b * p, self.rows), dtype=self.number)
        self._draw(count)
        flat = self._rooted(V)
        inner, outer, drawn, own = (
            Sum(shape, bound)
            for shape, bound in (
                ((k, b * p), self.largest * self.norm**2), ((self.left, b * p), self.largest * self.norm),
                ((self.left, count), self.norm), ((1, b * p), (self.largest * self.norm) ** 2),
            )
        )  # fmt: skip
        for panel, here in self._panels():
            R, P = self._known(panel, here), self.P[: self.left, here]
            U = self._curved(flat @ R, here)
            self.U[:, here] = U
            inner.add(R @ U.T)
            outer.add(P @ U.T)
            drawn.add(P @ self.fresh[:, here].T)
            own.add(squares(U))
        found = [part.total(self.group) for part in (inner, outer, drawn, own)]
        return self.roots[:k, None] * found[0], found[1], found[2], found[3][0]

    def _rooted(self, V: Array) -> Floats:
        """Block vectors (b, k, p) as rows v p + l in terms of R, (b p, k)."""
        b, k, p = V.shape
        rows = (self.roots[:k, None] * V).transpose(0, 2, 1).reshape(b * p, k)
        return np.ascontiguousarray(rows, dtype=self.number)

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
        for _, here in self._panels():
            found.add(self.P[: self.left, here] @ self.fresh[:, here].T)
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
        both = np.ascontiguousarray((h if Xi is None else np.concatenate([h, Xi], axis=1)).T, dtype=self.number)
        queries, longest = h.shape[1], float(sizes.max(initial=0.0))
        gram, cross = Sum((queries, queries), longest**2), Sum((queries, len(self.fresh)), longest * self.norm)
        for _, here in self._panels():
            out = both @ self.P[: self.left, here]
            rest = self.U[:, here]
            rest -= out[:queries]
            if Xi is not None:
                self.fresh[:, here] -= out[queries:]
            wide = rest.astype(np.float64)
            gram.add(wide @ wide.T)
            cross.add(wide @ self.fresh[:, here].T.astype(np.float64))
        return gram.total(self.group), cross.total(self.group)

    def overlaps(self) -> Array:
        """P^T U of the left queries as they are now, (l, queries)."""
        found = Sum((self.left, len(self.U)), self.largest * self.norm)
        for _, here in self._panels():
            found.add(self.P[: self.left, here] @ self.U[:, here].T)
        return found.total(self.group)

    def append_left(self, queries: NDArray[np.int64], inverse: Array) -> None:
        """New left directions: combinations (queries, new) of some of the left queries."""
        turned, new = np.ascontiguousarray(inverse.T, dtype=self.number), inverse.shape[1]
        if self.left + new > len(self.P):  # where directions are used up there are more left ones
            self.P = np.concatenate([self.P, np.empty((new, self.rows), dtype=self.number)])
        for _, here in self._panels():
            self.P[self.left : self.left + new, here] = turned @ self.U[queries, here]
        self.left += new

    def append_images(self, Xi: Array, T: Array) -> None:
        """New images: Xi minus the part along the newest left directions, and T times those.

        Parameters
        ----------
        Xi, T : (c, new) arrays
            Overlaps of fresh numbers with the newest left directions; X^T of these in the new directions.
        """
        count, new = T.shape
        mixed = np.ascontiguousarray(T - Xi[:count], dtype=self.number)
        for panel, here in self._panels():
            images = self.fresh[:count, here] + mixed @ self.P[self.left - new : self.left, here]
            for j in range(count):
                self._store(self.count + j, panel, images[j])
        self.count += count

    def forget(self) -> None:
        """Let go of left queries and of fresh numbers that did not become images."""
        self.U, self.fresh = self.U[:0], self.fresh[:0]

    def exact(self, problem: Problem, weights: Array, V: Array) -> Exact:
        """H V and what is not known of it; problem, weights as for set_curvature, V (b, k, p)."""
        b, k, p = V.shape
        rooted = self.roots[:k, None] * V
        flat, shares = rooted.transpose(0, 2, 1).reshape(b * p, k), (rooted**2).sum(axis=2)
        bound = self.largest * self.norm
        inner, outer = Sum((k, b * p), bound * self.norm), Sum((self.left, b * p), bound)
        own, terms = Sum((1, b * p), bound**2), Sum((b,), p * bound**2)
        for panel, here, U, D2 in self._left(problem, weights, flat):
            R = self._known(panel, here, np.float64)
            inner.add(R @ U.T)
            outer.add(self.P[: self.left, here].astype(np.float64) @ U.T)
            own.add(squares(U))
            terms.add(shares @ (R**2 @ D2))
        h, squared = outer.total(self.group), own.total(self.group)[0]
        whole = np.repeat(squared.reshape(b, p).sum(axis=1), p)
        slack = _SLACK[self.number.name] * whole  # of P^T P - 1
        rest = Sum((1, b * p), np.maximum(squared - (h**2).sum(axis=0), 0.0) + slack)
        for _, here, U, _ in self._left(problem, weights, flat):
            rest.add(squares(U - h.T @ self.P[: self.left, here].astype(np.float64)))
        product = (self.roots[:k, None] * inner.total(self.group)).reshape(k, b, p).transpose(1, 0, 2)
        beyond = rest.total(self.group)[0] + rest.quantum * self.all_panels
        sizes, outside = (np.sqrt(part.reshape(b, p).sum(axis=1)) for part in (squared, beyond))
        return Exact(product, sizes, outside, np.sqrt(terms.total(self.group)))

    def _left(self, problem: Problem, weights: Array, flat: Array) -> Iterator[tuple[int, slice, Array, Array]]:
        """U = D R V over local panels in float64, with D anew, and |D_mu|^2."""
        for panel, here in self._panels():
            D = self._curvature(problem, weights, (panel, panel + 1))
            Z = (flat @ self._known(panel, here, np.float64)).reshape(-1, self.p, PANEL)
            along = (Z * D.vector.T).sum(axis=1) * D.weight
            U = (D.diagonal.T * Z + along[:, None] * D.vector.T).reshape(-1, PANEL)
            yield panel, here, U, (D.dense() ** 2).sum(axis=(1, 2))

    def gram(self, z: Array) -> Array:
        """P^T P z for (l, r) vectors, in float64."""
        found = Sum(z.shape, float(np.linalg.norm(z, axis=0).max(initial=0.0)) * 64.0)
        for _, here in self._panels():
            P = self.P[: self.left, here].astype(np.float64)
            found.add(P @ (P.T @ z))
        return found.total(self.group)
