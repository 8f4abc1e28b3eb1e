"""The lowest (or largest) eigenpairs of an operator by SLEPc, each with a residual computed anew and an honest flag.

What "converged" means is said at EigenResult (hpcbbp.solvers.result) and in docs/accuracy.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, real_number, shown, whole_number
from hpcbbp.machine import petsc, provenance
from hpcbbp.machine.rng import check_seed
from hpcbbp.operators.base import Operator
from hpcbbp.solvers.checkpoint import SolveCheckpoint
from hpcbbp.solvers.kept import KeptSearch
from hpcbbp.solvers.krylov import Search
from hpcbbp.solvers.request import DEFAULT_TOL
from hpcbbp.solvers.result import EigenResult, Step
from hpcbbp.solvers.rounds import beyond_number, count_beyond, verified_pairs
from hpcbbp.solvers.slepc import CONVERGED, chosen, default_ncv
from hpcbbp.solvers.starts import Starts

Array = NDArray[np.float64]

__all__ = [
    "check_arguments",
    "check_below",
    "check_index",
    "check_nev",
    "check_tol",
    "check_verify",
    "default_ncv",
    "default_nev",
    "solve",
]


def default_nev(p: int, p_star: int, n: int) -> int:
    """Pairs by default: p p* + 2, the teacher's outliers and two eigenvalues behind them; pN if there are no more."""
    return min(p * p_star + 2, p * n)


def check_nev(nev: int, size: int | None, order: str = "the Hessian has only pN") -> int:
    """Return nev, or raise InputError unless it is a whole number with 1 <= nev <= size (None: not known yet).

    order says whose size it is.
    """
    wanted = whole_number(nev)
    if wanted is None:
        raise InputError(f"nev = {shown(nev)}: the number of eigenpairs is a whole number >= 1")
    if wanted < 1:
        raise InputError(f"nev = {shown(nev)}: ask for at least one eigenpair")
    if size is not None and wanted > size:
        raise InputError(f"nev = {shown(nev)}: {order} = {size} eigenpairs (nev <= {size})")
    return wanted


def check_tol(tol: float) -> float:
    """Return tol, or raise InputError unless it is a number with 0 < tol < 1."""
    asked = real_number(tol)
    if asked is None or not 0 < asked < 1:
        raise InputError(f"tol = {shown(tol)}: the tolerance is a relative residual, 0 < tol < 1 (e.g. 1e-8)")
    return asked


def check_arguments(nev: int, tol: float, size: int | None) -> tuple[int, float]:
    """Return nev and tol as Python's numbers; InputError unless 1 <= nev <= size and 0 < tol < 1."""
    return check_nev(nev, size), check_tol(tol)


def check_below(below: float | None, name: str = "below") -> float | None:
    """Return the threshold, or raise InputError unless it is a finite number (or None)."""
    if below is None:
        return None
    asked = real_number(below)
    if asked is None or not math.isfinite(asked):
        raise InputError(f"{name} = {shown(below)}: the threshold is a finite number (or None for nev pairs)")
    return asked


def check_verify(verify: bool) -> bool:
    """Return whether to verify, or raise InputError unless it is True or False."""
    if not isinstance(verify, bool | np.bool_):
        raise InputError(f"verify = {shown(verify)}: True or False")
    return bool(verify)


def check_index(nev: int | None, p: int, p_star: int, n: int) -> None:
    """Raise InputError if the Krylov basis for nev (or the default number of) pairs overflows PETSc's indices."""
    from petsc4py import PETSc

    wanted = default_nev(p, p_star, n) if nev is None else nev
    petsc.check_index(PETSc.IntType, p * n, default_ncv(wanted, p * n))


