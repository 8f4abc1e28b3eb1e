r"""E (x) E averaged over the student's directions, as an operator on p x p matrices: delta -> <E delta E>.

E = E_0 1 + (E_1 - E_0) v v^T with v uniform on the unit sphere of R^p is isotropic, so that the operator is a number
on multiples of 1, on symmetric traceless and on antisymmetric matrices: with <v v^T> = 1/p and
<(v.delta v) v v^T> = (tr delta + 2 delta)/(p (p + 2)) for symmetric delta,

    trace          ((p - 1) E_0^2 + E_1^2)/p
    traceless      E_0^2 + 2 E_0 (E_1 - E_0)/p + 2 (E_1 - E_0)^2/(p (p + 2))
    antisymmetric  E_0^2 + 2 E_0 (E_1 - E_0)/p

J of docs/finite-n.md (17) at N = infinity is alpha times it, minus 1/g^2: its softest mode is the trace.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Modes:
    """Eigenvalues on the three kinds of matrices; traceless and antisymmetric are those of the trace for p = 1."""

    trace: float
    traceless: float
    antisymmetric: float


def modes(p: float, products: NDArray[Any]) -> Modes:
    """From <E_0^2>, <E_0 E_1>, <E_1^2>; p = inf has E_0 alone, p = 1 E_1 alone."""
    both, mixed, last = (float(value) for value in products)
    if p == 1:
        return Modes(last, last, last)
    if p == math.inf:
        return Modes(both, both, both)
    turned = both + 2.0 * (mixed - both) / p
    return Modes(
        ((p - 1.0) * both + last) / p,
        turned + 2.0 * (both - 2.0 * mixed + last) / (p * (p + 2.0)),
        turned,
    )


def stiffness(p: float, products: NDArray[Any], g: float, alpha: float) -> Modes:
    """-J at N = infinity, 1/g^2 - alpha <E (x) E>: positive left of the spectrum, zero on the trace at its edge."""
    at = modes(p, products)
    return Modes(*(1.0 / g**2 - alpha * value for value in (at.trace, at.traceless, at.antisymmetric)))
