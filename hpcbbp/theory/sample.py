"""One sample's own prediction: edge, outliers and overlaps at finite N from its projections (s, u) alone, no X.

The averages of arXiv:2510.18435 are replaced by the sample's own, (1/N) sum_mu, and theta by the matrix over all
signal directions F_mu = (u_mu, s_mu), with cross terms between teacher, student and hidden units:

    z(g) 1               = G^-1 + (1/N) sum_mu E_mu,             E_mu = D_mu (1 - G D_mu)^-1
    Theta(g)_(k,a),(l,b) = (1/N) sum_mu (E_mu)_kl F_mu,a F_mu,b

with G, p x p, of trace p g (hpcbbp.theory.dyson; at N = infinity it is g). Outliers are lambda = z(g) with
det(Theta(g) - z(g)) = 0 between the sample's edge, z'(g) = 0, and g = 0. There Theta increases and z falls with g, so
each eigenvalue of Theta - z has one zero at most: those negative at the edge are the outliers. With the unit null
vector c, m^2 = |c_teacher|^2 / (1 - c.Theta'(g)c / z'(g)).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import sched_getaffinity

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from hpcbbp.errors import InputError
from hpcbbp.problem import Problem
from hpcbbp.theory import sample_kernels
from hpcbbp.theory.bulk import A_RANGE
from hpcbbp.theory.dyson import Beyond, Curve
from hpcbbp.theory.projections import Drawn, Projections, Samples, check_size, check_widths

Array = NDArray[np.float64]

TRACY_WIDOM_MEAN, TRACY_WIDOM_STD = -1.2065335745820, 1.2679831
"""Of the largest eigenvalue of the Gaussian orthogonal ensemble in Airy units (Tracy, Widom 1996; Bornemann 2010)."""


_ROOT, _EXTREMUM = 1e-11, 1e-9  # of g, relative; z is stationary at the edge


@dataclass(frozen=True)
class Quenched:
    """Left end of the spectrum of one sample's Hessian, as its projections predict it.

    Attributes
    ----------
    n, m : int
        N and M.
    edge : float
        The sample's left edge of the bulk.
    g_edge : float
        Stieltjes transform there, 1/d_min < g_edge < 0.
    edge_scale : float
        Unit of the lowest eigenvalues' own fluctuations at the edge, ~ N^(-2/3) at a sharp one: equation (14).
    eigenvalues : (r,) array
        Outliers below the edge, ascending; r <= p (p + p*), possibly 0.
    overlap2 : (r,) array
        m^2 with the teacher, sum_kl (v_k . w*_l)^2 / N.
    student_overlap2 : (r,) array
        The same with the student's weights.
    """

    n: int
    m: int
    edge: float
    g_edge: float
    edge_scale: float
    eigenvalues: Array
    overlap2: Array
    student_overlap2: Array

    @property
    def lowest(self) -> float:
        """lambda_1: the lowest outlier; without one the edge, and what Tracy-Widom fluctuations add on average."""
        if len(self.eigenvalues):
            return float(self.eigenvalues[0])
        return self.edge - TRACY_WIDOM_MEAN * self.edge_scale


def quenched(s: Samples, u: Samples, a: float, n: int, *, threads: int | None = None) -> Quenched:
    """Predict the left end of the spectrum of the Hessian of one sample from its projections: equations (10)-(14).

    O(M) time and no memory beside the projections; a pass over them an evaluation, some 20 to 60 in all.

    Parameters
    ----------
    s : (M, p) array
        Student projections w_k . x_mu, weights of length sqrt(N), float32 or float64.
    u : (M, p_star) array
        Teacher projections.
    a : float
        Loss constant, > 0 (quadratic activation, normalised loss).
    n : int
        N.
    threads : int, optional
        All cores by default. The result does not depend on it.

    Raises
    ------
    InputError
        Shapes that do not fit, numbers that are not finite, values out of their domain, or p (p + p*) > 400.
    """
    source = Projections(s, u)
    n = check_size(n, source.p + source.p_star)
    Problem(p=source.p, p_star=source.p_star, alpha=source.m / n, a=a)
    return _predict(source, a, n, threads)


def quenched_sample(problem: Problem, n: int, seed: int = 0, *, keep: bool | None = None) -> Quenched:
    """Draw the projections of one sample of the model, at any N, and predict the left end of its spectrum.

    Parameters
    ----------
    problem : Problem
        Quadratic activation and normalised loss.
    n : int
    seed : int
        One seed is one sample.
    keep : bool, optional
        Keep the projections (4 M (p + p*) bytes), or draw them again in every pass; by default what memory allows.

    Raises
    ------
    InputError
        Values out of their domain, or p (p + p*) > 400.
    """
    return _predict(Drawn(problem, n, seed, keep=keep), problem.a, n)


def _predict(source: Projections, a: float, n: int, threads: int | None = None) -> Quenched:
    if not A_RANGE[0] <= a <= A_RANGE[1]:
        raise InputError(f"a = {a}: theory is computed for {A_RANGE[0]:g} <= a <= {A_RANGE[1]:g}")
    check_widths(source.p, source.p_star)
    sample_kernels.prepare()
    with ThreadPoolExecutor(threads or len(sched_getaffinity(0))) as pool:
        return _left_end(Curve(source, float(a), n, pool))


def _left_end(curve: Curve) -> Quenched:
    source = curve.source
    steepest = curve.steepest()
    if steepest <= 0.0:
        raise InputError(
            f"all curvatures of a sample of M = {source.m} are >= 0: its spectrum has no left edge below 0; "
            "take a larger N or alpha"
        )
    g_edge = _edge(curve, -1.0 / steepest)
    edge = curve.at(g_edge).z
    *_, curvature = curve.signal(g_edge)
    scale = (abs(curvature) / 2.0) ** (1.0 / 3.0) * (source.p * curve.n) ** (-2.0 / 3.0)
    outliers = _outliers(curve, g_edge)
    order = np.argsort(outliers[0])
    return Quenched(curve.n, source.m, edge, g_edge, scale, *(part[order] for part in outliers))


def _edge(curve: Curve, limit: float) -> float:
    """The g where dz/dg = 0: g^2 z' grows from -1 at g = 0, and the curve ends or has turned near g = 1/d_min."""

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


def _outliers(curve: Curve, g_edge: float) -> tuple[Array, Array, Array]:
    """Eigenvalues below the edge, and their m^2 with teacher and student."""
    p, p_star = curve.source.p, curve.source.p_star
    seen: dict[float, Array] = {}

    def gaps(g: float) -> Array:
        """Eigenvalues of Theta - z, ascending."""
        if g not in seen:
            seen[g] = np.linalg.eigvalsh(curve.signal(g)[0]) - curve.at(g).z
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
        theta, theta_prime, _ = curve.signal(g)
        c = np.linalg.eigh(theta)[1][:, j]
        share = (c.reshape(p, p_star + p) ** 2).sum(axis=0) / (1.0 - c @ theta_prime @ c / at.slope)
        found[:, j] = at.z, share[:p_star].sum(), share[p_star:].sum()
    return found[0], found[1], found[2]
