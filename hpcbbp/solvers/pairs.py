"""Approximate eigenpairs on the ranks: how near they are to eigenpairs, and the best of what they span."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.ranks import Group

Array = NDArray[np.float64]

_ALIKE = 1e-6  # overlap of two unit vectors that are not two eigenvectors


@dataclass(frozen=True)
class Pairs:
    """Approximate eigenpairs, in units of the Search that found them.

    Attributes
    ----------
    values : (k,) array
    vectors, images : (k, n_local) arrays
        Unit vectors v, and H v from a product of their own: this rank's parts.
    """

    values: Array
    vectors: Array
    images: Array

    def __len__(self) -> int:
        return len(self.values)

    def select(self, chosen: Any) -> Pairs:
        """Those of a slice or a mask."""
        return Pairs(self.values[chosen], self.vectors[chosen], self.images[chosen])

    def joined(self, more: Pairs) -> Pairs:
        """These, and then others."""
        return Pairs(
            np.append(self.values, more.values),
            np.concatenate([self.vectors, more.vectors]),
            np.concatenate([self.images, more.images]),
        )

    def residuals(self, group: Group, known: Array | None = None) -> Array:
        """|H v - lambda v| of each pair, of its part outside the span of known orthonormal vectors. Collective."""
        rest = self.images - self.values[:, None] * self.vectors
        if known is not None:
            rest = rest - group.sum(rest @ known.T) @ known
        norms: Array = np.sqrt(group.sum((rest**2).sum(axis=1)))
        return norms

    def distinct(self, group: Group) -> NDArray[np.bool_]:
        """Which vectors are no earlier one's again as solvers without reorthogonalisation find them. Collective."""
        gram, new = np.abs(group.sum(self.vectors @ self.vectors.T)), np.ones(len(self), dtype=bool)
        for i in range(1, len(self)):
            new[i] = not (gram[i, :i] * new[:i] > _ALIKE).any()
        return new

    def refined(self, group: Group, order: Callable[[Array], Array]) -> Pairs:
        """Rayleigh-Ritz in the span of the pairs, without any product; sorted by a key of the values. Collective.

        Pairs found one after the other are orthogonal to each other's errors only: a residual may hold what an
        earlier pair with a looser goal (a larger |lambda|) has left. Fewer pairs are returned where vectors are no
        more than copies of others.
        """
        gram, rotation = group.share(np.linalg.eigh(group.sum(self.vectors @ self.vectors.T)))
        independent = gram > _ALIKE * gram.max(initial=0.0)
        whiten = (rotation[:, independent] / np.sqrt(gram[independent])).T
        vectors, images = whiten @ self.vectors, whiten @ self.images
        projected = group.sum(vectors @ images.T)
        values, rotation = group.share(np.linalg.eigh(0.5 * (projected + projected.T)))
        first = np.argsort(order(values), kind="stable")
        rotation = rotation[:, first].T
        return Pairs(values[first], rotation @ vectors, rotation @ images)
