"""A step of block Lanczos: what H makes of block vectors, and the directions that it leads to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.solvers.deferred.steps import NO_ROOM

if TYPE_CHECKING:
    from hpcbbp.solvers.deferred.blocks import Blocks

Array = NDArray[np.float64]

_NEWS = 8.0  # times what rounding makes of a left query: a rest shorter than that is none
_LEAST = 1e-3  # of the tolerance: what is new of a query and far too short to matter is not asked about
_SHRUNK = 0.5  # of its length, that a query keeps at least where one sweep of Gram-Schmidt is enough
_ALONE = 0.25  # of its square, that a query has outside those beside it, at least, to be taken with them
_SWEEPS = 8


class Left:
    """Left queries of one step on their way into the basis P.

    Parameters
    ----------
    instance : Blocks
    h, Xi : (l, b p), (l, c) arrays
        Their overlaps, and those of fresh numbers, with the P there is.
    sizes : (b p,) array
        |U|.
    least : float
        A rest shorter than that is not asked about.
    longest : float
        A bound of the |U|; 0: that of D R v.

    Attributes
    ----------
    h : (l + new, b p) array
        Coordinates of U in P.
    along : (c, new) array
        Overlaps of the fresh numbers, without their part in the old P, with the new left directions.
    """

    def __init__(self, instance: Blocks, h: Array, Xi: Array, sizes: Array, least: float, longest: float) -> None:
        self.instance, self.samples, self.h, self.before = instance, instance.samples, h, sizes
        self.along = np.zeros((Xi.shape[1], 0))
        self.todo = np.arange(h.shape[1])
        unit = float(np.finfo(self.samples.arithmetic).eps) / 2
        self.longest = longest
        self.noise = np.maximum(_NEWS * unit * sizes, least)
        self.gram, self.cross = self.samples.take_out(h, Xi, sizes)

    def take(self) -> int:
        """Make P span the queries, up to what rounding leaves; number of new left directions. Collective."""
        before = self.samples.left
        for sweep in range(_SWEEPS):
            lengths = np.sqrt(np.maximum(self.gram.diagonal(), 0.0))
            good, again = self.instance.group.share(self._sorted(lengths, last=sweep == _SWEEPS - 1))
            if len(good):
                self._append(good)
            if not len(again):
                break
            self._once_more(again, lengths)
        return self.samples.left - before

    def _sorted(self, lengths: Array, *, last: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Queries that can be taken as they are, and those that need another sweep."""
        room = self.samples.m - self.samples.left
        long_enough = lengths > self.noise[self.todo]
        steady = lengths >= _SHRUNK * self.before[self.todo]
        good: list[int] = []
        for j in np.flatnonzero(long_enough & steady):
            if len(good) < room and self._rest(int(j), good) > _ALONE * self.gram[j, j]:
                good.append(int(j))
        again = [j for j in np.flatnonzero(long_enough) if j not in good and not last and len(good) < room]
        return np.array(good, dtype=np.int64), np.array(again, dtype=np.int64)

    def _rest(self, j: int, others: list[int]) -> float:
        """Square of the part of a query outside others, by their Gram matrix."""
        if not others:
            return float(self.gram[j, j])
        y = scipy.linalg.solve(self.gram[np.ix_(others, others)], self.gram[others, j], assume_a="pos")
        return float(self.gram[j, j] - self.gram[others, j] @ y)

    def _append(self, good: NDArray[np.int64]) -> None:
        """New left directions, orthonormal combinations of some queries."""
        triangle = scipy.linalg.cholesky(self.gram[np.ix_(good, good)])  # upper
        inverse = scipy.linalg.solve_triangular(triangle, np.eye(len(good)))
        self.samples.append_left(good, inverse)
        rows = np.zeros((len(good), self.h.shape[1]))
        rows[:, self.todo[good]] = triangle
        self.h = np.concatenate([self.h, rows])
        self.along = np.concatenate([self.along, (inverse.T @ self.cross[good]).T], axis=1)

    def _once_more(self, again: NDArray[np.int64], lengths: Array) -> None:
        """Another sweep, over old and new left directions, for the queries that need it."""
        self.samples.U = self.samples.U[again]
        self.before[self.todo[again]] = lengths[again]
        self.todo = self.todo[again]
        more = self.samples.overlaps(self.longest)
        self.h[:, self.todo] += more
        self.gram, self.cross = self.samples.take_out(more, None, lengths[again])


