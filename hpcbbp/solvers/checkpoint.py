"""Checkpoints of SLEPc's solves: the basis that a restart keeps, from which another job goes on (thick.py)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.machine.ranks import Group
from hpcbbp.machine.rng import normals
from hpcbbp.operators.base import Operator
from hpcbbp.solvers.keeping.identity import KRYLOV
from hpcbbp.solvers.keeping.known import check_known, known_of, take_known
from hpcbbp.solvers.keeping.long import Long, LongFile
from hpcbbp.solvers.keeping.vectors import VectorCheckpoint
from hpcbbp.solvers.result import Step
from hpcbbp.solvers.thick import Basis

Array = NDArray[np.float64]

SEARCH, VERIFY, DONE = "search", "verify", "done"
"""How far a solve is: pairs are looked for; they are found, and copies of them are looked for; nothing is left."""

_ALIKE = 1e-5  # of two products with one vector, by which another operator is told: float32 leaves 1e-7


@dataclass(frozen=True)
class Kept:
    """A solve at a restart, in units of the operator.

    Attributes
    ----------
    stage : {"search", "verify", "done"}
    wanted : int
        Pairs that the run at hand looks for.
    basis : Basis or None
        What its restart keeps.
    values, vectors : (k,) and (k, n_local) arrays
        Pairs that runs before it have found, this rank's part.
    asked, reason
        How many these were to be, and why their run ended.
    rounds : tuple of int
        Of the search for copies: vectors of the next round, its first start vector, pairs added so far.
    verified : bool or None
    quick : bool
        Whether products in float32 arithmetic have sufficed so far.
    largest : float
        Ritz value in size so far, by which rounding is told from a residual.
    products : int
    seconds : float
    history : tuple of Step
    """

    stage: str
    wanted: int
    basis: Basis | None
    values: Array
    vectors: Array
    asked: int
    reason: str
    rounds: tuple[int, int, int]
    verified: bool | None
    quick: bool
    largest: float
    products: int
    seconds: float
    history: tuple[Step, ...]


class SolveCheckpoint(VectorCheckpoint):
    """A folder, seen by all ranks, that holds the state of one solve by SLEPc.

    The basis at a restart, pairs found before, what dice know of X, and checksums of all. Another number of ranks can
    go on. A folder with files of somebody else under our names is refused and left as it is.

    Parameters
    ----------
    folder, every, stop, outlives
        As of Keeping: a state is written at restarts of SLEPc.

    Attributes
    ----------
    resumed : int
        Products that the state in the folder was made of; 0 if there was none.

    Examples
    --------
    >>> from hpcbbp import Problem, gaussian_instance, solve_instance
    >>> instance = gaussian_instance(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=200)
    >>> solution = solve_instance(instance, 1, checkpoint=SolveCheckpoint("kept", every=60.0))
    >>> bool(solution.eigen.converged[0])
    True
    """

    words, what, unfinished = KRYLOV, "solve", False

    def _fresh(self) -> None:
        super()._fresh()
        self.resumed = 0
        self._parts: list[SolveCheckpoint] = []
        self._whole: SolveCheckpoint | None = None
        self._mark = np.empty(0)

    @property
    def origin(self) -> str:
        """What the solve goes on from, in words."""
        return f"goes on from {self.folder}"

    def of(self, name: str) -> SolveCheckpoint:
        """That of a part of the work, in a folder of this one, which outlives its part."""
        part = SolveCheckpoint(self.folder / name, self.every, stop=self.stop, outlives=True)
        part._whole = self
        self._parts.append(part)
        return part

    def end_of_parts(self, group: Group) -> None:
        """Remove the states of all parts, as the whole work is over. Collective."""
        for part in self._parts:
            part._remove(group)
        if group.rank == 0:
            with suppress(OSError):  # files of others in it
                self.folder.rmdir()

    def begin(self, operator: Operator, identity: dict[str, Any]) -> Kept | None:
        """Claim the folder and take the state, if there is one. Collective.

        Raises
        ------
        InputError
            The state is that of something else, or damaged; or an operator that is another one after each product.
        """
        if not operator.fixed and operator.data is None:
            raise InputError(
                f"checkpoint of {operator.name}: what dice know of X is kept for a Hessian alone, not for sums and "
                "projections of one"
            )
        group = operator.group
        there = self._claim(group, identity)
        self._mark = self._marked(operator)
        if not there:
            return None
        with group.agreeing(), self._reading():
            about, arrays = self._small()
            counts = self.counts
            sizes = {name: counts.pop(name, 0) for name in ("pairs", "basis")}
            check_known(operator.data, counts)
            kept = _kept(about, arrays, sizes)
            mark = arrays["mark"]
            if mark.shape != self._mark.shape or not np.allclose(mark, self._mark, _ALIKE, _ALIKE * abs(mark).max()):
                raise InputError("is of a solve of another operator: name another folder, or remove it")
        found: dict[str, Array] = {}

        def take(file: LongFile, descriptor: int) -> dict[str, list[int]]:
            sums: dict[str, list[int]] = {}
            for name, size in sizes.items():
                read = list(file.read(descriptor, name, np.float64, operator.rows.start, operator.local_size))
                found[name] = np.array([row for row, _ in read]).reshape(size, operator.local_size)
                sums[name] = [mixed for _, mixed in read]
            return {**sums, **take_known(operator.data, file, descriptor)}

        self._take_long(group, take)
        self.resumed = kept.products
        if self._whole is not None:
            self._whole.resumed += kept.products
        basis = Basis(kept.basis.ritz, found["basis"]) if kept.basis else None
        return replace(kept, vectors=found["pairs"], basis=basis)

    def save_if_due(self, operator: Operator, kept: Callable[[], Kept | None]) -> None:
        """Write the state if the interval has passed or the solve is to stop; None leaves the one before. Collective.

        Raises
        ------
        StoppedError
        """

        def save() -> None:
            found = kept()
            if found is not None:
                self.save(operator, found)

        self._save_if_due(operator.group, save)
        if self._whole is not None:
            self._whole.trouble = self.trouble

    def save(self, operator: Operator, kept: Kept) -> None:
        """Write the long vectors, then the small state. Collective."""
        about = {name: getattr(kept, name) for name in _PLAIN}
        about["history"] = [
            [step.restart, step.products, step.converged, step.eigenvalues, step.estimates] for step in kept.history
        ]
        basis = kept.basis or Basis(np.empty(0), np.empty((0, operator.local_size)))
        kinds = {
            name: Long(vectors, operator.rows.start, operator.size, replaced=True)
            for name, vectors in (("pairs", kept.vectors), ("basis", basis.vectors))
        }
        small = {"values": kept.values, "ritz": basis.ritz, "mark": self._mark}
        self._keep(operator.group, {**kinds, **known_of(operator.data)}, about, small)

    def finish(self, operator: Operator, kept: Callable[[], Kept]) -> None:
        """Remove the state as the solve is over, or write its end for whoever clears it. Collective."""
        if self.outlives:
            self._try(operator.group, lambda: self.save(operator, kept()))
        else:
            self._remove(operator.group)

    def _marked(self, operator: Operator) -> Array:
        """Two numbers by which another operator is told, from one product; none of dice, which a product changes."""
        if not operator.fixed:
            return np.zeros(1)
        rows, group = operator.rows, operator.group
        v = normals(0, "operator-checks", rows.start, rows.stop)
        image = operator.apply(v)
        with np.errstate(over="ignore"):
            return group.sum(np.array([(v * image).sum(), np.abs(image).sum()])) / operator.size


_PLAIN = ("stage", "wanted", "asked", "reason", "rounds", "verified", "quick", "largest", "products", "seconds")


def _kept(about: dict[str, Any], arrays: dict[str, Any], sizes: dict[str, int]) -> Kept:
    """The state, vectors left out; what numpy and Python raise for one that makes no sense."""
    values, ritz = (np.array(arrays[name], dtype=np.float64) for name in ("values", "ritz"))
    batch, start, added = map(int, about["rounds"])
    kept = Kept(
        stage=str(about["stage"]),
        wanted=int(about["wanted"]),
        basis=Basis(ritz, np.empty((0, 0))) if len(ritz) else None,
        values=values,
        vectors=np.empty((0, 0)),
        asked=int(about["asked"]),
        reason=str(about["reason"]),
        rounds=(batch, start, added),
        verified=None if about["verified"] is None else bool(about["verified"]),
        quick=bool(about["quick"]),
        largest=float(about["largest"]),
        products=int(about["products"]),
        seconds=float(about["seconds"]),
        history=tuple(
            Step(int(restart), int(products), int(converged), tuple(map(float, of)), tuple(map(float, estimates)))
            for restart, products, converged, of, estimates in about["history"]
        ),
    )
    whole = kept.stage in (SEARCH, VERIFY, DONE) and kept.wanted >= 1 and (kept.stage == DONE or len(ritz) > 0)
    fits = values.shape == (sizes["pairs"],) and sizes["basis"] == (len(ritz) + 1 if len(ritz) else 0)
    numbers = all(np.isfinite(each).all() for each in (values, ritz, kept.largest)) and kept.largest >= 0
    if not (whole and fits and ritz.ndim == 1 and numbers):
        raise ValueError("numbers that make no sense")
    return kept
