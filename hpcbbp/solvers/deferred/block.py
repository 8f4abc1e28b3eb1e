"""Left queries of one step on their way into the basis of left directions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcbbp.solvers.deferred.gram_errors import Finer, GramErrors

Array = NDArray[np.float64]


class Block:
    """Queries on their way in: Gram matrix, lengths, coordinates in P (columns), and what is known of errors."""

    def __init__(self, gram: Array, rows: Array, sums: GramErrors, finer: Finer | None) -> None:
        self.gram, self.rows, self.sums, self.finer = gram, rows, sums, finer
        self.sizes = np.sqrt(np.maximum(gram.diagonal(), 0.0))
        self.terms = np.zeros(0)
        self.least = 0.0  # a part of a query shorter than that is not asked about
