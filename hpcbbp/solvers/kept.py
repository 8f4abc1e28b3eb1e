"""A search whose state is kept at restarts, and which goes on from one that an earlier job has left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine import petsc
from hpcbbp.solvers.checkpoint import DONE, SEARCH, VERIFY, Kept, SolveCheckpoint
from hpcbbp.solvers.krylov import Search
from hpcbbp.solvers.pairs import Pairs
from hpcbbp.solvers.slepc import CONVERGED, LIMIT
from hpcbbp.solvers.thick import Basis, Plan, Space, go_on
from hpcbbp.solvers.watch import Watch

Array = NDArray[np.float64]


class KeptSearch(Search):
    """See the module.

    Parameters
    ----------
    checkpoint : SolveCheckpoint
        Which has begun.
    kept : Kept or None
        The state that it had.
    given, options
        As of Search.
    """

    def __init__(self, checkpoint: SolveCheckpoint, kept: Kept | None, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.checkpoint: SolveCheckpoint = checkpoint
        self.kept = kept
        self._pending = kept if kept is not None and kept.basis is not None else None
        self._pairs: Pairs | None = None
        self._main = (0, "")
        if kept is not None:
            self.history = list(kept.history)
            self._may_be_quick = self._may_be_quick and kept.quick
            self.largest_seen = kept.largest / self.unit

    @property
    def products(self) -> int:
        """Products made so far, those of earlier jobs too, checks not counted."""
        return super().products + (0 if self.kept is None else self.kept.products)

    @property
    def seconds(self) -> float:
        """Wall-clock time so far, that of earlier jobs too."""
        return super().seconds + (0.0 if self.kept is None else self.kept.seconds)

    @property
    def keeps(self) -> bool:
        """States are kept."""
        return True

    def keep(self, known: Array, wanted: int, basis: Callable[[], Basis | None]) -> None:
        """Write the state if it is time and there is one. Collective; StoppedError if the solve is to stop."""

        def state() -> Kept | None:
            found = basis()
            return None if found is None else self._state(self._stage, wanted, found)

        try:
            self.checkpoint.save_if_due(self.operator, state)
        except BaseException as error:  # PETSc, which may have called us, has its own
            self.operator.failure = error
            raise

    def settle(self, pairs: Pairs, rounds: tuple[int, int, int]) -> None:
        """Note pairs that have been found, and how far the search for copies of them is."""
        if self._pairs is None:
            self._main = self.asked, self.reason
        self._pairs, self.rounds = pairs, rounds

    def finish(self, pairs: Pairs, asked: int, reason: str, *, verified: bool | None, added: int) -> None:
        """Remove the state, or write the end of it for whoever clears it. Collective."""
        self._main, self._pairs, self.rounds = (asked, reason), pairs, (1, 1, added)
        self.checkpoint.finish(self.operator, lambda: self._state(DONE, asked, None, verified))

    def begin_with(self, nev: int) -> int:
        """Pairs of the run that was interrupted, or those asked for."""
        return nev if self.kept is None or self.kept.stage != SEARCH else self.kept.wanted

    def taken(self) -> Pairs | None:
        """Pairs that an earlier job has found, each looked at anew, if it came so far. Collective."""
        kept = self.kept
        if kept is None or kept.stage == SEARCH:
            return None
        self._plan(1, self.operator.size)
        self.operator.quick = False
        self.asked, self.reason, self.rounds = kept.asked, kept.reason, kept.rounds
        if kept.stage == DONE:
            self.verdict = kept.verified, kept.rounds[2]
        return self.looked_at(kept.values / self.unit, kept.vectors)

    @property
    def _stage(self) -> str:
        return SEARCH if self._pairs is None else VERIFY

    def _state(self, stage: str, wanted: int, basis: Basis | None, verified: bool | None = None) -> Kept:
        local = self.operator.local_size
        pairs = self._pairs or Pairs(np.empty(0), np.empty((0, local)), np.empty((0, local)))
        return Kept(
            stage=stage, wanted=wanted, asked=self._main[0], reason=self._main[1], rounds=self.rounds,
            values=pairs.values * self.unit, vectors=pairs.vectors, verified=verified,
            basis=basis and Basis(basis.ritz * self.unit, basis.vectors), quick=self._may_be_quick,
            largest=self.largest_seen * self.unit, products=self.products, seconds=self.seconds,
            history=tuple(self.history),
        )  # fmt: skip

    def _begun(self, nev: int, known: Array, start: int) -> tuple[Array, Array]:
        kept, self._pending = self._pending, None
        if kept is None or kept.basis is None:
            return super()._begun(nev, known, start)
        plan = self._plan(kept.wanted, self.operator.size - len(known))
        watch, wanted = Watch(self, known), kept.wanted

        def converged(ritz: Array, estimates: Array) -> int:
            self.largest_seen = max([self.largest_seen, *np.abs(ritz)])
            wrong = np.flatnonzero(estimates[:wanted] > self._goals(ritz[:wanted]))
            return int(wrong[0]) if len(wrong) else min(wanted, len(ritz))

        def heard(basis: Basis, done: int, ritz: Array, estimates: Array) -> None:
            sizes = np.maximum(np.abs(ritz[:wanted]), 1e-300) if self.relative else 1 / self.unit
            watch.tell(done, ritz[:wanted], estimates[:wanted] / sizes)
            self.keep(known, wanted, lambda: basis)

        number = start

        def fresh() -> Array:
            nonlocal number
            number += 1
            return self.starts(number)

        space = Space(self.scaled.apply, self.group, self.order, known, fresh)
        basis = Basis(kept.basis.ritz / self.unit, kept.basis.vectors).first(plan.ncv - 1)
        self.operator.quick = self.arithmetic[-1] == "float32"
        try:
            values, vectors, whole = go_on(space, basis, plan, converged, heard)
        finally:
            self.operator.quick = False
        self.asked, self.reason = wanted, CONVERGED if whole else LIMIT
        return values, vectors

    def _goals(self, ritz: Array) -> Array:
        """Residuals that SLEPc's test would let pass."""
        if not self.relative:
            return np.full(len(ritz), self.goal / self.unit)
        return np.maximum(self.goal * np.abs(ritz), self.floor)

    def _plan(self, wanted: int, left: int) -> Plan:
        """What the user's options leave of the defaults, as a run of SLEPc would read them. Collective."""
        from slepc4py import SLEPc

        with self.operator.petsc_matrix(self.scaled.apply) as matrix:
            eps = SLEPc.EPS().create(comm=matrix.getComm())
            try:
                eps.setOperators(matrix)
                self.set_up(eps, wanted, left=left)
                self.obey(eps, (wanted, left))
                self.choose_arithmetic(eps)
                ncv, restarts = int(eps.getDimensions()[1]), int(eps.getTolerances()[1])
                part = float(eps.getKrylovSchurRestart())  # 0 where it is left to SLEPc
                limit = restarts if restarts > 0 else max(100, 2 * left // ncv)  # as SLEPc has it
                return Plan(wanted, ncv, part if 0 < part < 1 else 0.5, limit)
            finally:
                petsc.destroy(eps)
