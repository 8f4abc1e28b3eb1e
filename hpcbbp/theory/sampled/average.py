"""Finite N on average: the left end of the spectrum over sampled projections, no X and no diagonalisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.machine.rng import check_seed
from hpcbbp.model.problem import Problem
from hpcbbp.theory.domain import any_model, check_count, is_the_papers
from hpcbbp.theory.engine.answers import ModelTheory
from hpcbbp.theory.finite.projections import check_samples, check_size, check_widths
from hpcbbp.theory.finite.quenched import TRACY_WIDOM_STD, Quenched
from hpcbbp.theory.finite.sample import quenched_sample
from hpcbbp.theory.named import known_overlap2_of

Array = NDArray[np.float64]

_WORK = 1e8  # numbers M (p + p*) that are drawn in all by default: some 20 s on two cores
_FEWEST, _MOST = 3, 400
SAMPLES_MAX = 1_000_000
_ENOUGH = 1e-3  # of m^2, half of which an outlier that is seen has at least


@dataclass(frozen=True)
class FiniteSize:
    """Means and spreads (standard deviations over samples) at one alpha and N.

    Attributes
    ----------
    n, m, samples : int
    lambda_1, lambda_1_std : float
        Lowest eigenvalue; its spread holds the projections' part and, at an edge, that of Tracy and Widom; not
        (21) of docs/finite-n.md.
    edge, edge_std : float
        Left edge of the sample's bulk.
    overlap2_1, overlap2_1_std : float
        m^2 of the lowest eigenvector; 0 in samples without an outlier.
    overlap2, overlap2_std : float
        m^2 averaged over the lowest p p* eigenvectors.
    phi : float
        Fraction of all samples that have an outlier and whose lowest eigenvalue is that of the largest overlap.
    informed : float
        Fraction of samples with an outlier at all.
    seen : float or None
        Fraction of the p p* outliers with at least half of the m^2 that theory gives them, below alpha_BBP that of
        the resonance: 1/2 at alpha_BBP(N). None where theory has neither.
    separation : float or None
        Median over samples with an outlier of the distance of the lowest from the edge, in the unit (20) in which the
        lowest eigenvalues of the bulk fluctuate; None without any. Below 1 it is not told from one of the bulk.
    visible : float
        Fraction of samples whose outlier lies further out than the lowest eigenvalue of the bulk does in 95 of 100.

    Examples
    --------
    >>> found = finite_size(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=500, samples=4)
    >>> found.m, found.informed, found.lambda_1 < found.edge
    (3000, 1.0, True)
    """

    n: int
    m: int
    samples: int
    lambda_1: float
    lambda_1_std: float
    edge: float
    edge_std: float
    overlap2_1: float
    overlap2_1_std: float
    overlap2: float
    overlap2_std: float
    phi: float
    informed: float
    seen: float | None
    separation: float | None
    visible: float


def default_samples(problem: Problem, n: int) -> int:
    """Samples that take some 20 s on two cores, at least 3, at most 400."""
    problem = any_model(problem)
    directions = problem.p + problem.p_star
    each = check_samples(problem, check_size(n, directions)) * directions
    return int(min(_MOST, max(_FEWEST, _WORK // each)))


def finite_size(
    problem: Problem,
    n: int,
    samples: int | None = None,
    seed: int = 0,
    progress: Callable[[Quenched], None] | None = None,
    within: Callable[[float], None] | None = None,
) -> FiniteSize:
    """Average quenched predictions (docs/finite-n.md (18)-(20)) over samples of the model.

    Parameters
    ----------
    problem : Problem
        Of any activation, loss, link and noise.
    n : int
        N; M = round(alpha N).
    samples : int, optional
        At least 2; by default as many as take some 20 s on two cores.
    seed : int
        Sample i has seed + i.
    progress : callable, optional
        Called with the prediction of each sample.
    within : callable, optional
        Called now and then with the share of the work of one sample that is done: large ones take minutes.

    Raises
    ------
    InputError
        Values out of their domain, or labels that the loss has no value for.

    Examples
    --------
    >>> found = finite_size(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=500, samples=4)
    >>> found.samples, 0.3 < found.overlap2 < 0.8
    (4, True)
    """
    problem = any_model(problem)
    check_widths(problem.p, problem.p_star)
    n = check_size(n, problem.p + problem.p_star)
    count = default_samples(problem, n) if samples is None else check_count("samples", samples, 2, SAMPLES_MAX)
    seed = check_seed(seed)
    check_seed(seed + count)
    found = []
    for i in range(count):
        try:
            found.append(quenched_sample(problem, n, seed + i, progress=within))
        except InputError as error:
            raise InputError(f"N = {n}, alpha = {problem.alpha:g}, seed {seed + i}: {error}") from None
        if progress is not None:
            progress(found[-1])
    return averaged(found, problem.p * problem.p_star, known_overlap2(problem))


def known_overlap2(problem: Problem) -> float | None:
    """m^2 of the outlier at N = infinity, of the resonance below alpha_BBP; None without either."""
    if is_the_papers(problem):
        return known_overlap2_of((problem.p, problem.p_star, problem.a), problem.alpha)
    try:
        limit = ModelTheory(problem, _ENOUGH).spectrum(problem.alpha).named()
    except InputError:  # without a left edge at N = infinity, say
        return None
    return None if limit.lambda_star is None else limit.overlap2


def averaged(found: list[Quenched], outliers: int, known: float | None) -> FiniteSize:
    """Means and spreads of predictions at one N and alpha; `outliers` = p p*, `known` their m^2 at N = infinity."""
    lowest = np.array([q.lowest for q in found])
    edges = np.array([q.edge for q in found])
    first = np.array([q.overlap2[0] if len(q.overlap2) else 0.0 for q in found])
    all_of_them = np.array([q.overlap2[:outliers].sum() / outliers for q in found])
    separations = [float(q.separation[0]) for q in found if len(q.eigenvalues)]
    # Without an outlier the lowest eigenvalue is one of the bulk: it has the fluctuations of Tracy and Widom besides.
    own = np.array([0.0 if len(q.eigenvalues) else TRACY_WIDOM_STD * q.edge_scale for q in found])
    return FiniteSize(
        n=found[0].n,
        m=found[0].m,
        samples=len(found),
        lambda_1=float(lowest.mean()),
        lambda_1_std=float(np.sqrt(lowest.var(ddof=1) + (own**2).mean())),
        edge=float(edges.mean()),
        edge_std=_std(edges),
        overlap2_1=float(first.mean()),
        overlap2_1_std=_std(first),
        overlap2=float(all_of_them.mean()),
        overlap2_std=_std(all_of_them),
        phi=float(np.mean([len(q.overlap2) > 0 and int(np.argmax(q.overlap2)) == 0 for q in found])),
        informed=float(np.mean([len(q.overlap2) > 0 for q in found])),
        seen=None
        if known is None
        else float(np.mean([fraction_of(q.overlap2[:outliers], known, outliers) for q in found])),
        separation=float(np.median(separations)) if separations else None,
        visible=float(np.mean([q.visible for q in found])),
    )


def fraction_of(overlap2: Array | Sequence[float], known: float, outliers: int) -> float:
    """Of p p* outliers those that have at least half of the m^2 known."""
    return float((np.asarray(overlap2) >= 0.5 * known).sum()) / outliers


def _std(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1))