def query(instance: Blocks, V: Array) -> int:
    """Ask for H V of orthonormal block vectors (b, k, p), as rounded; the number of new directions. Collective.

    Raises
    ------
    InputError
        If there is no room for them.
    """
    samples, space = instance.samples, instance.space
    V = samples.rounded(instance.group.share(V))
    HV = _products(instance, V)
    count = HV.shape[1] - space.k
    space.grow(count)
    space.add(np.pad(V, ((0, 0), (0, count), (0, 0))), HV)
    return count


def refine(instance: Blocks, V: Array) -> None:
    """Ask again for H V of orthonormal combinations of what was asked about, in float64. Collective.

    What rounding has hidden of their left queries, short as it is, becomes left directions: H V is known then.

    Raises
    ------
    InputError
        As query.
    """
    V = instance.group.share(V)
    with instance.samples.fine():
        HV = _products(instance, V)
    instance.space.grow(HV.shape[1] - instance.space.k)
    instance.space.correct(V, HV)


def _products(instance: Blocks, V: Array) -> Array:
    """H V in the directions met and the new ones it leads to, whose images are revealed: (b, k + new, p)."""
    b, _, p = V.shape
    may_be = int(instance.levels.next(b * p).sum())
    product, h, Xi, own = instance.samples.ask(V, may_be)
    least = _LEAST * instance.tolerance * instance.space.scale()
    beyond = _beyond(instance, h, Xi, np.sqrt(np.maximum(own, 0.0)), least)
    whole = np.concatenate([product, beyond])
    HV: Array = whole.reshape(len(whole), b, p).transpose(1, 0, 2)
    return HV


def sent(instance: Blocks, U: Array) -> Array:
    """X^T U of left vectors, this rank's (c, rows), zero behind the last sample: (k + new, c). Collective.

    What they may depend on is what is known of X. Their new parts become left directions.

    Raises
    ------
    InputError
        As query.
    """
    samples = instance.samples
    largest = samples.group.largest(float(np.abs(U).max(initial=0.0)))
    may_be = int(instance.levels.next(len(U)).sum())
    longest = largest * math.sqrt(samples.m)
    product, h, own = samples.meets(U, longest)
    Xi = samples.draw(may_be)
    beyond = _beyond(instance, h, Xi, np.sqrt(np.maximum(own, 0.0)), 0.0, longest)
    result: Array = np.concatenate([product, beyond])
    return result


def _beyond(instance: Blocks, h: Array, Xi: Array, sizes: Array, least: float, longest: float = 0.0) -> Array:
    """X^T of the left queries under way in the new directions it leads to, whose images are revealed: (new, c)."""
    samples, levels, k = instance.samples, instance.levels, instance.samples.count
    beyond = np.zeros((0, h.shape[1]))
    if Xi.shape[1]:  # else X^T of anything lies in the directions met
        left = Left(instance, h, Xi, sizes, least, longest)
        new = left.take()
        counts = levels.next(new)
        count = int(counts.sum())
        if count > samples.capacity - k:  # fewer would be another law: never truncate
            raise InputError(NO_ROOM.format(k))
        T = instance.group.share(levels.triangles(counts, new, instance.seed)) if new else np.zeros((0, 0))
        if new:
            samples.append_images(left.along, T)
            instance.meet(counts)
            beyond = samples.roots[k : k + count, None] * (T @ left.h[len(left.h) - new :])
    samples.forget()
    return beyond


def unasked(instance: Blocks, wanted: int) -> int:
    """New directions, uniform in what has not been met, where H leads to none any more; their number. Collective."""
    samples, levels = instance.samples, instance.levels
    counts = levels.next(wanted)
    count = int(counts.sum())
    if count > samples.capacity - instance.space.k:
        raise InputError(NO_ROOM.format(instance.space.k))
    Xi = samples.draw(count)
    samples.take_out(np.zeros((samples.left, 0)), Xi, np.zeros(0))
    samples.append_images(np.zeros((count, 0)), np.zeros((count, 0)))
    samples.forget()
    instance.meet(counts)
    instance.space.grow(count)
    return count
