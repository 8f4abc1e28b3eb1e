"""The dice matrix: a Gaussian X that is never formed, revealed direction by direction as products ask for it.

Y. M. Lu, "Householder Dice", arXiv:2101.07464, in Gram-Schmidt form. What is known of X after some products is
R = X Q for orthonormal directions Q of R^N and S = X^T P for orthonormal directions P of R^M. Given that, the rest of
X is Gaussian and independent, so a product with a new unit direction q orthogonal to Q is

    X q = (1 - P P^T) xi + P (S^T q),      xi fresh, i.i.d. N(0, 1/N),

and X^T is the mirror image: exactly the law of a stored X, for any history of products (docs/dice.md).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.data import kernels
from hpcbbp.data.base import Array, DataMatrix
from hpcbbp.data.stored import storage_type
from hpcbbp.machine.memory import require
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import check_seed, fill_normals
from hpcbbp.model.covariance import Covariance, check_law, eigenvalues_of

_CHUNK = 32  # directions allocated at a time: growth never copies


class Rows:
    """A growing list of long vectors, this rank's part of each, in chunks of rows."""

    def __init__(self, length: int, dtype: np.dtype[Any]) -> None:
        self.length, self.dtype = length, dtype
        self.count = 0
        self._chunks: list[NDArray[Any]] = []

    def __len__(self) -> int:
        """Vectors."""
        return self.count

    def __getitem__(self, i: int) -> NDArray[Any]:
        """Vector i."""
        if not 0 <= i < self.count:
            raise IndexError(i)
        vector: NDArray[Any] = self._chunks[i // _CHUNK][i % _CHUNK]
        return vector

    def clear(self) -> None:
        """Let go of all vectors."""
        self.count = 0

    def append(self, vectors: Array) -> None:
        """Add vectors, (r, length)."""
        for vector in vectors:
            if self.count == _CHUNK * len(self._chunks):
                self._chunks.append(np.empty((_CHUNK, self.length), dtype=self.dtype))
            self._chunks[-1][self.count % _CHUNK] = vector
            self.count += 1

    def chunks(self, new: int) -> int:
        """Chunks to be allocated when that many vectors are added; the same on all ranks."""
        return max(0, -(-(self.count + new) // _CHUNK) - len(self._chunks))

    def growth(self, new: int) -> int:
        """Bytes to be allocated on this rank when that many vectors are added."""
        return self.chunks(new) * _CHUNK * self.length * self.dtype.itemsize

    def _used(self) -> list[NDArray[Any]]:
        return [chunk[: self.count - _CHUNK * i] for i, chunk in enumerate(self._chunks)]

    def dot(self, V: Array) -> Array:
        """Inner products with vectors (b, length), of this rank's parts: (count, b)."""
        parts = [kernels.dots_by_columns(chunk, V) for chunk in self._used()]
        return np.concatenate(parts) if parts else np.zeros((0, len(V)))

    def add_combination(self, C: Array, W: Array) -> None:
        """W += C^T rows, W (b, length) in place; C is (count, b)."""
        for i, chunk in enumerate(self._used()):
            kernels.add_by_columns(chunk, np.ascontiguousarray(C[_CHUNK * i : _CHUNK * i + len(chunk)]), W)


class Side:
    """Directions met on one side of X, and what X makes of them on the other side.

    Attributes
    ----------
    basis : Rows
        Orthonormal directions (Q or P).
    images : Rows
        X Q, or X^T P.
    stream : str
        Where fresh numbers come from, by global index: draw j of direction j M + mu (or j N + i).
    """

    def __init__(self, near: range, far: range, far_total: int, dtype: np.dtype[Any], stream: str) -> None:
        self.basis = Rows(len(near), dtype)
        self.images = Rows(len(far), dtype)
        self.far, self.far_total, self.stream = far, far_total, stream


class DiceData(DataMatrix):
    """Gaussian X, never formed; every product is consistent with all those before it.

    The realised X depends on the history of products; two solves with one object see one and the same X.

    Parameters
    ----------
    n, m : int
        Dimension N and number of samples M.
    seed : int
        Of the streams "reveal-right" and "reveal-left".
    storage : {"float64", "float32"}
        Number type of the state; all sums are float64. With float32 the operator is linear and symmetric to ~ 1e-7,
        and so are the residuals that can be reached.
    group : Group, optional
        One process by default.
    covariance : Covariance, optional
        Sigma, diagonal: what is drawn is X Sigma^(-1/2). The identity by default.

    Examples
    --------
    >>> X, v = DiceData(n=1000, m=3000, seed=0), np.ones((1000, 1))
    >>> bool(np.allclose(X.project(2 * v), 2 * X.project(v))), X.directions
    (True, (1, 0))
    """

    def __init__(
        self,
        n: int,
        m: int,
        seed: int,
        storage: str = "float64",
        group: Group | None = None,
        covariance: Covariance | None = None,
    ) -> None:
        super().__init__(n, m, Group.chosen(group))
        self.seed = check_seed(seed)
        kernels.prepare()
        dtype = storage_type(storage)
        self.storage, self.fixed = storage, False
        # A vector whose part outside the known directions is smaller than this is known: rounding, not news.
        self.known = 1e-11 if dtype.itemsize == 8 else 3e-6
        self.right = Side(self.columns, self.rows, m, dtype, "reveal-right")
        self.left = Side(self.rows, self.columns, n, dtype, "reveal-left")
        self._roots: Array | None = None
        if covariance is not None:
            check_law(covariance, self.n)  # of all coordinates, on all ranks alike
            self._roots = np.sqrt(eigenvalues_of(covariance, self.n, self.columns))[:, None]
            self.largest = float(self.group.largest(float(self._roots.max(initial=1.0))))

    @property
    def directions(self) -> tuple[int, int]:
        """Directions revealed on the N side and on the M side."""
        return self.right.basis.count, self.left.basis.count

    def known_vectors(self) -> dict[str, tuple[Rows, range, int]]:
        """All that is known of X, by name: this rank's part of the vectors, which part it is, and their length."""
        near, far = (self.columns, self.n), (self.rows, self.m)
        return {
            "right directions": (self.right.basis, *near), "right images": (self.right.images, *far),
            "left directions": (self.left.basis, *far), "left images": (self.left.images, *near),
        }  # fmt: skip

    def _project(self, V: Array) -> Array:
        return self._product(self.right, self.left, V if self._roots is None else self._roots * V)

    def _adjoint(self, U: Array) -> Array:
        found = self._product(self.left, self.right, U)
        return found if self._roots is None else self._roots * found

    def _product(self, side: Side, other: Side, block: Array) -> Array:
        """X V with side = right, X^T U with side = left; columns of the block are the vectors."""
        V = np.ascontiguousarray(block.T)
        C, T, new = self._split(side, V)
        out = np.zeros((len(V), len(side.far)))
        side.images.add_combination(C, out)
        if len(new):
            self._room(side, len(new))
            images = self._reveal(side, other, new)
            out += T.T @ images
            side.basis.append(new)
            side.images.append(images)
        return out.T

    def _room(self, side: Side, new: int) -> None:
        """Raise InputError, on all ranks, before the state outgrows the memory of a node. Collective."""
        if side.basis.chunks(new):  # asked of the counts: a rank without rows and columns has nothing to allocate
            require(
                side.basis.growth(new) + side.images.growth(new),
                self.group,
                f"{self.directions[0]} + {self.directions[1]} directions are revealed, the state cannot grow; take "
                "a looser tol, a smaller nev, storage float32, a smaller N, or ranks on more nodes",
            )

    def _split(self, side: Side, V: Array) -> tuple[Array, Array, Array]:
        """V^T = basis^T C + new^T T with orthonormal new directions outside the basis, none for what is known.

        Gram-Schmidt against the basis, a second sweep only where the first cancelled ("twice is enough").
        """
        group = self.group
        before = group.sum(np.einsum("bn,bn->b", V, V))
        C = group.sum(side.basis.dot(V))
        W = V.copy()
        side.basis.add_combination(-C, W)
        gram = group.sum(W @ W.T)
        if np.any(np.diag(gram) < 0.25 * before):
            correction = group.sum(side.basis.dot(W))
            side.basis.add_combination(-correction, W)
            C += correction
            gram = group.sum(W @ W.T)
        scale = np.sqrt(before)
        scale[scale == 0.0] = 1.0
        new, T = W / scale[:, None], np.diag(scale)
        gram = gram / np.outer(scale, scale)
        for lowest in (self.known, 0.5):  # Cholesky-QR twice; by then only directions that are sound are left
            inverse, factor = independent(gram, lowest)
            new, T = inverse @ new, factor @ T
            gram = group.sum(new @ new.T)
        return C, T, new

    def _reveal(self, side: Side, other: Side, new: Array) -> Array:
        """Images of new orthonormal directions: fresh where nothing is known, fixed by the other side elsewhere."""
        far = len(side.far)
        fresh = np.empty((len(new), far))
        for i in range(len(new)):
            first = (side.basis.count + i) * side.far_total + side.far.start
            fill_normals(fresh[i], self.seed, side.stream, first, 1.0 / math.sqrt(self.n))
        if other.basis.count:
            coefficients = self.group.sum(other.images.dot(new) - other.basis.dot(fresh))
            other.basis.add_combination(coefficients, fresh)
        return fresh


def independent(gram: Array, lowest: float) -> tuple[Array, Array]:
    """Gram-Schmidt of b vectors v in their order, from their Gram matrix: q = inverse v, v = factor^T q.

    A vector less than `lowest` away from the span of those before it gives no new direction. In order, not by
    eigenvectors: those of nearly equal vectors would depend on rounding, and with them which X is revealed.

    Returns
    -------
    inverse : (r, b) array
    factor : (r, b) array
    """
    b = len(gram)
    inverse, factor = np.zeros((0, b)), np.zeros((0, b))
    for i in range(b):
        along = inverse @ gram[:, i]  # q_j . v_i
        rest = float(gram[i, i] - along @ along)
        if rest <= lowest**2:
            factor[:, i] = along
            continue
        row = (np.eye(b)[i] - along @ inverse) / math.sqrt(rest)
        inverse = np.vstack([inverse, row])
        factor = np.vstack([factor, np.zeros(b)])
        factor[:, i] = np.append(along, math.sqrt(rest))
    return inverse, factor
