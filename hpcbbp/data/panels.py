"""X of which a few rows at a time are there: made whenever a product meets them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np

from hpcbbp.data import kernels, single
from hpcbbp.data.base import Array, DataMatrix, check_sizes, ready
from hpcbbp.data.kernels import Rows
from hpcbbp.data.single import Single
from hpcbbp.machine.ranks import Group
from hpcbbp.model.curvature import Curvature

NUMBERS = 2**19
"""Of a panel: 2 MiB in float32, which stay in cache; the ends of smaller ones cost more than that saves."""


class PanelData(DataMatrix):
    """A data matrix that makes its rows panel by panel; a subclass writes _panel.

    Parameters
    ----------
    n, m : int
    group : Group
    quick : bool
        Whether panels are float32, so that products may be made in that arithmetic.
    """

    def __init__(self, n: int, m: int, group: Group, *, quick: bool) -> None:
        super().__init__(*check_sizes(n, m), group)
        self.quick, self._scratch = quick, np.empty(0, dtype=np.float32)
        kernels.prepare()
        if quick:
            single.prepare(np.dtype(np.float32))

    def _room(self, rows: int) -> Single:
        """Room for a float32 panel, the same for all: fresh memory would cost as much as a product."""
        if self._scratch.size < rows * self.n:
            self._scratch = np.empty(rows * self.n, dtype=np.float32)
        return self._scratch[: rows * self.n].reshape(rows, self.n)

    @abstractmethod
    def _panel(self, start: int, stop: int) -> Rows:
        """Rows start to stop of this rank's own, counted from its first: (stop - start, N), good until the next."""

    def panels(self) -> Iterator[tuple[slice, Rows]]:
        """All rows of this rank: where they stand among its own, and the rows."""
        step = single.ROWS * max(1, NUMBERS // (single.ROWS * self.n))
        for start in range(0, len(self.rows), step):
            stop = min(len(self.rows), start + step)
            yield slice(start, stop), self._panel(start, stop)

    def _replicated(self, V: Array) -> Array:
        return ready(self.group.gather_rows(V, self.n).T)

    def _project(self, V: Array) -> Array:
        everywhere = self._replicated(V)
        out = np.empty((len(self.rows), V.shape[1]))
        with self.group.agreeing():
            for rows, panel in self.panels():
                out[rows] = kernels.project(panel, everywhere)
        return out

    def _adjoint(self, U: Array) -> Array:
        W = np.zeros((U.shape[1], self.n))
        with self.group.agreeing():
            for rows, panel in self.panels():
                W += kernels.adjoint(panel, ready(U[rows]))
        return self.group.scatter_sum(W.T)

    def _curvature_product(self, V: Array, D: Curvature) -> Array:
        everywhere, W = self._replicated(V), np.zeros((V.shape[1], self.n))
        with self.group.agreeing():
            for rows, panel in self.panels():
                parts = (ready(part[rows]) for part in (D.diagonal, D.vector, D.weight))
                W += kernels.curvature_product(panel, everywhere, *parts)
        return self.group.scatter_sum(W.T)

    def _quick_product(self, V: Array, D: Curvature) -> Array:
        product = single.Product(self._replicated(V))
        with self.group.agreeing():
            for rows, panel in self.panels():
                product.add(panel, single.no_scales(*panel.shape), D.diagonal[rows], D.vector[rows], D.weight[rows])
        return self.group.scatter_sum(product.result().T)
