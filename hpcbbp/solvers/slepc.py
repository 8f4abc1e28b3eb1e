"""What a solver object of SLEPc says of its run, in numpy and in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.machine.ranks import Group
from hpcbbp.solvers.ritz import rayleigh_ritz

Array = NDArray[np.float64]

CONVERGED = "converged: the requested pairs reached the tolerance"
LIMIT = "not converged: iteration limit reached; raise -eps_max_it or -eps_ncv, or loosen tol"
_REASONS = {
    "CONVERGED_TOL": CONVERGED,
    "CONVERGED_USER": CONVERGED,
    "DIVERGED_ITS": LIMIT,
    "DIVERGED_BREAKDOWN": "not converged: breakdown of the Krylov basis; try another seed or -eps_ncv",
    "DIVERGED_SYMMETRY_LOST": "not converged: symmetry lost; report this",
}


def default_ncv(nev: int, size: int, *, near: bool = False) -> int:
    """Krylov vectors kept at most.

    Larger than SLEPc's max(2 nev, nev + 15): at N = 2000, p = 2, a = 1.5, alpha = 3, nev = 4 that takes 350
    products in place of 467, and a few vectors more cost nothing beside a stored X. From vectors that are near to
    the tolerance less is needed than a basis full: SLEPc looks at its pairs when it is.
    """
    return min(size, 2 * nev + 16 if near else max(2 * nev, nev + 36))


def order_of(asked: Any, kinds: Any, target: float) -> Callable[[Array], Array]:
    """Key by which eigenvalues come first, for the end of the spectrum (EPS.Which) that is asked for."""
    keys: dict[Any, Callable[[Array], Array]] = {
        kinds.LARGEST_REAL: lambda x: -x,
        kinds.LARGEST_MAGNITUDE: lambda x: -np.abs(x),
        kinds.SMALLEST_MAGNITUDE: np.abs,
        kinds.TARGET_MAGNITUDE: lambda x: np.abs(x - target),
        kinds.TARGET_REAL: lambda x: np.abs(x - target),
    }
    return keys.get(asked, lambda x: x)


def refusal_of(error: Exception, options: Mapping[str, str]) -> InputError | None:
    """What a PETSc error says of the user's options, where there are any that it may be about."""
    given = [f"-{name} {value or ''}".strip() for name, value in options.items()]
    given = [option for option in given if option != "-no_signal_handler"]
    if not given:
        return None
    last = next((line for line in reversed(str(error).splitlines()) if line.strip()), "")
    return InputError(f"SLEPc refuses these PETSc options: {' '.join(given)} ({last.strip()})")


def reason_of(eps: Any) -> str:
    """Why the run ended."""
    code, kinds = eps.getConvergedReason(), type(eps).ConvergedReason
    known = {getattr(kinds, name, None): words for name, words in _REASONS.items()}
    return known.get(code, f"not converged: SLEPc stopped with reason {code}")


def basis_of(eps: Any, work: Any) -> Array:
    """Columns of the solver's basis, (ncv, local_size)."""
    bv = eps.getBV()
    basis = np.empty((int(eps.getDimensions()[1]), work.getLocalSize()))
    for j, column in enumerate(basis):
        bv.copyVec(j, work)
        column[:] = work.getArray(readonly=True)
    return basis


def pairs_of(
    eps: Any,
    work: Any,
    known: Array,
    apply: Callable[[Array], Array],
    group: Group,
    order: Callable[[Array], Array],
) -> tuple[Array, Array]:
    """Eigenvalues and vectors (this rank's part) of a run in the complement of known ones. Collective.

    If SLEPc found fewer than were asked for, the rest are Ritz pairs of the basis it leaves behind, in the
    complement of the converged vectors: SLEPc itself does not hand them out.
    """
    wanted = int(eps.getDimensions()[0])
    found = min(int(eps.getConverged()), wanted)
    basis = basis_of(eps, work) if found < wanted else None
    converged, vectors = [], []
    for i in range(found):
        converged.append(float(np.real(eps.getEigenpair(i, work))))
        vectors.append(work.getArray(readonly=True).copy())
    values, stacked = np.array(converged), np.array(vectors).reshape(found, work.getLocalSize())
    if basis is not None:
        known = np.concatenate([known, stacked])
        count = min(wanted - found, work.getSize() - len(known))
        more, ritz_vectors = rayleigh_ritz(basis, apply, group, count, deflate=known, rank=order)
        values, stacked = np.append(values, more), np.concatenate([stacked, ritz_vectors])
        # A late Ritz value may lie before an early converged one.
        first = np.argsort(order(values), kind="stable")
        values, stacked = values[first], stacked[first]
    return values, stacked


def leading(eps: Any, converged: int, ritz: Array, group: Group) -> tuple[Array, Array] | None:
    """What a restart of Krylov-Schur keeps, as a monitor sees it: Ritz values, and their vectors and what comes next.

    The basis begins with the Ritz vectors that are kept and the residual's direction (EPSSolve_KrylovSchur_Default);
    behind them are vectors of the space before. None where a space was exhausted and there is no such direction.
    Collective.
    """
    _, ncv, mpd = map(int, eps.getDimensions())
    free = min(ncv, converged + mpd) - converged
    part = float(eps.getKrylovSchurRestart()) or 0.5
    kept = converged + max(1, int(free * part))
    bv = eps.getBV()
    if kept >= min(bv.getSizes()[1], len(ritz) + 1):
        return None
    work = eps.getOperators()[0].createVecRight()
    vectors = np.empty((kept + 1, work.getLocalSize()))
    for i, vector in enumerate(vectors):
        bv.copyVec(i, work)
        vector[:] = work.getArray(readonly=True)
    work.destroy()
    sound = np.allclose(group.sum(vectors @ vectors.T), np.eye(kept + 1), atol=1e-8)
    return (ritz[:kept], vectors) if group.share(sound) else None


def chosen() -> dict[str, str]:
    """PETSc options that say which pairs SLEPc finds: with others a state is that of another solve."""
    from petsc4py import PETSc

    names = ("monitor", "view", "ncv", "mpd", "max_it", "converged_reason", "error")
    given = PETSc.Options().getAll()
    return {
        f"-{name}": str(value) for name, value in sorted(given.items())
        if name.startswith(("eps_", "st_")) and not any(name.startswith(f"eps_{other}") for other in names)
    }  # fmt: skip
