"""Where one sample's bulk ends, and its outliers before that, along the curve of its Dyson equation."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.optimize import brentq

from hpcbbp.errors import InputError, shown
from hpcbbp.model.parts import refuse_masked
from hpcbbp.theory.finite.dyson import Beyond, Curve

Array = NDArray[np.float64]

_ROOT, _EXTREMUM = 1e-11, 1e-9  # of g, relative; z is stationary at the edge
_GRAM = 1e-10  # by which rounding may leave a Gram matrix unsymmetric; and its smallest eigenvalue


def check_gram(gram: Array | None, directions: int, shares: Array | None = None) -> Array:
    """Return cosines between weights, or raise InputError unless they are those of independent unit vectors.

    With shares of levels, (L,), they are sums over levels: (L, q, q).
    """
    if shares is not None:
        return _check_levels(gram, directions, shares)
    if gram is None:
        return np.eye(directions)
    refuse_masked(gram, "gram")
    try:
        cosines = np.asarray(gram, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"gram = {shown(gram)}: a matrix of numbers is wanted") from None
    if cosines.shape != (directions, directions):
        raise InputError(f"gram of shape {cosines.shape}: {(directions, directions)}, p + p*, is wanted")
    if not np.isfinite(cosines).all() or np.abs(cosines - cosines.T).max() > _GRAM:
        raise InputError("gram: a symmetric matrix of finite numbers is wanted")
    if np.abs(np.diag(cosines) - 1.0).max() > 0.5 or np.linalg.eigvalsh(cosines)[0] < _GRAM:
        raise InputError("gram: w_a . w_b / N of independent weights is wanted, about 1 on the diagonal")
    return cosines


def _check_levels(gram: Array | None, directions: int, shares: Array) -> Array:
    if gram is None:
        return shares[:, None, None] * np.eye(directions)
    if np.ndim(gram) != 3 or np.shape(gram) != (len(shares), directions, directions):
        raise InputError(
            f"gram of shape {np.shape(gram)}: {(len(shares), directions, directions)}, a matrix for each level of "
            "the data's covariance, is wanted"
        )
    check_gram(np.sum(gram, axis=0), directions)
    return np.asarray(gram, dtype=np.float64)


def left_edge(curve: Curve, limit: float) -> float:
    """The g where dz/dg = 0: g^2 z' is below 0 at g = 0, grows, and the curve ends or has turned near g = 1/d_min."""

    def before(g: float) -> float:
        try:
            return g * g * curve.at(g).slope
        except Beyond:
            return 1.0

    near = limit
    while before(near) >= 0.0:
        near *= 0.7
    far = near  # found from afar, a point may have been missed; and a matrix can go further than the scalar limit
    while before(far) < 0.0:
        near, far = far, 1.2 * far
    known = {near: before(near), far: before(far)}
    g_edge = float(brentq(lambda g: known.get(g) or before(g), far, near, xtol=1e-300, rtol=_EXTREMUM))
    if before(g_edge) < -1e-3:  # Newton's method failed before the edge; never seen
        raise InputError(
            f"the edge of a sample of N = {curve.n} was not found: g^2 dz/dg = {before(g_edge):.2g} there"
        )
    return g_edge


def outliers(curve: Curve, g_edge: float, gram: Array) -> tuple[Array, Array, Array]:
    """Eigenvalues below the edge, and their m^2 with teacher and student, docs/finite-n.md (19)."""
    p, p_star = curve.sums.p, curve.sums.p_star
    directions = curve.metric(gram)
    seen: dict[float, Array] = {}

    def gaps(g: float) -> Array:
        """Eigenvalues of Theta with respect to Gram, minus z, ascending."""
        if g not in seen:
            seen[g] = scipy.linalg.eigvalsh(curve.signal(g)[0], directions) - curve.at(g).z
        return seen[g]

    count = int((gaps(g_edge) < 0.0).sum())
    found = np.zeros((3, count))
    near = g_edge
    while count and gaps(near)[0] <= 0.0:
        near *= 0.7
    for j in range(count):
        before = max(g for g in seen if gaps(g)[j] < 0.0)
        behind = min(g for g in seen if gaps(g)[j] >= 0.0)
        g = float(brentq(lambda g, j: float(gaps(g)[j]), before, behind, args=(j,), xtol=1e-300, rtol=_ROOT))
        at = curve.at(g)
        theta, theta_prime = curve.signal(g)
        c = scipy.linalg.eigh(theta, directions)[1][:, j]
        along = curve.seen(g, c, directions).reshape(p, p_star + p)
        share = (along**2).sum(axis=0) / (1.0 - c @ theta_prime @ c / at.slope)
        found[:, j] = at.z, share[:p_star].sum(), share[p_star:].sum()
    return found[0], found[1], found[2]