def solve(
    operator: Operator,
    nev: int,
    *,
    tol: float = DEFAULT_TOL,
    seed: int = 0,
    progress: Callable[[Step], None] | None = None,
    below: float | None = None,
    above: float | None = None,
    largest: bool = False,
    verify: bool = False,
    start: Array | None = None,
    checkpoint: SolveCheckpoint | None = None,
    identity: Mapping[str, Any] | None = None,
) -> EigenResult:
    """Return the nev lowest (or largest) eigenpairs by SLEPc's Krylov-Schur; PETSc options act. Collective.

    A Krylov space holds one direction of each eigenspace: further copies of an exactly multiple eigenvalue enter by
    rounding alone, late or never, and without verify they may be missing though each pair that is there is converged.

    Parameters
    ----------
    operator : Operator
        A Hessian, or any other.
    nev : int
        Pairs wanted, 1 <= nev <= its size.
    tol : float
        Relative residual |H v - lambda v| / |lambda|.
    seed : int
        Of the start vector (stream "start"): the same on any number of ranks.
    progress : callable, optional
        Called with each Step, on every rank.
    below : float, optional
        All eigenvalues below this one, and the next one if it was found, in place of nev of them (nev: how many to
        begin with, doubled until it is passed).
    above : float, optional
        The same at the other end, from the largest eigenvalue down.
    largest : bool
        Pairs of the largest eigenvalues, from the largest down.
    verify : bool
        Search the orthogonal complement of what was found, from fresh random starts, until nothing lower turns up.
    start : (local_size,) array, optional
        A guess at the eigenvectors, of any length, this rank's part: half of the start vector, the rest stays random.
    checkpoint : SolveCheckpoint, optional
        Keeps the state at restarts, and goes on from one that is there.
    identity : dict, optional
        What such a state is the state of, beside all that is asked here, as JSON has it.

    Raises
    ------
    InputError
        Bad nev, tol, seed, below, above or start, a checkpoint of something else or damaged, products that overflow
        or underflow, or a PETSc that cannot do it.
    MissingDependencyError
        Without petsc4py and slepc4py.
    """
    nev, tol = check_arguments(nev, tol, operator.size)
    seed, beyond, largest, verify = check_seed(seed), *_end_of(below, above, largest), check_verify(verify)
    if checkpoint is not None and not isinstance(checkpoint, SolveCheckpoint):
        raise InputError(f"checkpoint = {shown(checkpoint)}: a SolveCheckpoint(folder) is wanted")
    petsc.initialize()
    from petsc4py import PETSc

    petsc.check_index(PETSc.IntType, operator.size, default_ncv(nev, operator.size))
    asked = {"nev": nev, "tol": tol, "beyond": beyond, "largest": largest, "verify": verify, "seed": seed}
    kept = None
    try:
        if checkpoint is not None:
            kept = checkpoint.begin(operator, {**(identity or {"operator": operator.name}), **asked, **chosen()})
        given = (operator, tol, Starts(operator, seed, start), progress)
        search = (
            Search(*given, largest=largest)
            if checkpoint is None
            else KeptSearch(checkpoint, kept, *given, largest=largest)
        )
        result = _found(search, nev, beyond, seed, verify=verify)
    finally:
        if checkpoint is not None:
            checkpoint.release()
    return result


def _found(search: Search, nev: int, beyond: float | None, seed: int, *, verify: bool) -> EigenResult:
    """All that a search finds, gone on with from the state that it was given. Collective."""
    pairs, verified, added = search.taken(), None, 0
    if pairs is None:
        pairs = search.run(nev) if beyond is None else beyond_number(search, search.begin_with(nev), beyond)
    nev, reason = search.asked, search.reason
    if search.verdict is not None:
        verified, added = search.verdict
    elif verify:
        verified = search.group.share(bool(search.reached(pairs).all()))
        if verified:
            pairs, verified, added = verified_pairs(search, pairs, nev, beyond)
            reason = (
                search.reason if verified else f"not verified: the search for copies ended early: {search.reason}"
            )
    search.finish(pairs, nev, reason, verified=verified, added=added)
    resumed = 0 if search.checkpoint is None else search.checkpoint.resumed  # products of earlier jobs
    pairs = pairs.select(slice(nev if beyond is None else count_beyond(search, pairs, beyond) + 1))
    converged = search.reached(pairs)
    return EigenResult(
        eigenvalues=pairs.values * search.unit,
        residuals=pairs.residuals(search.group) * search.unit,
        converged=converged,
        vectors=pairs.vectors.reshape(len(pairs), *search.operator.part),
        reason=_reason(reason, converged, nev if beyond is None else len(pairs), search.by_rounding(pairs)),
        products=search.products,
        tolerance=search.tolerance,
        history=tuple(search.history),
        seconds=search.seconds,
        provenance={
            **provenance.versions(),
            **petsc.versions(),
            "ranks": search.group.size,
            "seed": seed,
            "arithmetic": ", then ".join(dict.fromkeys(search.arithmetic)) or "float64",
            **({"resumed": resumed} if resumed else {}),
        },
        nev=len(pairs) if beyond is not None else nev,
        verified=None if verified is None else verified and bool(converged.all()),
        found_by_verification=added,
        lowest=search.as_asked and not search.largest,
    )


def _end_of(below: float | None, above: float | None, largest: bool) -> tuple[float | None, bool]:
    """The threshold, and whether it is that of the largest eigenvalues; InputError for two ends."""
    if not isinstance(largest, bool | np.bool_):
        raise InputError(f"largest = {shown(largest)}: True or False")
    if below is not None and (above is not None or largest):
        raise InputError("below with largest or above: one end of the spectrum at a time")
    return check_below(below) if above is None else check_below(above, "above"), bool(largest) or above is not None


def _reason(reason: str, converged: NDArray[np.bool_], nev: int, rounded: int) -> str:
    """Why the solve ended, by the pairs that it returns rather than by SLEPc's estimates of them."""
    if reason.startswith("not verified"):
        return reason
    if converged.all():
        if len(converged) == nev and rounded:
            return (
                f"converged to rounding: {rounded} of {nev} residuals are above tol |lambda|, but within 1e-13 |H| "
                "of it, which is what rounding leaves"
            )
        if len(converged) == nev:
            return CONVERGED
        return (
            f"not converged: {len(converged)} of {nev} pairs found, the rest were copies of these; try another seed"
        )
    if reason != CONVERGED:
        return reason
    return (
        "not converged: SLEPc's estimates reached the tolerance, the recomputed residuals did not; take a looser "
        "tolerance if products are less exact than it (float32), or, for eigenvalues near zero, -eps_conv_abs (a "
        "tolerance that is not relative to |lambda|)"
    )
