"""A Gaussian X that is never kept: its rows are drawn again in every product, with O(N + M) memory."""

from __future__ import annotations

import math

import numpy as np

from hpcbbp.data.panels import PanelData
from hpcbbp.data.single import Single
from hpcbbp.machine.fast_normals import MOST, FastNormals
from hpcbbp.machine.ranks import Group
from hpcbbp.model.covariance import Covariance, eigenvalues_of

REGENERATED: tuple[str, ...] = ("float32",)
"""What X is drawn in."""


class RegeneratedData(PanelData):
    """X with i.i.d. N(0, 1/N) entries: number mu N + i of the stream "regenerated", over sqrt(N), in float32.

    One seed is one instance on any number of ranks, another one than that of stored X. The numbers are what X is, so
    that any tolerance can be asked for.

    Parameters
    ----------
    n, m : int
        Dimension N >= 2 and number of samples M >= 1.
    seed : int
    storage : {"float32"}
    group : Group, optional
        One process by default.
    covariance : Covariance, optional
        Sigma, diagonal: column i is multiplied by the root of its eigenvalue i. The identity by default.

    Examples
    --------
    >>> X = RegeneratedData(n=100, m=300, seed=0)
    >>> X.project(np.ones((100, 1))).shape
    (300, 1)
    """

    def __init__(
        self,
        n: int,
        m: int,
        seed: int,
        storage: str = "float32",
        group: Group | None = None,
        covariance: Covariance | None = None,
    ) -> None:
        super().__init__(n, m, Group.chosen(group), quick=True)
        self.storage = storage
        self._normals = FastNormals(seed, "regenerated")
        self._roots: Single | None = None
        self.largest = MOST / math.sqrt(self.n)
        if covariance is not None:
            self._roots = np.sqrt(eigenvalues_of(covariance, self.n)).astype(np.float32)
            self.largest *= float(self._roots[-1])

    def _panel(self, start: int, stop: int) -> Single:
        out = self._room(stop - start)
        first = self.rows.start + start
        self._normals.fill(out.reshape(-1), first * self.n, 1.0 / math.sqrt(self.n))
        if self._roots is not None:
            out *= self._roots
        return out
