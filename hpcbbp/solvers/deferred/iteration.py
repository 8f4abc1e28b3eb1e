"""Steps of a deferred solve: Rayleigh-Ritz over all that is known, then a query of what is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.solvers.deferred.progress import Progress
from hpcbbp.solvers.deferred.residuals import limited, not_gaussian, of_moments, recomputed
from hpcbbp.solvers.deferred.steps import CONVERGED, NO_ROOM, SKEW, ZERO, goal_of, orthonormal, room, stuck
from hpcbbp.solvers.result import Step

if TYPE_CHECKING:
    from hpcbbp.solvers.deferred.moments import Moments

Array = NDArray[np.float64]


class Iteration:
    """The state of a solve between two steps that no checkpoint needs.

    Parameters
    ----------
    instance : Moments
        With its first directions.
    nev, tol, block
        As in solve_deferred, checked.
    at : Progress
        Where the solve stands.

    Attributes
    ----------
    reason : str
        Why the solve ends; empty while it goes on.
    values, vectors, told, converged : array
        The pairs, their recomputed residuals and which of them are eigenpairs, once there is a reason.
    last : bool
        Whether memory has no room for another step.
    """

    def __init__(self, instance: Moments, nev: int, tol: float, block: int, at: Progress) -> None:
        self.instance, self.nev, self.tol, self.block, self.at = instance, nev, tol, block, at
        instance.coordinates.tolerance = tol
        self.spaces = len(instance.levels.values)
        self.width = block * instance.problem.p * self.spaces
        self.reason, self.last = "", False
        self.values, self.told = np.zeros(0), np.zeros(0)
        self.vectors = np.zeros((0, instance.coordinates.k, instance.problem.p))
        self.converged = np.zeros(0, dtype=bool)
        self._rounding, self._sizes, self._stuck, self._final = np.zeros(0), np.zeros(0), False, False
        self._chosen: list[int] = []

    def step(self, listener: Callable[[Step], None] | None, keep: Callable[[], None]) -> None:
        """Look at the pairs where it is time to, ask about what is not known of them, and see whether that is all.

        Collective. `keep` writes the state where memory ends the solve: more memory can go on from there.

        Raises
        ------
        InputError
            Memory has no room for the pairs asked for.
        """
        at, instance, c = self.at, self.instance, self.instance.coordinates
        k = c.k
        self._see_what_fits(k)
        due = self.last or k == instance.n or at.step % _ritz_period(instance) == 0 or not len(at.asked)
        at.step += 1
        if due:
            self._look(k)
            self._note(listener)
            if self.last:
                keep()
        else:
            self._final, self._chosen = False, []
            at.asked = orthonormal(c.outside(_image(c.A, at.asked)))
        nothing = k == instance.n or (self._final and not len(at.asked))
        if not nothing:
            instance.query(at.asked, self.width)
            at.queries += len(at.asked)
        outer = np.sqrt((_image(c.A[k:], self.vectors) ** 2).sum(axis=(1, 2))) if due else np.zeros(0)
        ratios = [outer[i] / self._sizes[i] for i in self._chosen if self._sizes[i] > 1e-12]
        at.gain = max(ratios, default=at.gain)
        if self._final:
            self._conclude(k, outer[: self.nev], nothing)

    def _see_what_fits(self, k: int) -> None:
        """Whether another step fits into memory after this one; InputError where not even the pairs do."""
        instance, p = self.instance, self.instance.problem.p
        closing = min(self.nev * p * self.spaces, instance.n - k)  # directions of a step that asks about all pairs
        reserve = min(max(self.width, self.nev * p * self.spaces) + self.nev * p * self.spaces, instance.n - k)
        left = instance.samples.capacity - k
        self.last = left < reserve or room(instance, reserve, instance.samples.R.itemsize) < reserve
        if self.last and (left < closing or k * p < self.nev):
            raise InputError(NO_ROOM.format(k))

    def _look(self, k: int) -> None:
        """Rayleigh-Ritz, and which pairs to ask about: all wanted ones where this may be the end."""
        at, instance, c, nev = self.at, self.instance, self.instance.coordinates, self.nev
        values, vectors = c.ritz(max(nev, self.block) + 2)
        rest = c.outside(vectors)
        sizes = np.sqrt((rest**2).sum(axis=(1, 2)))
        self._estimates = sizes * at.gain if at.gain else np.full(len(sizes), np.inf)
        self._rounding = of_moments(instance, vectors)
        self.values, self.vectors, self._sizes = values, vectors, sizes
        goal = goal_of(self.tol * np.abs(values), np.maximum(self._rounding, at.gap))
        open_ = [i for i in range(min(nev, len(values))) if not self._estimates[i] <= goal[i]]
        small = c.scale() * (1e-10 if instance.storage == "float64" else 1e-4)
        self._stuck = stuck(at, self._estimates[open_], max(small, 30 * float(self._rounding.max())))
        final = len(values) >= nev and (self.last or not open_ or k == instance.n or self._stuck)
        order = [*open_, *(i for i in range(len(values)) if i not in open_)]
        chosen = list(range(nev)) if final else order[: self.block]
        self._final, self._chosen = instance.group.share((final, chosen))
        at.asked = orthonormal(rest[self._chosen])

    def _note(self, listener: Callable[[Step], None] | None) -> None:
        """Record a step, and tell whoever listens."""
        at, nev, estimates = self.at, self.nev, self._estimates
        sizes = np.abs(self.values[:nev])
        good = int((estimates[:nev] <= self.tol * sizes).sum())
        relative = estimates[:nev] / np.maximum(sizes, 1e-300)
        step = Step(at.step, at.queries, good, tuple(map(float, self.values[:nev])), tuple(map(float, relative)))
        at.history.append(step)
        if listener is not None:
            listener(step)

    def _conclude(self, k: int, outer: Array, nothing: bool) -> None:
        """See by their residuals whether the pairs are what was asked for, or the best that can be had."""
        at, instance, c, nev = self.at, self.instance, self.instance.coordinates, self.nev
        self.values, self.vectors = self.values[:nev], self.vectors[:nev]
        values, vectors, rounding = self.values, self.vectors, self._rounding[:nev]
        inner = _image(c.A[:k], vectors) - values[:, None, None] * vectors
        exact = np.hypot(np.sqrt((inner**2).sum(axis=(1, 2))), outer)
        wanted = self.tol * np.abs(values)
        enough = (exact <= goal_of(wanted, np.maximum(rounding, at.gap))).all()
        reason = ""
        if enough or self.last or nothing or self._stuck:
            self.told = recomputed(instance, values, vectors)
            at.gap = max(at.gap, float((self.told - exact).max()))
            zero = ZERO * c.scale()
            self.converged = self.told <= np.where(np.abs(values) <= zero, zero, wanted)
            enough = (exact <= goal_of(wanted, np.maximum(rounding, at.gap))).all()
            skew = instance.skewness()
            if not skew <= SKEW:
                self.converged[:] = False
                reason = not_gaussian(instance, skew)
            elif self.converged.all():
                reason = CONVERGED
            elif self.last:
                reason = f"not converged: {NO_ROOM.format(c.k)}"
            elif enough or nothing or self._stuck:  # asking on would not help
                reason = limited(instance, values, self.told)
        self.reason = instance.group.share(reason)


def _ritz_period(instance: Moments) -> int:
    """Steps between Rayleigh-Ritz, so that it takes no more time than the passes (a rule that no clock enters)."""
    k, p = instance.coordinates.k, instance.problem.p
    dense = 10.0 * (k * p) ** 3
    one_pass = 8.0 * instance.m * k * instance.samples.parts * p + 3e7
    return int(min(8, max(1, dense // one_pass)))


def _image(A: Array, vectors: Array) -> Array:
    """Rows of H (i, p, k, p) times block vectors (r, k', p), k' <= k: (r, i, p)."""
    rows, columns = A.shape[0] * A.shape[1], vectors.shape[1] * vectors.shape[2]
    inner = A[:, :, : vectors.shape[1]].reshape(rows, columns)
    return (vectors.reshape(len(vectors), columns) @ inner.T).reshape(len(vectors), *A.shape[:2])
