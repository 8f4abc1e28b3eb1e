"""The outlier that knows the teacher: where it is and how much it knows, at N = infinity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from scipy.optimize import brentq

from hpcbbp.theory.domain import check_alpha
from hpcbbp.theory.limit.bulk import GAMMA_MIN, Averages, Moments, averages, left_edge

CLOSED = 1e-8
"""Of closed forms: docs/theory.md."""


class Outlier(NamedTuple):
    """An eigenvalue left of the bulk, and the m^2 of its vector with the teacher's and the student's weights."""

    eigenvalue: float
    overlap2: float
    student_overlap2: float


@dataclass(frozen=True)
class Spectrum:
    """Left end of the Hessian's spectrum at one alpha, N = infinity.

    There is no other outlier left of the bulk: none that knows the student alone (proof in docs/theory.md).

    Attributes
    ----------
    alpha : float
    lambda_minus : float
        Left edge of the bulk.
    edge : {"sharp", "smooth"}
    lambda_star : float or None
        The teacher's outlier (p p*-fold degenerate); None if there is none.
    overlap2 : float
        m^2 of each of its eigenvectors; 0 without an outlier.
    student_overlap2 : float
        The same with the student's weights; 0 for the paper's model.
    error : float
        Estimate of the largest error of these numbers.
    outliers : tuple of Outlier
        Of other models, which may have several: all of them, ascending, and each as often as it occurs; lambda_star
        is the lowest of those that know the teacher.

    Examples
    --------
    >>> below = spectrum(2, 1, 1.5, alpha=1.2)
    >>> below.edge, below.lambda_star, below.overlap2
    ('smooth', None, 0.0)
    """

    alpha: float
    lambda_minus: float
    edge: str
    lambda_star: float | None
    overlap2: float
    student_overlap2: float = 0.0
    error: float = CLOSED
    outliers: tuple[Outlier, ...] = ()

    def mean_overlap2(self, count: int) -> float:
        """m^2 averaged over the lowest p p* = `count` vectors, 0 of those that are no outliers'."""
        if not self.outliers:
            return self.overlap2
        return sum(at.overlap2 for at in self.outliers[:count]) / count


def overlap2(at: Moments, alpha: float) -> float:
    """m^2 = 1 / (1 - theta'/z') at the outlier's g: docs/theory.md (4)."""
    slope = at.z_prime(alpha)
    return slope / (slope - at.theta_prime(alpha))


def outlier_gamma(model: Averages, alpha: float, edge: float) -> float | None:
    """-2 g*/p of the outlier, z(g*) = theta(g*) between the edge and 0, docs/theory.md (3); None if there is none.

    g (z - theta) = 1 - alpha signal falls from 1 at g = 0, and crosses zero at most once before the edge: at
    a crossing z' < 0 and theta' > 0.
    """

    def gap(gamma: float) -> float:
        return 1.0 - alpha * model.moments(gamma).signal

    if gap(edge) >= 0.0:
        return None
    return float(brentq(gap, GAMMA_MIN, edge, xtol=1e-300, rtol=1e-14))


def spectrum(p: float, p_star: int, a: float, alpha: float) -> Spectrum:
    """Left edge, outlier and overlap at one alpha, N = infinity: equations (1)-(7) of docs/theory.md.

    Parameters
    ----------
    p, p_star : int
        Hidden units of student and teacher; p may be inf (eigenvalues are then those of p H).
    a : float
        Loss constant, > 0.
    alpha : float
        M / N, > 0.

    Raises
    ------
    InputError
        If a value is outside its domain.

    Examples
    --------
    >>> at = spectrum(2, 1, 1.5, alpha=3.0)
    >>> at.edge, round(at.lambda_minus, 5), round(at.lambda_star, 5), round(at.overlap2, 5)
    ('sharp', -0.81258, -0.98864, 0.44679)
    """
    model = averages(p, p_star, a)
    alpha = check_alpha(alpha)
    lambda_minus, kind, edge = left_edge(p, p_star, a, alpha)
    gamma = outlier_gamma(model, alpha, edge)
    if gamma is None:
        return Spectrum(alpha, lambda_minus, kind, None, 0.0)
    at = model.moments(gamma)
    return Spectrum(alpha, lambda_minus, kind, at.z(alpha), overlap2(at, alpha))
