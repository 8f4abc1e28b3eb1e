"""The BBP transition at N = infinity: where it is, whether m jumps, and where its continuation ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scipy.optimize import brentq

from hpcbbp.theory.limit.bulk import GAMMA_MIN, Averages, Moments, averages
from hpcbbp.theory.limit.outlier import CLOSED, overlap2


@dataclass(frozen=True)
class Transition:
    """Thresholds of one model.

    Attributes
    ----------
    alpha_c : float or None
        The left edge of the bulk is smooth for alpha <= alpha_c; of other models None where it is not known.
    alpha_bbp : float
        The outlier exists for alpha > alpha_bbp.
    kind : {"continuous", "discontinuous"}
    jump_overlap2 : float
        m^2 just above alpha_bbp; 0 for a continuous transition.
    alpha_0 : float or None
        Where the tangent of m^2(alpha) at alpha_bbp+ reaches zero; None for a continuous transition.
    error : float
        Estimate of the largest error of these numbers.

    Examples
    --------
    >>> continuous = transition(2, 1, 0.5)
    >>> continuous.kind, continuous.alpha_0, continuous.jump_overlap2
    ('continuous', None, 0.0)
    """

    alpha_c: float | None
    alpha_bbp: float
    kind: str
    jump_overlap2: float
    alpha_0: float | None
    error: float = CLOSED


def overlap2_slope(at: Moments, alpha: float) -> float:
    """d m^2 / d alpha along the outlier.

    m^2 = n / (n + q) with n = -z' = 1/g^2 - alpha <t[E^2]> and q = theta' = alpha <y t[E^2]>; the outlier moves by
    dg/dalpha = -(<t[E]> - <y t[E]>) / (z' - theta'), and d<t[E^2]>/dg = 2 <t[E^3]>.
    """
    g = at.g
    z_prime, theta_prime = at.z_prime(alpha), at.theta_prime(alpha)
    # <t[E]> - <y t[E]> = -signal / g
    dg = (at.signal / g) / (z_prime - theta_prime)
    n, q = -z_prime, theta_prime
    dn = -at.bulk[1] + (-2.0 / g**3 - 2.0 * alpha * at.bulk[2]) * dg
    dq = at.teacher[1] + 2.0 * alpha * at.teacher[2] * dg
    return float((dn * q - n * dq) / (n + q) ** 2)


def _sharp_threshold(model: Averages) -> float:
    """Alpha where the outlier meets a sharp edge: the edge and the outlier of one alpha at the same g."""

    def difference(gamma: float) -> float:
        at = model.moments(gamma)
        return float(at.g**2 * at.bulk[1] - at.signal) / gamma

    gamma = brentq(difference, GAMMA_MIN, 1.0, xtol=1e-300, rtol=1e-14)
    return 1.0 / model.moments(gamma).signal


def transition(p: float, p_star: int, a: float) -> Transition:
    """Thresholds of the quadratic model with p and p* hidden units and loss constant a, N = infinity.

    Equations (6), (8), (9), (15) and alpha_0 of docs/theory.md.

    If the outlier meets a smooth edge, alpha_bbp = (p*/2) / <((p-1)/p)/(a+yhat) + (1/p)/(a+3yhat)>, valid if it
    is at most alpha_c, and m^2 jumps; otherwise it is where z = theta at the sharp edge.

    Raises
    ------
    InputError
        If a value is outside its domain.

    Examples
    --------
    >>> found = transition(2, 1, 1.5)
    >>> found.kind, round(found.alpha_bbp, 6), round(found.jump_overlap2, 4)
    ('discontinuous', 1.322938, 0.1098)
    """
    model = averages(p, p_star, a)
    at = model.moments(1.0)
    smooth_threshold = 1.0 / at.signal
    critical = model.alpha_edge(1.0)
    if smooth_threshold > critical:
        return Transition(critical, _sharp_threshold(model), "continuous", 0.0, None)
    jump = overlap2(at, smooth_threshold)
    alpha_0 = smooth_threshold - jump / overlap2_slope(at, smooth_threshold)
    return Transition(critical, smooth_threshold, "discontinuous", jump, alpha_0)


def thresholds(at: Transition) -> dict[str, Any]:
    """Thresholds of a model under the names that JSON and CSV use."""
    return {
        "alpha_c": at.alpha_c,
        "alpha_bbp": at.alpha_bbp,
        "transition": at.kind,
        "jump_overlap2": at.jump_overlap2,
        "alpha_0": at.alpha_0,
    }
