"""What is told of a pair: its residual recomputed from the images, and a bound of what rounding hides of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpcbbp.solvers.deferred.floors import has_constant, reachable
from hpcbbp.solvers.reach import rounded_up

if TYPE_CHECKING:
    from hpcbbp.model.problem import Problem
    from hpcbbp.solvers.deferred.instance import Deferred
    from hpcbbp.solvers.deferred.moments import Moments

Array = NDArray[np.float64]

_U = 2.0**-53


def recomputed(instance: Moments, values: Array, vectors: Array) -> Array:
    """Residuals |H v - lambda v| of unit block vectors (r, k', p) that have been asked about, as bounds. Collective.

    With U = D R v: the part in span(Q) is R^T U - lambda v, computed anew from the images. Outside, H v is X^T of the
    part of U outside the left directions met, of which a bound is known. What float64 may round away of both is added
    (docs/deferred.md, "What rounding may hide").
    """
    c, samples, problem = instance.coordinates, instance.samples, instance.problem
    weights = math.sqrt(instance.n) * instance.weights
    padded = np.pad(vectors, ((0, 0), (0, c.k - vectors.shape[1]), (0, 0)))
    rest = c.outside(padded)
    lengths = np.sqrt((rest**2).sum(axis=(1, 2)))
    units = rest / np.maximum(lengths, 1e-300)[:, None, None]
    sizes, terms = samples.energies(problem, weights, np.concatenate([padded, units]))
    count = len(values)
    product, lost = samples.image(problem, weights, padded, sizes[:count])
    inner = np.sqrt(((product - values[:, None, None] * padded) ** 2).sum(axis=(1, 2)))
    roundings = _U * math.sqrt(c.k * c.p) * terms[:count]  # of R v, and of v in terms of the queries
    if c.k == instance.n:
        outside = np.zeros(count)
    else:
        norm = samples.largest_root * (1 + 4 / math.sqrt(instance.n))
        outside = norm * (lengths * sizes[count:] + c.hides(padded))
    # Projections, good to u, are squared and divided by a + y: D has a relative error of u / sqrt(a) at worst.
    conditioned = (16 + 4 / math.sqrt(problem.a)) * _U * sizes[:count]
    told: Array = np.hypot(inner, outside) + roundings + conditioned + lost + 4 * _U * np.abs(values)
    return told


def of_moments(instance: Moments, vectors: Array) -> Array:
    """What rounding of the moments leaves of the residuals of Ritz vectors (r, k, p): an estimate, (r,).

    An entry R_i^T D R_j of A is a sum of products that are rounded one by one: its error is that of |D R_j|, and the
    parts of A v add up with random signs. For p > 1 sums are float64, and |D R_j| is not known: nothing.
    """
    c = instance.coordinates
    if c.p > 1:
        return np.zeros(len(vectors))
    unit = np.finfo(instance.samples.number).eps / 2
    along = np.sqrt((vectors[:, :, 0] ** 2) @ np.maximum(c.B.diagonal(), 0.0))
    estimate: Array = unit * instance.samples.largest_root * math.sqrt(c.k / instance.n) * along
    return estimate


def _larger(problem: Problem) -> str:
    """What makes curvatures less singular."""
    return "a larger a or N" if has_constant(problem) else "a looser tol or a larger N"


def _at(problem: Problem, before: str) -> str:
    """The constant, where curvatures have one."""
    return f"{before} a = {problem.a:g}" if has_constant(problem) else ""


def limited(instance: Deferred, values: Array, told: Array) -> str:
    """Why a solve that rounding ends has not converged, and what is to be done."""
    reached = float((told / np.maximum(np.abs(values), 1e-300)).max())
    way = [f"tol {rounded_up(1.5 * reached)}"] if reached < 0.5 else []
    if reachable(instance.problem, instance.n, "float64") < reached / 2 and instance.storage != "float64":
        way.append("storage float64")
    advice = " or ".join(way) or f"{_larger(instance.problem)}, or stored data (method stored)"
    return (
        f"not converged: rounding is all that is left of the residuals ({instance.storage} images, {reached:.1e} of "
        f"|lambda|{_at(instance.problem, ' at')}); take {advice}"
    )


def not_gaussian(instance: Deferred, skew: float) -> str:
    """Why no pair of a solve counts whose left directions rounding has spoilt, and what is to be done."""
    way = [] if instance.storage == "float64" else ["storage float64"]
    advice = " or ".join([*way, _larger(instance.problem), "stored data (method stored)"])
    return (
        f"not converged: rounding has left the left directions orthonormal to {skew:.1e} only ({instance.storage} "
        f"images{_at(instance.problem, ',')}), so that X is no longer Gaussian; take {advice}"
    )
