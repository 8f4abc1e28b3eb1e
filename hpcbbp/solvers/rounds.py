"""More than one run of a search: all eigenvalues beyond a number, and copies of multiple ones."""

from __future__ import annotations

import math

import numpy as np

from hpcbbp.errors import InputError
from hpcbbp.solvers.krylov import Search
from hpcbbp.solvers.pairs import Pairs


def count_beyond(search: Search, pairs: Pairs, beyond: float) -> int:
    """How many of the pairs come before a number."""
    return int((search.order(pairs.values) < search.key(beyond)).sum())


def beyond_number(search: Search, nev: int, beyond: float) -> Pairs:
    """All eigenvalues beyond a threshold and what follows, by more and more pairs.

    SLEPc's own threshold (EPSSetThreshold, since 3.22) stops early: with 14 of 31 eigenvalues of a diagonal matrix
    of order 2000, with 3.26.1; and what ends at a pair behind the threshold is known to be whole.
    """
    size = search.operator.size
    while True:
        pairs = search.run(nev)
        if not search.as_asked or search.asked != nev:
            raise InputError(
                f"{'above' if search.largest else 'below'} = {beyond:g}: leave out PETSc options that choose pairs "
                "(-eps_nev, -eps_largest_real)"
            )
        whole = search.group.share(bool(search.reached(pairs).all()))
        if not whole or count_beyond(search, pairs, beyond) < len(pairs) or nev >= size:
            return pairs
        nev = min(2 * nev, size)


def verified_pairs(search: Search, pairs: Pairs, nev: int, beyond: float | None) -> tuple[Pairs, bool, int]:
    """Search the complement of the pairs until nothing comes before the last wanted one. Collective.

    Returns all pairs found in their order, whether the search came to its end, and how many it has added. A round
    finds one direction of each eigenspace, so that copies come one a round; the next round asks for twice as many.
    """
    size, group = search.operator.size, search.group
    batch, start, added = search.rounds  # start vectors: none serves twice
    first = len(pairs) - added
    while len(pairs) < size:
        search.settle(pairs, (batch, start, len(pairs) - first))
        more = search.run(min(batch, size - len(pairs)), known=pairs.vectors, start=start)
        start += size
        values = np.sort(search.order(pairs.values))
        last = nev - 1 if beyond is None else count_beyond(search, pairs, beyond)
        limit = (values[last] if last < len(values) else math.inf) - search.rounding * search.unit
        early = search.order(more.values) < limit
        settled = bool(len(more) and search.reached(more, known=pairs.vectors)[0])
        early, settled = group.share((early, settled))
        if early.any():
            pairs = pairs.joined(more.select(early)).refined(group, search.order)
        if not settled or not early.any():
            return pairs, settled, len(pairs) - first
        batch *= 2
    return pairs, True, len(pairs) - first
