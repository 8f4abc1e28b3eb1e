"""Steps of block Lanczos: Rayleigh-Ritz on what was asked about, then a query of what is left of the pairs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.solvers.deferred.progress import Progress
from hpcbbp.solvers.deferred.queries import query, refine, unasked
from hpcbbp.solvers.deferred.residuals import limited, not_gaussian
from hpcbbp.solvers.deferred.steps import CONVERGED, NO_ROOM, SKEW, ZERO, goal_of, orthonormal, room, stuck
from hpcbbp.solvers.result import Step

if TYPE_CHECKING:
    from hpcbbp.solvers.deferred.blocks import Blocks

Array = NDArray[np.float64]

_U = 2.0**-53
_GAP = 0.1  # of the tolerance, that rounding may hide of a residual before H of its pair is asked for again


class BlockLanczos:
    """The state of a solve between two steps that no checkpoint needs.

    Parameters
    ----------
    instance : Blocks
        With its first directions.
    nev, tol : int, float
        As in solve_deferred, checked.
    block : int
        Vectors a step; p p* where left queries coincide and more than one pair is wanted.
    at : Progress
        Where the solve stands.

    Attributes
    ----------
    reason : str
        Why the solve ends; empty while it goes on.
    values, vectors, told, converged : array
        The pairs, their recomputed residuals and which of them are eigenpairs, once there is a reason.
    more : tuple of arrays
        Ritz values, vectors and residuals behind them that are known besides.
    last : bool
        Whether memory has no room for another step.
    """

    def __init__(self, instance: Blocks, nev: int, tol: float, block: int, at: Progress) -> None:
        self.instance, self.nev, self.tol, self.at = instance, nev, tol, at
        instance.tolerance = tol
        at.block = max(at.block, block)  # of a state where copies are exact more than was asked for
        self.reason, self.last = "", False
        self.values, self.told = np.zeros(0), np.zeros(0)
        self.vectors = np.zeros((0, instance.space.k, instance.problem.p))
        self.converged = np.zeros(0, dtype=bool)
        self._rests, self._estimates = self.vectors, np.zeros(0)
        self.more = self.values, self.vectors, self.told

    @property
    def block(self) -> int:
        """Block vectors a step."""
        return self.at.block

    def step(self, listener: Callable[[Step], None] | None, keep: Callable[[], None]) -> None:
        """Look at the pairs where it is time to, and ask about what is left of them.

        Collective. `keep` writes the state where memory ends the solve: more memory can go on from there.

        Raises
        ------
        InputError
            Memory has no room for the pairs asked for.
        """
        at, space = self.at, self.instance.space
        self._see_what_fits()
        at.step += 1
        if not len(space.W):
            at.asked = self._start(self.block)
        elif self.last or at.step % self._period() == 0:
            self._look()
            self._note(listener)
            if self.last:
                keep()
            if self.reason:
                return
        else:
            at.asked = orthonormal(space.outside(space.HW[-self.block :]))
        if not len(at.asked):
            at.asked = self._elsewhere()
        began, left = not len(space.W), self.instance.samples.left
        self._ask(at.asked)
        if began and self.nev > 1 and self.instance.samples.left - left < self._possible(len(at.asked), left):
            # D has one shape for all samples: copies are exact, and one vector would never see the others.
            at.block = self.instance.problem.p * self.instance.problem.p_star
            self._ask(orthonormal(space.outside(self._start(self.block))))

    def _ask(self, V: Array) -> None:
        query(self.instance, V)
        self.at.queries += len(V)

    def _possible(self, vectors: int, left: int) -> int:
        """Left directions that so many block vectors lead to, unless queries coincide, or all of X is known."""
        instance = self.instance
        room = instance.levels.room().sum() > 0
        return min(vectors * instance.problem.p, instance.m - left) if room else 0

    def _start(self, count: int) -> Array:
        """Lowest Ritz vectors of H on the guides: (count, k, p)."""
        instance, p = self.instance, self.instance.problem.p
        guides = np.pad(instance.guides, ((0, 0), (0, instance.space.k - instance.guides.shape[1])))
        units = np.einsum("gk,ab->gakb", guides, np.eye(p)).reshape(-1, instance.space.k, p)
        H = np.einsum("ukp,wkp->uw", units, instance.exact(units).product)
        _, vectors = np.linalg.eigh(0.5 * (H + H.T))
        lowest: Array = instance.group.share(np.einsum("uv,ukp->vkp", vectors[:, :count], units))
        return lowest

    def _elsewhere(self) -> Array:
        """Block vectors that nothing is known of, where H leads nowhere new."""
        instance, space, p = self.instance, self.instance.space, self.instance.problem.p
        if instance.levels.room().sum():
            count = unasked(instance, 1)
            units = np.zeros((count * p, space.k, p))
            units.reshape(count * p, -1)[:, -count * p :] = np.eye(count * p)
            return units
        units = np.eye(space.k * p).reshape(-1, space.k, p)
        rests = space.outside(units)
        order = np.argsort(-(rests**2).sum(axis=(1, 2)), kind="stable")
        return orthonormal(instance.group.share(rests[order[: self.block]]))

    def _period(self) -> int:
        """Steps between Rayleigh-Ritz, so that it takes no more time than the passes; no clock enters."""
        instance = self.instance
        v, k, p = len(instance.space.W), instance.space.k, instance.problem.p
        dense = 10.0 * v**3 + 8.0 * v * k * p
        passes = 12.0 * instance.m * k * self.block * p + 3e7
        return int(min(8, max(1, dense // passes)))

    def _see_what_fits(self) -> None:
        """Whether another step fits into memory; InputError where not even the pairs do."""
        instance, space = self.instance, self.instance.space
        left, reserve = instance.n - space.k, self._reserve()
        bytes_each = instance.samples.R.itemsize + instance.samples.P.itemsize
        self.last = bool(left) and (
            instance.samples.capacity - space.k < reserve or room(instance, reserve, bytes_each) < reserve
        )
        if self.last and len(space.W) < self.nev:
            raise InputError(NO_ROOM.format(space.k))

    def _reserve(self) -> int:
        """Directions that there must be room for when a step begins."""
        instance = self.instance
        most = 2 * self.block * instance.problem.p * len(instance.levels.values)
        return min(most, instance.n - instance.space.k)

    def _look(self) -> None:
        """Rayleigh-Ritz, and what to ask about; ends the solve where there is nothing to gain."""
        end, nothing, chosen = self._pairs()
        if end and self._conclude(nothing=nothing, final=False):
            end, nothing, chosen = self._pairs()
            if end:
                self._conclude(nothing=nothing, final=True)
        self.at.asked = orthonormal(self.instance.space.outside(self._rests[chosen]))

    def _pairs(self) -> tuple[bool, bool, list[int]]:
        """Ritz pairs: whether it is time for the residuals, whether that is the end, and whose rests to ask about."""
        at, instance, space, nev = self.at, self.instance, self.instance.space, self.nev
        self.values, self.vectors, self._rests = space.ritz(max(nev, self.block) + 2)
        self._estimates = np.sqrt((self._rests**2).sum(axis=(1, 2)))
        goal = goal_of(self.tol * np.abs(self.values), np.full(len(self.values), at.gap))
        open_ = [i for i in range(min(nev, len(self.values))) if not self._estimates[i] <= goal[i]]
        small = space.scale() * (1e-10 if instance.storage == "float64" else 1e-4)
        ended = stuck(at, self._estimates[open_], small)
        everything = len(space.W) == instance.problem.p * instance.n
        order = [*open_, *(i for i in range(len(self.values)) if i not in open_)]
        found: tuple[bool, bool, list[int]] = instance.group.share((
            self.last or everything or (len(self.values) >= nev and (not open_ or ended)),
            everything or self.last or ended,
            order[: self.block],
        ))  # fmt: skip
        return found

    def _note(self, listener: Callable[[Step], None] | None) -> None:
        """Record a step, and tell whoever listens."""
        at, nev = self.at, self.nev
        sizes, estimates = np.abs(self.values[:nev]), self._estimates[:nev]
        good = int((estimates <= self.tol * sizes).sum())
        relative = estimates / np.maximum(sizes, 1e-300)
        step = Step(at.step, at.queries, good, tuple(map(float, self.values[:nev])), tuple(map(float, relative)))
        at.history.append(step)
        if listener is not None:
            listener(step)

    def _conclude(self, *, nothing: bool, final: bool) -> bool:
        """See by recomputed residuals whether the pairs are what was asked for, or the best that can be had.

        Returns whether H of them is known better than before, where that is allowed (not `final`): look again.
        """
        at, instance, nev = self.at, self.instance, self.nev
        values, vectors, estimates = self.values[:nev], self.vectors[:nev], self._estimates[:nev]
        told, exact = self._recomputed(values, vectors)
        wanted = self.tol * np.abs(values)
        at.gap = max(at.gap, float((told - estimates).max(initial=0.0)))
        zero = ZERO * instance.space.scale()
        converged = told <= np.where(np.abs(values) <= zero, zero, wanted)
        enough = (estimates <= goal_of(wanted, np.full(len(wanted), at.gap))).all()
        hidden = ~converged & (told - estimates > _GAP * wanted)
        if not (final or nothing) and self._refined(vectors, hidden):
            return True
        skew, reason = instance.skewness(), ""
        if not skew <= SKEW:
            converged[:] = False
            reason = not_gaussian(instance, skew)
        elif converged.all() and len(values) == nev:
            reason = CONVERGED
        elif self.last:
            reason = f"not converged: {NO_ROOM.format(instance.space.k)}"
        elif enough or nothing:  # asking on would not help
            reason = limited(instance, values, told)
        reason = instance.group.share(reason)
        if reason:
            self.values, self.vectors, self.told, self.converged = exact, vectors, told, converged
            self.reason, self.more = reason, self._behind()
        return False

    def _behind(self) -> tuple[Array, Array, Array]:
        """Ritz values, vectors and residuals behind the pairs asked for, up to the first behind the outliers."""
        wanted = self.instance.problem.p * self.instance.problem.p_star + 1
        values, vectors, _ = self.instance.space.ritz(max(wanted, self.nev))
        values, vectors = values[self.nev :], vectors[self.nev :]
        told, exact = self._recomputed(values, vectors) if len(values) else (values, values)
        return exact, vectors, told

    def _refined(self, vectors: Array, hidden: NDArray[np.bool_]) -> bool:
        """Ask again, in float64, for H of pairs whose residuals rounding has hidden; False if it cannot be."""
        at, instance, samples = self.at, self.instance, self.instance.samples
        pairs = instance.group.share(np.flatnonzero(hidden))
        most = min(len(pairs) * instance.problem.p * len(instance.levels.values), instance.n - instance.space.k)
        room_for = samples.capacity - instance.space.k - most - self._reserve()
        fits = room_for >= 0 and room(instance, most, samples.R.itemsize + samples.P.itemsize) >= most
        if not (len(pairs) and fits and samples.number == np.float32):
            return False
        for i in pairs:
            refine(instance, np.pad(vectors[i : i + 1], ((0, 0), (0, instance.space.k - vectors.shape[1]), (0, 0))))
        at.queries += len(pairs)
        at.gap = 0.0
        return True

    def _recomputed(self, values: Array, vectors: Array) -> tuple[Array, Array]:
        """Residuals |H v - lambda v| of unit block vectors, as bounds, and v . H v, from the images in float64.

        Collective. The residual with v . H v in place of a Ritz value is not larger.
        With U = D R v: R^T U - lambda v in the directions met; outside them X^T of the part of U outside P. What
        float64 may round away is added (docs/deferred.md).
        """
        instance, p = self.instance, self.instance.problem.p
        k, n = instance.space.k, instance.n
        at = instance.exact(vectors)
        inner = np.sqrt(((at.product - values[:, None, None] * vectors) ** 2).sum(axis=(1, 2)))
        norm = instance.samples.largest_root * (1 + 4 / math.sqrt(n))
        outside = norm * at.outside if k < n else np.zeros(len(values))
        # Projections, good to u, are squared and divided by a + y: D has a relative error of u / sqrt(a) at worst.
        conditioned = (16 + 4 / math.sqrt(instance.problem.a)) * _U * at.sizes
        told: Array = np.hypot(inner, outside) + conditioned + _U * (math.sqrt(k * p) * at.terms + 4 * np.abs(values))
        return told, (at.product * vectors).sum(axis=(1, 2))
