"""SLEPc: the lowest eigenpairs of a Hessian, each with a residual computed anew and an honest flag."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp import petsc, provenance
from hpcbbp.errors import InputError, real_number, shown, whole_number
from hpcbbp.hessian import Hessian
from hpcbbp.result import EigenResult, Step
from hpcbbp.ritz import rayleigh_ritz
from hpcbbp.rng import check_seed, normals

Array = NDArray[np.float64]


_REASONS = {
    "CONVERGED_TOL": "converged: the requested pairs reached the tolerance",
    "CONVERGED_USER": "stopped by a user-defined test",
    "DIVERGED_ITS": "not converged: iteration limit reached; raise -eps_max_it or -eps_ncv, or loosen --tol",
    "DIVERGED_BREAKDOWN": "not converged: breakdown of the Krylov basis; try another seed or -eps_ncv",
    "DIVERGED_SYMMETRY_LOST": "not converged: symmetry lost; report this",
}


def _reason(eps: Any) -> str:
    code = eps.getConvergedReason()
    kinds = type(eps).ConvergedReason
    for name, words in _REASONS.items():
        if getattr(kinds, name, None) == code:
            return words
    return f"SLEPc stopped with reason {code}"


def default_nev(p: int, p_star: int, n: int) -> int:
    """P p* + 2 pairs, the teacher's outliers and the two eigenvalues behind them; pN if there are no more."""
    return min(p * p_star + 2, p * n)


def check_nev(nev: int, size: int) -> int:
    """Return nev, or raise InputError unless it is a whole number with 1 <= nev <= size."""
    wanted = whole_number(nev)
    if wanted is None:
        raise InputError(f"nev = {shown(nev)}: the number of eigenpairs is a whole number >= 1")
    if wanted < 1:
        raise InputError(f"nev = {shown(nev)}: ask for at least one eigenpair")
    if wanted > size:
        raise InputError(f"nev = {shown(nev)}: the Hessian has only pN = {size} eigenpairs (nev <= {size})")
    return wanted


def check_tol(tol: float) -> float:
    """Return tol, or raise InputError unless it is a number with 0 < tol < 1."""
    asked = real_number(tol)
    if asked is None or not 0 < asked < 1:
        raise InputError(f"tol = {shown(tol)}: the tolerance is a relative residual, 0 < tol < 1 (e.g. 1e-8)")
    return asked


def check_arguments(nev: int, tol: float, size: int) -> tuple[int, float]:
    """Return nev and tol as Python's numbers; InputError unless 1 <= nev <= size and 0 < tol < 1."""
    return check_nev(nev, size), check_tol(tol)


def default_ncv(nev: int, size: int) -> int:
    """Krylov vectors kept at most.

    Larger than SLEPc's max(2 nev, nev + 15): at N = 2000, p = 2, a = 1.5, alpha = 3, nev = 4 that takes 350
    products in place of 467, and a few vectors more cost nothing beside a stored X.
    """
    return min(size, max(2 * nev, nev + 36))


def check_index(nev: int | None, p: int, p_star: int, n: int) -> None:
    """Raise InputError if the Krylov basis for nev (or the default number of) pairs overflows PETSc's indices."""
    from petsc4py import PETSc

    wanted = default_nev(p, p_star, n) if nev is None else nev
    petsc.check_index(PETSc.IntType, p * n, default_ncv(wanted, p * n))


