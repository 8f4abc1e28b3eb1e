"""Runs of SLEPc on one operator: what each of them finds, and how near to an eigenpair that is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.machine import petsc
from hpcbbp.operators.base import Operator
from hpcbbp.operators.units import ORDINARY, InUnits
from hpcbbp.solvers.forgetful import NothingKept
from hpcbbp.solvers.pairs import Pairs
from hpcbbp.solvers.result import Step
from hpcbbp.solvers.ritz import rayleigh_ritz
from hpcbbp.solvers.slepc import CONVERGED, default_ncv, order_of, pairs_of, reason_of, refusal_of
from hpcbbp.solvers.starts import Starts
from hpcbbp.solvers.watch import Watch

Array = NDArray[np.float64]

ROUNDING = 1e-13
"""Part of |H| that a residual may keep from rounding alone, whatever the tolerance: eigenvalues near 0 need it."""

QUICK = 1e-6
"""Tightest tolerance for which products are made in float32 arithmetic, where data have that."""

_MARGIN = 0.5  # of the tolerance, for SLEPc's estimates: the rest is for the rounding of quick products
_FLOOR = 1.6e-7  # of |A|: twice what quick products leave of residuals, where they are followed no further
_NEAR = 10.0  # times the tolerance: from there a basis of half the size is enough


class Search(NothingKept):
    """Runs of SLEPc on one operator for one end of its spectrum.

    Parameters
    ----------
    operator : Operator
    tol : float
    starts : Starts
    progress : callable or None
        Called with each Step, on every rank.
    largest : bool
        From the largest eigenvalue down, and not from the lowest up.

    Attributes
    ----------
    unit : float
        What eigenvalues, residuals and images are multiples of (InUnits).
    tolerance, relative
        What SLEPc tests for, after the user's options: relative to |lambda|, or absolute.
    as_asked : bool
        Whether the user's options have left the end of the spectrum that the caller asked for.
    asked, reason
        How many pairs the last run was to find (-eps_nev), and why it ended.
    checks : int
        Products made to check pairs.
    arithmetic : tuple of str
        Of the products of each run: "float32" within chunks and float64 across, or "float64".
    history : list of Step
    goal : float
        What SLEPc's test is given in place of the tolerance: quick products want a margin.
    largest_seen : float
        Ritz value in size, in these units: a lower bound on |A|.
    """

    def __init__(
        self,
        operator: Operator,
        tol: float,
        starts: Starts,
        progress: Callable[[Step], None] | None,
        *,
        largest: bool = False,
    ) -> None:
        self.operator, self.group, self.starts, self.progress = operator, operator.group, starts, progress
        self.scaled = InUnits(operator)
        self.largest, self.as_asked = largest, True
        self.tolerance, self.relative, self.goal = tol, True, tol
        self.asked, self.reason, self.checks, self._before = 0, "", 0, operator.products
        self.history: list[Step] = []
        self._clock = time.perf_counter()
        self.largest_seen = 0.0
        self._order: Callable[[Array], Array] = np.negative if largest else np.positive
        self._may_be_quick = operator.may_be_quick()
        self.arithmetic: tuple[str, ...] = ()
        self._near = False
        if abs(operator.exponent()) > ORDINARY / 2:  # may be refused, and not within SLEPc: there 3.22 has crashed
            self.scaled.apply(self.starts(0))
            self.checks += 1

    @property
    def unit(self) -> float:
        """What all numbers in here are multiples of."""
        return self.scaled.unit

    @property
    def products(self) -> int:
        """Products made so far, checks not counted."""
        return self.operator.products - self._before - self.checks

    @property
    def seconds(self) -> float:
        """Wall-clock time so far."""
        return time.perf_counter() - self._clock

    def order(self, values: Array) -> Array:
        """Key by which eigenvalues come first, for the end of the spectrum that was asked for."""
        return self._order(values * self.unit)

    def key(self, value: float) -> float:
        """That of a number in the operator's own units."""
        return float(self._order(np.array([value]))[0])

    def run(self, nev: int, known: Array | None = None, start: int = 0) -> Pairs:
        """First nev eigenpairs in the complement of some orthonormal vectors. Collective.

        Parameters
        ----------
        nev : int
        known : (k, n_local) array, optional
        start : int
            Number of the random start vector: another one each time.
        """
        known = np.empty((0, self.operator.local_size)) if known is None else known
        left = self.operator.size - len(known)
        if len(known) and left <= default_ncv(nev, left):  # the whole complement is no larger than a Krylov basis
            values, vectors = self._random_space(nev, left, known, start)
            self.asked, self.reason = min(nev, left), CONVERGED
        else:
            values, vectors = self._begun(nev, known, start)
            if self._quick_failed(values, vectors, known):
                values, vectors = self._krylov_schur(nev, known, start, vectors)
            missing = min(self.asked, left) - len(values)
            if missing > 0:  # an operator 0 leaves SLEPc of 3.22 without a basis
                more = self._random_space(missing, missing, np.concatenate([known, vectors]), start)
                values, vectors = np.append(values, more[0]), np.concatenate([vectors, more[1]])
        pairs = self.looked_at(values, vectors)
        whole = bool(self.reached(pairs, known).all())
        # SLEPc's values are those of the products it had: of quick ones not yet v . H v.
        whole = whole and self.arithmetic[-1:] != ("float32",)
        return pairs if self.group.share(whole) else pairs.refined(self.group, self.order)

    def looked_at(self, values: Array, vectors: Array) -> Pairs:
        """Pairs with images from a product of their own, in float64 arithmetic. Collective."""
        sizes = np.sqrt(self.group.sum((vectors**2).sum(axis=1)))
        vectors = vectors / np.where(sizes > 0, sizes, 1.0)[:, None]
        images = np.array([self.scaled.apply(vector) for vector in vectors]).reshape(vectors.shape)
        self.checks += len(vectors)
        self.largest_seen = max([self.largest_seen, *np.abs(values)])
        return Pairs(values, vectors, images)

    def _quick_failed(self, values: Array, vectors: Array, known: Array) -> bool:
        """Whether what quick products have found falls short of the tolerance; from then on they are exact."""
        if self.arithmetic[-1] == "float32" and self.reason == CONVERGED and len(values):
            pairs = self.looked_at(values, vectors)
            excess = (pairs.residuals(self.group, known) / np.maximum(self._allowed(pairs), 1e-300)).max()
            reached, self._near = bool(self.reached(pairs, known).all()), bool(excess < _NEAR)
            self._may_be_quick, self._near = self.group.share((reached, self._near))
        return self.arithmetic[-1] == "float32" and not self._may_be_quick

    def reached(self, pairs: Pairs, known: Array | None = None) -> NDArray[np.bool_]:
        """Which pairs are converged: a residual within tolerance or rounding, no copy of an earlier one.

        They are looked at outside the span of known orthonormal vectors. Collective.
        """
        allowed = self._allowed(pairs) + self.rounding
        return (pairs.residuals(self.group, known) <= allowed) & pairs.distinct(self.group)

    def by_rounding(self, pairs: Pairs) -> int:
        """How many residuals are within rounding of the tolerance and not within the tolerance. Collective."""
        excess = pairs.residuals(self.group) - self._allowed(pairs)
        return int(((excess > 0) & (excess <= self.rounding)).sum())

    def _allowed(self, pairs: Pairs) -> Array:
        """What the tolerance allows each residual; 5 % of slack, since an estimate is not exactly the residual."""
        return 1.05 * self.tolerance * (np.abs(pairs.values) if self.relative else np.full(len(pairs), 1 / self.unit))

    @property
    def floor(self) -> float:
        """Residual below which none is followed."""
        return _FLOOR * self.largest_seen if self.operator.quick else self.rounding / 2

    @property
    def rounding(self) -> float:
        """What rounding may leave of a residual."""
        return ROUNDING * self.largest_seen

    def _random_space(self, nev: int, dimension: int, known: Array, start: int) -> tuple[Array, Array]:
        """Ritz pairs of the span of some random vectors in the complement of known ones."""
        basis = np.array([self.starts(start + i) for i in range(dimension)]).reshape(
            dimension, self.operator.local_size
        )
        return rayleigh_ritz(basis, self.scaled.apply, self.group, nev, deflate=known, rank=self.order)

    def _begun(self, nev: int, known: Array, start: int) -> tuple[Array, Array]:
        """The first run of a search."""
        return self._krylov_schur(nev, known, start)

    def _krylov_schur(self, nev: int, known: Array, start: int, near: Array | None = None) -> tuple[Array, Array]:
        """Values and vectors of one run of SLEPc, PETSc options acting; from a start vector, or from near ones."""
        from petsc4py import PETSc
        from slepc4py import SLEPc

        left = self.operator.size - len(known)
        self.operator.failure = None  # of an earlier solve
        with self.operator.petsc_matrix(self.scaled.apply) as matrix:
            eps = SLEPc.EPS().create(comm=matrix.getComm())
            work, deflated = matrix.createVecRight(), [matrix.createVecRight() for _ in known]
            try:
                eps.setOperators(matrix)
                self.set_up(eps, nev, near=near is not None and self._near, left=left)
                eps.setMonitor(Watch(self, known))
                for vector, values in zip(deflated, known, strict=True):
                    vector.getArray()[:] = values
                if deflated:
                    eps.setDeflationSpace(deflated)
                work.getArray()[:] = self.starts(start) if near is None else near.sum(axis=0)
                eps.setInitialSpace([work])
                self._solve(eps, None if not deflated else (nev, left))
                self.asked, self.reason = int(eps.getDimensions()[0]), reason_of(eps)
                return pairs_of(eps, work, known, self.scaled.apply, self.group, self.order)
            except PETSc.Error as error:
                raise self.operator.failure or error from error  # of a product; PETSc's message may not have it
            finally:
                self.operator.quick = False
                petsc.destroy(work, *deflated, eps)

    def _solve(self, eps: Any, limits: tuple[int, int] | None) -> None:
        """Apply the user's PETSc options and solve; options that SLEPc refuses become an InputError."""
        from petsc4py import PETSc

        try:
            with petsc.plain_errors():
                self.obey(eps, limits)
                self.choose_arithmetic(eps)
                eps.solve()
                self.operator.quick = False  # of products that check what was found
        except PETSc.Error as error:
            refusal = None if self.operator.failure is not None else refusal_of(error, PETSc.Options().getAll())
            if refusal is None:
                raise
            raise refusal from None

    def obey(self, eps: Any, limits: tuple[int, int] | None) -> None:
        """Take the user's options; (nev, left) of a complement, which options made for the whole do not know."""
        eps.setFromOptions()
        if limits is not None:
            nev, left = limits
            eps.setDimensions(nev, max(min(int(eps.getDimensions()[1]), left), min(nev + 1, left)))
        self._read(eps)
        if self.keeps and eps.getType() != "krylovschur":
            raise InputError(f"checkpoint with -eps_type {eps.getType()}: the state is that of krylovschur")

    def set_up(self, eps: Any, nev: int, *, near: bool = False, left: int | None = None) -> None:
        """What is asked for where the user's options say nothing."""
        left = self.operator.size if left is None else left
        eps.setProblemType(type(eps).ProblemType.HEP)
        eps.setType(type(eps).Type.KRYLOVSCHUR)
        eps.setWhichEigenpairs(self._end(type(eps).Which))
        eps.setDimensions(nev, default_ncv(nev, left, near=near))
        eps.setTolerances(self.tolerance)

    def choose_arithmetic(self, eps: Any) -> None:
        """float32 within products where the tolerance is no tighter than that bears."""
        quick = self._may_be_quick and self.relative and self.tolerance >= 0.999 * QUICK
        self.operator.quick = quick
        self.arithmetic += ("float32" if quick else "float64",)
        self.goal = _MARGIN * self.tolerance if quick else self.tolerance
        eps.setTolerances(self.goal, eps.getTolerances()[1])

    def _read(self, eps: Any) -> None:
        """Note which end, tolerance and test the user's options have left."""
        kinds, asked, target = type(eps).Which, eps.getWhichEigenpairs(), float(np.real(eps.getTarget()))
        self.as_asked = asked == self._end(kinds)
        if asked in (kinds.TARGET_MAGNITUDE, kinds.TARGET_REAL):
            self.scaled.refuse_other_units()
        self.tolerance = float(eps.getTolerances()[0])
        self.relative = eps.getConvergenceTest() == type(eps).Conv.REL
        self._order = order_of(asked, kinds, target)

    def _end(self, kinds: Any) -> Any:
        return kinds.LARGEST_REAL if self.largest else kinds.SMALLEST_REAL
