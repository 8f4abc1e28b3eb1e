"""One sample's own prediction: edge, outliers and overlaps at finite N from its projections (s, u) alone, no X.

The averages of arXiv:2510.18435 are replaced by the sample's own, (1/N) sum_mu, and theta by the matrix over all
signal directions F_mu = (u_mu, s_mu), with cross terms between teacher, student and hidden units:

    z(g) 1               = G^-1 + (1/N) sum_mu E_mu,             E_mu = D_mu (1 - G D_mu)^-1
    Theta(g)_(k,a),(l,b) = (1/N) sum_mu (E_mu)_kl F_mu,a F_mu,b

with G, p x p, of trace p g (hpcbbp.theory.finite.dyson; at N = infinity it is g). Outliers are lambda = z(g) with
det(Theta(g) - z(g) Gram) = 0 between the sample's edge, z'(g) = 0, and g = 0, Gram the cosines of the angles between
the weights. There Theta increases and z falls with g, so each eigenvalue of Theta with respect to Gram crosses z once
at most: those below z at the edge are the outliers. With the null vector c, c.Gram c = 1,
m^2 = |(Gram c)_teacher|^2 / (1 - c.Theta'(g)c / z'(g)).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from os import sched_getaffinity

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.model.covariance import binned
from hpcbbp.model.problem import Problem
from hpcbbp.theory.domain import any_model, check_constant, check_count, is_the_papers
from hpcbbp.theory.finite.curved import CurvedSample, DrawnCurved
from hpcbbp.theory.finite.dyson import Beyond, Curve
from hpcbbp.theory.finite.left_end import check_gram, left_edge, outliers
from hpcbbp.theory.finite.levels import LevelCurve
from hpcbbp.theory.finite.population import Population
from hpcbbp.theory.finite.projections import Drawn, Projections, Samples, check_size, check_widths
from hpcbbp.theory.finite.quenched import Quenched
from hpcbbp.theory.finite.sums import Ranks, Sums

Array = NDArray[np.float64]

_PASSES = 45.0  # usual number of passes over the samples


def quenched(
    s: Samples,
    u: Samples,
    a: float,
    n: int,
    *,
    gram: Array | None = None,
    threads: int | None = None,
    group: Ranks | None = None,
) -> Quenched:
    """Predict the left end of the spectrum of one sample's Hessian from its projections: docs/finite-n.md (18)-(20).

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
    gram : (p + p_star, p + p_star) array, optional
        w_a . w_b / N of the weights, student first: those of random weights differ from 0 by N^(-1/2), which moves
        outliers as much for p_star > 1. The identity by default. The same on all ranks.
    threads : int, optional
        All cores by default, one on several ranks. The result does not depend on it.
    group : Group, optional
        The ranks that hold the samples together; one process by default. The result depends on their number by
        rounding alone (relative errors of 1e-9).

    Raises
    ------
    InputError
        Shapes that do not fit, numbers that are not finite, values out of their domain, or p (p + p*) > 400.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = quenched(rng.standard_normal((6000, 1)), rng.standard_normal((6000, 1)), a=1.5, n=1000)
    >>> len(found.eigenvalues), bool(found.eigenvalues[0] < found.edge)
    (1, True)
    """
    return _of_rows(lambda some: (Projections(s, u, empty=some), check_constant(a)), None, n, gram, threads, group)


def quenched_model(
    problem: Problem,
    s: Samples,
    u: Samples,
    n: int,
    *,
    z: Array | None = None,
    gram: Array | None = None,
    threads: int | None = None,
    group: Ranks | None = None,
) -> Quenched:
    """`quenched` for any activation, loss, link and noise: docs/finite-n.md (17)-(20), which hold for any D.

    Parameters
    ----------
    problem : Problem
        Its alpha does not matter.
    s, u, n, threads, group
        As for `quenched`.
    gram : array, optional
        As for `quenched`; where data have a covariance, (L, p + p_star, p + p_star): of the parts of the weights in
        each of its levels (hpcbbp.model.covariance.binned).
    z : (M,) array, optional
        What noise on the labels was made of (Problem.noise_numbers); needed where there is noise.

    Raises
    ------
    InputError
        As for `quenched`; besides, labels that the loss has no value for.

    Examples
    --------
    >>> problem = Problem(p=1, p_star=1, alpha=6.0, a=1.5)
    >>> rng = np.random.default_rng(0)
    >>> found = quenched_model(problem, rng.standard_normal((6000, 1)), rng.standard_normal((6000, 1)), n=1000)
    >>> bool(found.overlap2[0] > 0.4)
    True
    """
    if is_the_papers(problem):
        return quenched(s, u, problem.a, n, gram=gram, threads=threads, group=group)
    return _of_rows(lambda some: (CurvedSample(problem, s, u, z, empty=some), None), problem, n, gram, threads, group)


def _of_rows(
    source_of: Callable[[bool], tuple[Projections, float | None]],
    problem: Problem | None,
    n: int,
    gram: Array | None,
    threads: int | None,
    group: Ranks | None,
) -> Quenched:
    """Check what was asked, on all ranks alike, and predict; a rank among several may have no rows."""
    with nullcontext() if group is None else group.agreeing():
        source, a = source_of(group is not None and group.size > 1)
        n = check_size(n, source.p + source.p_star)
        check_widths(source.p, source.p_star)
        law = None if problem is None else problem.covariance
        shares = None if law is None else binned(law, n)[1] / n
        cosines = check_gram(gram, source.p + source.p_star, shares)
        if threads is not None:
            threads = check_count("threads", threads, 1, 10_000)
    return _predict(source, problem, a, n, cosines, threads, group)


def quenched_sample(
    problem: Problem,
    n: int,
    seed: int = 0,
    *,
    keep: bool | None = None,
    progress: Callable[[float], None] | None = None,
) -> Quenched:
    """Draw the projections of one sample of a model, at any N, and predict the left end of its spectrum.

    Parameters
    ----------
    problem : Problem
        Of any activation, loss, link and noise.
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
        Values out of their domain, labels that the loss has no value for, or p (p + p*) > 400.

    Examples
    --------
    >>> found = quenched_sample(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=1000, seed=1)
    >>> found.m, bool(found.overlap2[0] > 0.4)
    (6000, True)
    """
    problem = any_model(problem)
    known = is_the_papers(problem)
    source = Drawn(problem, n, seed, keep=keep) if known else DrawnCurved(problem, n, seed, keep=keep)
    size = check_size(n, source.p + source.p_star)
    share = _share_of(source, progress)
    return _predict(source, problem, problem.a if known else None, size, source.gram, progress=share)


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
    problem: Problem | None,
    a: float | None,
    n: int,
    gram: Array,
    threads: int | None = None,
    group: Ranks | None = None,
    progress: Callable[[float], None] | None = None,
) -> Quenched:
    source.kernels.prepare()
    if threads is None:
        threads = 1 if group is not None and group.size > 1 else len(sched_getaffinity(0))
    with ThreadPoolExecutor(threads) as pool:
        population = None if problem is None else Population.sample(problem, n, gram)
        return Sums(source, a, pool, group, progress).led(
            lambda sums: left_end(Curve(sums, n) if population is None else LevelCurve(sums, n, population), gram)
        )


def left_end(curve: Curve, gram: Array) -> Quenched:
    """Edge, outliers and overlaps along a curve; InputError where there is no left edge below 0."""
    sums = curve.sums
    steepest = sums.steepest()
    if steepest <= 0.0:
        raise InputError(
            f"all curvatures of a sample of M = {sums.m} are >= 0: its spectrum has no left edge below 0; "
            "take a larger N or alpha"
        )
    try:
        g_edge = left_edge(curve, -1.0 / steepest)
        edge = curve.at(g_edge).z
        curvature = curve.bend(g_edge)
        found = outliers(curve, g_edge, gram)
    except InputError:
        raise
    except (Beyond, ArithmeticError, ValueError, np.linalg.LinAlgError):  # numbers beyond what doubles can square
        raise InputError(
            f"the left end of a sample of N = {curve.n} was not found: its projections are out of proportion "
            "(those of the model are of order 1)"
        ) from None
    scale = (abs(curvature) / 2.0) ** (1.0 / 3.0) * (sums.p * curve.n) ** (-2.0 / 3.0)
    order = np.argsort(found[0])
    return Quenched(curve.n, sums.m, edge, g_edge, scale, *(part[order] for part in found))