def solve(
    hessian: Hessian,
    nev: int,
    *,
    tol: float = 1e-8,
    seed: int = 0,
    progress: Callable[[Step], None] | None = None,
    below: float | None = None,
) -> EigenResult:
    """Return the nev smallest eigenpairs by SLEPc's Krylov-Schur; PETSc options act. Collective.

    Parameters
    ----------
    hessian : Hessian
    nev : int
        Pairs wanted, 1 <= nev <= pN.
    tol : float
        Relative residual |H v - lambda v| / |lambda|.
    seed : int
        Of the start vector (stream "start"): the same on any number of ranks.
    progress : callable, optional
        Called with each Step, on every rank.
    below : float, optional
        All eigenvalues below this one, and the next one if it was found, in place of nev of them (nev: how many to
        begin with, doubled until it is passed).

    Raises
    ------
    InputError
        Bad nev, tol or seed, or a PETSc that cannot do it.
    MissingDependencyError
        Without petsc4py and slepc4py.
    """
    nev, tol = check_arguments(nev, tol, hessian.size)
    seed = check_seed(seed)
    petsc.initialize()
    from petsc4py import PETSc
    from slepc4py import SLEPc

    if below is not None:
        return _doubling(hessian, nev, below, tol=tol, seed=seed, progress=progress)
    petsc.check_index(PETSc.IntType, hessian.size, default_ncv(nev, hessian.size))
    group, history = hessian.data.group, []
    before, clock = hessian.products, time.perf_counter()

    largest = 0.0  # Ritz value in size: a lower bound on |H|

    def monitor(eps: Any, its: int, nconv: int, values: list[Any], errors: list[float]) -> None:
        nonlocal largest
        largest = max([largest, *(abs(value) for value in values)])
        kept = min(len(values), nev)
        step = Step(
            int(its),
            hessian.products - before,
            int(nconv),
            tuple(float(value.real) for value in values[:kept]),
            tuple(float(error) for error in errors[:kept]),
        )
        history.append(step)
        if progress is not None:
            progress(step)

    with hessian.petsc_matrix() as matrix:
        eps = SLEPc.EPS().create(comm=matrix.getComm())
        start = matrix.createVecRight()
        try:
            eps.setOperators(matrix)
            eps.setProblemType(SLEPc.EPS.ProblemType.HEP)
            eps.setType(SLEPc.EPS.Type.KRYLOVSCHUR)
            eps.setWhichEigenpairs(SLEPc.EPS.Which.SMALLEST_REAL)
            eps.setDimensions(nev, default_ncv(nev, hessian.size))
            eps.setTolerances(tol)
            eps.setMonitor(monitor)
            rows = hessian.data.columns
            start.getArray()[:] = normals(seed, "start", rows.start * hessian.p, rows.stop * hessian.p)
            eps.setInitialSpace([start])
            try:
                _run(eps)
            except PETSc.Error as error:
                if hessian.failure is not None:  # of a product; PETSc's message may not have it
                    raise hessian.failure from error
                raise
            products, seconds = hessian.products - before, time.perf_counter() - clock
            values, vectors, counted = _pairs(eps, hessian, start)
            largest = max([largest, *np.abs(values)])
            reason, tolerance, test = _reason(eps), float(eps.getTolerances()[0]), eps.getConvergenceTest()
        finally:
            petsc.destroy(start, eps)

    images = np.array([hessian.apply(vector) for vector in vectors])
    squares = group.sum(((images - values[:, None] * vectors) ** 2).sum(axis=1))
    residuals = np.sqrt(squares)
    scale = np.abs(values) if test == SLEPc.EPS.Conv.REL else np.ones_like(values)
    # SLEPc's count rests on estimates; the slack is for rounding in the recomputed residual.
    agreed = residuals <= 1.05 * tolerance * scale + 1e-13 * largest
    if reason == _REASONS["CONVERGED_TOL"] and not (counted & agreed).all():
        reason = (
            "not converged: SLEPc's estimates reached the tolerance, the recomputed residuals did not; for "
            "eigenvalues near zero use -eps_conv_abs (a tolerance that is not relative to |lambda|)"
        )
    return EigenResult(
        eigenvalues=values,
        residuals=residuals,
        converged=counted & agreed,
        vectors=vectors.reshape(len(values), -1, hessian.p),
        reason=reason,
        products=products,
        tolerance=tolerance,
        history=tuple(history),
        seconds=seconds,
        provenance={**provenance.versions(), **petsc.versions(), "ranks": group.size, "seed": seed},
    )


