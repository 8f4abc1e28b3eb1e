"""What a solver object of SLEPc says of its run, in numpy and in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError

Array = NDArray[np.float64]

CONVERGED = "converged: the requested pairs reached the tolerance"
_REASONS = {
    "CONVERGED_TOL": CONVERGED,
    "CONVERGED_USER": CONVERGED,
    "DIVERGED_ITS": "not converged: iteration limit reached; raise -eps_max_it or -eps_ncv, or loosen tol",
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
