"""Block vectors asked about and H of them, in coordinates of the directions met; the same on every rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Array = NDArray[np.float64]

KEEPS = ("W", "HW", "B")  # of a state


class Space:
    """H on the span of the vectors asked about: H W is known, and so are residuals of Ritz pairs.

    Parameters
    ----------
    p : int

    Attributes
    ----------
    W, HW : (queries, k, p) arrays
        Orthonormal block vectors, and H of them.
    B : (queries, queries) array
        W^T H W.
    """

    def __init__(self, p: int) -> None:
        self.p = p
        self.W, self.HW, self.B = np.zeros((0, 0, p)), np.zeros((0, 0, p)), np.zeros((0, 0))

    @property
    def k(self) -> int:
        """Directions met."""
        return self.W.shape[1]

    def state(self) -> dict[str, Any]:
        """Attributes of the names in KEEPS."""
        return {name: getattr(self, name) for name in KEEPS}

    def restore(self, state: dict[str, Any]) -> None:
        """Take a state."""
        vars(self).update({name: state[name] for name in KEEPS})

    def _flat(self, vectors: Array) -> Array:
        return vectors.reshape(len(vectors), self.k * self.p)

    @staticmethod
    def _symmetric(B: Array) -> Array:
        result: Array = 0.5 * (B + B.T)
        return result

    def grow(self, count: int) -> None:
        """Take new directions, in which nothing that was asked about has a part, nor H of it."""
        more = ((0, 0), (0, count), (0, 0))
        self.W, self.HW = np.pad(self.W, more), np.pad(self.HW, more)

    def add(self, V: Array, HV: Array) -> None:
        """Take block vectors (b, k, p) that were asked about, and H of them."""
        known = len(self.W)
        self.W, self.HW = np.concatenate([self.W, V]), np.concatenate([self.HW, HV])
        grown = np.zeros((len(self.W), len(self.W)))
        grown[:known, :known] = self.B
        W, HW = self._flat(self.W), self._flat(self.HW)
        # An entry has two estimates, of which rounding makes two numbers.
        grown[known:, :known] = 0.5 * (W[known:] @ HW[:known].T + HW[known:] @ W[:known].T)
        grown[:known, known:] = grown[known:, :known].T
        grown[known:, known:] = self._symmetric(W[known:] @ HW[known:].T)
        self.B = grown

    def correct(self, V: Array, HV: Array) -> None:
        """Take H of orthonormal combinations V (b, k', p), k' <= k, of vectors asked about, known better now."""
        W, HW = self._flat(self.W), self._flat(self.HW)
        more = self.k - V.shape[1]
        y = self._flat(np.pad(V, ((0, 0), (0, more), (0, 0)))) @ W.T
        self.HW = (HW + y.T @ (self._flat(HV) - y @ HW)).reshape(self.W.shape)
        wrong = y @ self.B - self._flat(HV) @ W.T  # nothing of it is left in B y
        change = y.T @ wrong
        self.B = self._symmetric(self.B - change - change.T + y.T @ (wrong @ y.T) @ y)

    def outside(self, Y: Array) -> Array:
        """Parts of block vectors (r, k, p) outside those asked about, by two sweeps of Gram-Schmidt."""
        W, rest = self._flat(self.W), self._flat(Y)
        for _ in range(2):
            rest = rest - (rest @ W.T) @ W
        return rest.reshape(Y.shape)

    def ritz(self, count: int) -> tuple[Array, Array, Array]:
        """Lowest Ritz values, their unit vectors and H v - lambda v: (r,), (r, k, p), (r, k, p), r <= count."""
        last = min(count, len(self.B)) - 1
        values, turned = scipy.linalg.eigh(self.B, subset_by_index=[0, last])
        vectors, images = turned.T @ self._flat(self.W), turned.T @ self._flat(self.HW)
        sizes = np.linalg.norm(vectors, axis=1)[:, None]  # W is rounded as the images are
        vectors, rest = vectors / sizes, images / sizes - values[:, None] * vectors / sizes
        shape = (last + 1, self.k, self.p)
        return values, vectors.reshape(shape), rest.reshape(shape)

    def scale(self) -> float:
        """Mean of |B_ii|: the size of H apart from its few largest eigenvalues."""
        return float(np.abs(self.B.diagonal()).mean()) if len(self.B) else 0.0
