"""One sample's own prediction: edge, outliers and overlaps at finite N from its projections (s, u) alone, no X.

The averages of arXiv:2510.18435 are replaced by the sample's own, (1/N) sum_mu, and theta by the matrix over all
signal directions F_mu = (u_mu, s_mu), with cross terms between teacher, student and hidden units:

    z(g) 1               = G^-1 + (1/N) sum_mu E_mu,             E_mu = D_mu (1 - G D_mu)^-1
    Theta(g)_(k,a),(l,b) = (1/N) sum_mu (E_mu)_kl F_mu,a F_mu,b

with G, p x p, of trace p g (hpcbbp.theory.finite.dyson; at N = infinity it is g). Outliers are lambda = z(g) with
det(Theta(g) - z(g)) = 0 between the sample's edge, z'(g) = 0, and g = 0. There Theta increases and z falls with g, so
each eigenvalue of Theta - z has one zero at most: those negative at the edge are the outliers. With the unit null
vector c, m^2 = |c_teacher|^2 / (1 - c.Theta'(g)c / z'(g)).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from os import sched_getaffinity

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from hpcbbp.errors import InputError
from hpcbbp.model.problem import Problem
from hpcbbp.theory.domain import check_constant, check_count, the_papers
from hpcbbp.theory.finite import kernels as sample_kernels
from hpcbbp.theory.finite.dyson import Beyond, Curve
from hpcbbp.theory.finite.projections import Drawn, Projections, Samples, check_size, check_widths
from hpcbbp.theory.finite.sums import Ranks, Sums

Array = NDArray[np.float64]

TRACY_WIDOM_MEAN, TRACY_WIDOM_STD = -1.2065335745820, 1.2679831
"""Of the largest eigenvalue of the Gaussian orthogonal ensemble in Airy units (Tracy, Widom 1996; Bornemann 2010)."""


_ROOT, _EXTREMUM = 1e-11, 1e-9  # of g, relative; z is stationary at the edge
_PASSES = 45.0  # usual number of passes over the samples


@dataclass(frozen=True, eq=False)
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
        Unit of the lowest eigenvalues' own fluctuations at the edge, ~ N^(-2/3) at a sharp one: (14) of
        docs/finite-n.md.
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


def quenched(
    s: Samples, u: Samples, a: float, n: int, *, threads: int | None = None, group: Ranks | None = None
) -> Quenched:
    """Predict the left end of the spectrum of one sample's Hessian from its projections: docs/finite-n.md (10)-(14).

    O(M) time and no memory beside the projections; a pass over them an evaluation, some 20 to 60 in all. Collective
    with a group: each rank sums over its own rows, and nothing is gathered.

    Parameters
    ----------
    s : (M, p) array
        Student projections w_k . x_mu, weights of length sqrt(N), float32 or float64; those of this rank's samples
        (m_local of them, possibly none) with a group.
    u : (M, p_star) array
        Teacher projections of the same samples.
    a : float
        Loss constant, > 0 (quadratic activation, normalised loss).
    n : int
        N.
    threads : int, optional
        All cores by default, one on several ranks. The result does not depend on it.
    group : Group, optional
        The ranks that hold the samples together; one process by default. The result depends on their number by
        rounding alone (relative errors of 1e-9).

    Raises
    ------
    InputError
        Shapes that do not fit, numbers that are not finite, values out of their domain, or p (p + p*) > 400.
    """
    with nullcontext() if group is None else group.agreeing():
        source = Projections(s, u, empty=group is not None and group.size > 1)
        n = check_size(n, source.p + source.p_star)
        check_widths(source.p, source.p_star)
        a = check_constant(a)
        if threads is not None:
            threads = check_count("threads", threads, 1, 10_000)
    return _predict(source, a, n, threads, group)


def quenched_sample(
    problem: Problem,
    n: int,
    seed: int = 0,
    *,
    keep: bool | None = None,
    progress: Callable[[float], None] | None = None,
) -> Quenched:
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
    progress : callable, optional
        Called now and then with the share of the work that is done, a number that grows to 1.

    Raises
    ------
    InputError
        Values out of their domain, another activation or loss, or p (p + p*) > 400.
    """
    problem = the_papers(problem)
    source = Drawn(problem, n, seed, keep=keep)
    return _predict(source, problem.a, check_size(n, source.p + source.p_star), progress=_share_of(source, progress))


_DRAWING = 5.0  # passes over kept numbers that drawing them takes, p = 2 (benchmarks/theory.py)


def _share_of(source: Drawn, progress: Callable[[float], None] | None) -> Callable[[float], None] | None:
    """Passes made to the share of the work: as many as are made usually, then ever slower towards 1."""
    if progress is None:
        return None
    drawing = _DRAWING if source.keep else 0.0

    def heard(passes: float) -> None:
        done, expected = passes + drawing * min(1.0, passes), _PASSES + drawing
        progress(0.95 * done / expected if done < expected else 1.0 - 0.05 * expected / done)

    return heard


def _predict(
    source: Projections,
    a: float,
    n: int,
    threads: int | None = None,
    group: Ranks | None = None,
    progress: Callable[[float], None] | None = None,
) -> Quenched:
    sample_kernels.prepare()
    if threads is None:
        threads = 1 if group is not None and group.size > 1 else len(sched_getaffinity(0))
    with ThreadPoolExecutor(threads) as pool:
        return Sums(source, a, pool, group, progress).led(lambda sums: _left_end(Curve(sums, n)))


def _left_end(curve: Curve) -> Quenched:
    sums = curve.sums
    steepest = sums.steepest()
    if steepest <= 0.0:
        raise InputError(
            f"all curvatures of a sample of M = {sums.m} are >= 0: its spectrum has no left edge below 0; "
            "take a larger N or alpha"
        )
    g_edge = _edge(curve, -1.0 / steepest)
    edge = curve.at(g_edge).z
    *_, curvature = curve.signal(g_edge)
    scale = (abs(curvature) / 2.0) ** (1.0 / 3.0) * (sums.p * curve.n) ** (-2.0 / 3.0)
    outliers = _outliers(curve, g_edge)
    order = np.argsort(outliers[0])
    return Quenched(curve.n, sums.m, edge, g_edge, scale, *(part[order] for part in outliers))


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
    """Eigenvalues below the edge, and their m^2 with teacher and student, docs/finite-n.md (11)."""
    p, p_star = curve.sums.p, curve.sums.p_star
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