def _run(eps: Any) -> None:
    """Apply the user's PETSc options and solve; options that SLEPc refuses become an InputError."""
    from petsc4py import PETSc

    try:
        with petsc.plain_errors():
            eps.setFromOptions()
            eps.solve()
    except PETSc.Error as error:
        given = [f"-{name} {value or ''}".strip() for name, value in PETSc.Options().getAll().items()]
        given = [option for option in given if option != "-no_signal_handler"]
        if not given:
            raise
        last = next((line for line in reversed(str(error).splitlines()) if line.strip()), "")
        raise InputError(f"SLEPc refuses these PETSc options: {' '.join(given)} ({last.strip()})") from None


def _doubling(hessian: Hessian, nev: int, below: float, **others: Any) -> EigenResult:
    """All eigenvalues below a threshold, by more and more pairs.

    SLEPc's own threshold (EPSSetThreshold, since 3.22) stops early: with 14 of 31 eigenvalues of a diagonal matrix
    of order 2000, with 3.26.1; and what ends at a pair beyond the threshold is known to be whole.
    """
    before = hessian.products
    while True:
        found = solve(hessian, nev, **others)
        if not found.converged.all() or found.eigenvalues[-1] >= below or nev == hessian.size:
            break
        nev = min(2 * nev, hessian.size)
    keep = slice(int((found.eigenvalues < below).sum()) + 1)
    return replace(
        found, eigenvalues=found.eigenvalues[keep], residuals=found.residuals[keep], converged=found.converged[keep],
        vectors=found.vectors[keep], products=hessian.products - before,
    )  # fmt: skip


def _pairs(eps: Any, hessian: Hessian, work: Any, every: bool = False) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Eigenvalues, unit vectors (this rank's part) and which of them SLEPc counts as converged.

    If SLEPc found fewer than were asked for, the rest are Ritz pairs of the basis it leaves behind, in the
    complement of the converged vectors: SLEPc itself does not hand them out.
    """
    wanted = int(eps.getDimensions()[0])
    found = min(int(eps.getConverged()), wanted)
    basis = _basis(eps, work) if found < wanted else None
    converged, vectors = [], []
    for i in range(found):
        converged.append(float(np.real(eps.getEigenpair(i, work))))
        vectors.append(work.getArray(readonly=True).copy())
    values, stacked = np.array(converged), np.array(vectors).reshape(found, hessian.local_size)
    if basis is not None:
        rank = _order(eps)
        more, ritz_vectors = rayleigh_ritz(
            basis, hessian.apply, hessian.data.group, wanted - found, deflate=stacked, rank=rank
        )
        values, stacked = np.append(values, more), np.concatenate([stacked, ritz_vectors])
        # A late Ritz value may lie before an early converged one.
        order = np.argsort(rank(values), kind="stable")
        return values[order], stacked[order], (np.arange(len(values)) < found)[order]
    return values, stacked, np.ones(found, dtype=bool)


def _order(eps: Any) -> Callable[[Array], Array]:
    """Key by which eigenvalues come first, for the end of the spectrum that was asked for."""
    which, asked = type(eps).Which, eps.getWhichEigenpairs()
    target = float(np.real(eps.getTarget()))
    keys: dict[Any, Callable[[Array], Array]] = {
        which.LARGEST_REAL: lambda x: -x,
        which.LARGEST_MAGNITUDE: lambda x: -np.abs(x),
        which.SMALLEST_MAGNITUDE: np.abs,
        which.TARGET_MAGNITUDE: lambda x: np.abs(x - target),
        which.TARGET_REAL: lambda x: np.abs(x - target),
    }
    return keys.get(asked, lambda x: x)


def _basis(eps: Any, work: Any) -> Array:
    """Columns of the solver's basis, (ncv, local_size)."""
    bv = eps.getBV()
    columns = []
    for j in range(int(eps.getDimensions()[1])):
        bv.copyVec(j, work)
        columns.append(work.getArray(readonly=True).copy())
    return np.array(columns)
