r"""alpha_BBP(N): where instances of finite N have lost half of the outliers of a discontinuous transition.

The resonance below alpha_BBP, at g*, has the m^2 of N = infinity as long as no sample mu has the
pole 1/d_min of its lowest curvature near or before g*: at a distance of 2 (soft/((2 + w) N))^(1/2), w = m^2 (y - 1),
it halves m^2. There are alpha N samples mu, independent, so

    (13)  P(seen) = exp( -alpha N P( d_min < 1/(g* - 2 (soft/((2 + w) N))^(1/2)) ) )

is the fraction of outliers with at least half of their m^2, and alpha_BBP(N) is where it is 1/2. First order in the
shift, without the width of the resonance: trusted as long as both are short beside the distance over which P changes
by a factor e (docs/theory.md, "The effective threshold").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from scipy.optimize import brentq

from hpcbbp.errors import InputError, shown, whole_number
from hpcbbp.theory.domain import check_alpha, check_model, real
from hpcbbp.theory.finite.effective import EffectiveSize, EffectiveThreshold
from hpcbbp.theory.limit.beyond import steep
from hpcbbp.theory.limit.bulk import Averages, averages
from hpcbbp.theory.limit.modes import Modes, stiffness
from hpcbbp.theory.limit.resonance import branch
from hpcbbp.theory.limit.transition import transition

SIZE_MAX = 10**30
"""Largest N of an effective threshold."""

_TRUSTED, _MONOTONE = 1.0, 2.0  # of the shift over the distance in which P changes by e; beyond 2, P grows with 1/N
_THIN = 0.3  # of the resonance's width over that distance, for trust
_FEW = 0.01  # weights p + p* over N, for trust
_NONE = 1e-3  # samples mu expected: so few that nothing depends on whether the shift is small
_SOLVED = 1e-6  # of the logarithm of the number expected: elsewhere it jumps past what is asked for
_LARGEST = 1e290  # N beyond which probabilities underflow


@dataclass(frozen=True)
class _Pole:
    """The resonance at one alpha: gamma = -2 g/p, |Im gamma|, m^2, and the softness of J."""

    model: Averages
    alpha: float
    gamma: float
    width: float
    overlap2: float
    soft: float

    def shift(self, n: float) -> float:
        """How much before gamma a sample mu may have its pole and still halve m^2."""
        if self.gamma <= 1.0:  # at alpha_BBP, where no sample has a pole
            return 0.0
        known = 2.0 + self.overlap2 * max(0.0, steep(self.model, self.gamma).label - 1.0)
        return (4.0 / self.model.p) * math.sqrt(self.soft / (known * float(n)))

    def expected(self, n: float) -> tuple[float, float]:
        """Samples mu expected with a pole too near; and the shift over the distance in which they grow e-fold.

        The number is 0 where there are none by rounding, the ratio infinite where the shift passes -p/2.
        """
        shift = self.shift(n)
        gamma = self.gamma + shift
        if gamma <= 1.0:
            return 0.0, math.inf
        at = steep(self.model, gamma)
        within = at.fraction > 0.0 and shift < self.gamma - 1.0
        return float(self.alpha * n * at.fraction), float(shift * at.slope / at.fraction) if within else math.inf

    def trusted(self, n: float) -> bool:
        """Whether shift and width are short beside the distance over which the number of samples grows e-fold."""
        ratio = self.expected(n)[1]
        if ratio > _TRUSTED:
            return False
        return bool(self.width * ratio < _THIN * self.shift(n))


def _pole(p: float, p_star: int, a: float, alpha: float) -> _Pole | None:
    """At alpha <= alpha_BBP of a discontinuous transition; None below the branch's end, or if J is not definite."""
    model, found = averages(p, p_star, a), branch(p, p_star, a).at(alpha)
    if found is None:
        return None
    gamma, width = float(found.gamma.real), abs(float(found.gamma.imag))
    soft = _softness(p, stiffness(p, found.products.real, -0.5 * model.p * gamma, alpha))
    return None if soft is None else _Pole(model, alpha, gamma, width, float(found.overlap2(alpha).real), soft)


def _softness(p: float, j: Modes) -> float | None:
    """Largest P |J|^-1 P over the projectors P that one sample's lowest curvature can push along, |P| = 1.

    Of rank r from 1 to p - 1 (1 for p = 1): r/p of it is trace, the rest traceless.
    """
    if j.trace <= 0.0 or j.traceless <= 0.0:
        return None
    if p == 1 or p == math.inf:
        return 1.0 / j.trace
    return max((rank / j.trace + (p - rank) / j.traceless) / p for rank in (1.0, p - 1.0))


def check_effective_size(n: Any, p: float, p_star: int) -> int:
    """Return N, or raise InputError unless it is a whole number that has room for the weights, up to 1e30."""
    size = whole_number(n)
    least = max(2, p_star + (1 if p == math.inf else int(p)))
    if size is None or not least <= size <= SIZE_MAX:
        raise InputError(f"N = {shown(n)}: a whole number from p + p* = {least} to {SIZE_MAX:.0e} is wanted")
    return size


def effective_threshold(p: float, p_star: int, a: float, n: int, fraction: float = 0.5) -> EffectiveThreshold:
    """alpha_BBP(N) of a discontinuous transition: docs/theory.md (13), without sampling.

    Parameters
    ----------
    p, p_star : int
        Hidden units of student and teacher; p may be inf.
    a : float
        Loss constant, > 0.
    n : int
        N, from p + p* to 1e30.
    fraction : float
        Of the outliers that are seen there; 0.1 and 0.9 give the width of the change.

    Returns
    -------
    EffectiveThreshold
        With a reason where there is none: a continuous transition, or an N too small for (13).

    Raises
    ------
    InputError
        Values out of their domain.

    Examples
    --------
    >>> round(effective_threshold(2, 1, 1.5, n=10**6).alpha, 3)
    1.022
    """
    p, p_star, a = check_model(p, p_star, a)
    size = check_effective_size(n, p, p_star)
    share = real(fraction)
    if share is None or not 0.0 < share < 1.0:
        raise InputError(f"fraction = {shown(fraction)}: a fraction of outliers lies between 0 and 1")
    at = transition(p, p_star, a)
    if at.alpha_0 is None:
        return EffectiveThreshold(size, None, False, "continuous transition: its corrections fall as N^(-1/3)")
    target = -math.log(share)

    def excess(alpha: float) -> float:
        """Of the logarithm of the number expected; large where the branch has ended."""
        pole = _pole(p, p_star, a, alpha)
        if pole is None:
            return 1e3
        expected = pole.expected(size)[0]
        return math.log(expected / target) if expected > 0.0 else -1e3

    low, high = branch(p, p_star, a).end() * (1.0 + 1e-9), at.alpha_bbp
    if excess(low) < 0.0:
        what = "most instances show the outlier down to where its m^2 vanishes"
        return EffectiveThreshold(size, None, False, f"N = {size:.3g} is too small: {what}")
    alpha = float(brentq(excess, low, high, xtol=1e-14 * low, rtol=1e-14))
    pole = _pole(p, p_star, a, alpha)
    if pole is None or pole.expected(size)[1] > _MONOTONE or abs(excess(alpha)) > _SOLVED:
        what = "the edge of a sample is not made by its lowest curvature alone"
        return EffectiveThreshold(size, None, False, f"N = {size:.3g} is too small: {what}")
    return EffectiveThreshold(size, alpha, pole.trusted(size) and _large_enough(size, p, p_star), "")


def _large_enough(n: float, p: float, p_star: int) -> bool:
    """Whether N is large beside the number of weights (of the teacher alone at p = inf)."""
    return (p_star + (0.0 if p == math.inf else p)) <= _FEW * n


def fraction_seen(p: float, p_star: int, a: float, alpha: float, n: int) -> float | None:
    """Fraction of the outliers that instances of N show at one alpha: (13), what `effective_threshold` inverts.

    Returns
    -------
    float or None
        1 above alpha_BBP; None where there is no resonance either, where N is so small that (13) does not hold, and
        for continuous transitions.

    Raises
    ------
    InputError
        Values out of their domain.

    Examples
    --------
    >>> fraction_seen(2, 1, 1.5, alpha=1.1, n=10**6) > fraction_seen(2, 1, 1.5, alpha=1.1, n=10**8)
    True
    """
    p, p_star, a = check_model(p, p_star, a)
    size, alpha = check_effective_size(n, p, p_star), check_alpha(alpha)
    at = transition(p, p_star, a)
    if at.alpha_0 is None:
        return None
    if alpha > at.alpha_bbp:
        return 1.0
    pole = _pole(p, p_star, a, alpha)
    if pole is None:
        return None
    expected, ratio = pole.expected(size)
    return None if expected > _NONE and ratio > _MONOTONE else math.exp(-expected)


def effective_size(p: float, p_star: int, a: float, alpha: float) -> EffectiveSize:
    """N(alpha), where half of the resonances are seen: the inverse of `effective_threshold`.

    Parameters
    ----------
    p, p_star : int
        Hidden units of student and teacher; p may be inf.
    a : float
    alpha : float
        M / N, below alpha_BBP.

    Returns
    -------
    EffectiveSize
        With a reason where there is none.

    Raises
    ------
    InputError
        Values out of their domain.

    Examples
    --------
    >>> size = effective_size(2, 1, 1.5, alpha=1.1)
    >>> 1e6 < size.n < 1e12
    True
    """
    p, p_star, a = check_model(p, p_star, a)
    alpha = check_alpha(alpha)
    at = transition(p, p_star, a)
    if at.alpha_0 is None:
        return EffectiveSize(alpha, None, "continuous transition: its corrections fall as N^(-1/3)")
    if alpha >= at.alpha_bbp:
        return EffectiveSize(alpha, None, f"alpha >= alpha_BBP = {at.alpha_bbp:.6g}: the outlier stays at any N")
    pole = _pole(p, p_star, a, alpha)
    if pole is None:
        return EffectiveSize(alpha, None, "no resonance that knows the teacher is left at this alpha")

    log_n = math.log(_LARGEST)
    expected, ratio = pole.expected(_LARGEST)
    if expected < math.log(2.0):
        return EffectiveSize(alpha, None, f"so close to alpha_BBP = {at.alpha_bbp:.6g} that N > {_LARGEST:.0e}")
    while expected > math.log(2.0) and ratio <= _MONOTONE and log_n > 0.0:
        log_n -= 1.0
        expected, ratio = pole.expected(math.exp(log_n))
    above = log_n + 1.0
    if expected > math.log(2.0) and ratio > _MONOTONE:  # where (13) begins to hold, between the last two N
        log_n = float(brentq(lambda x: min(pole.expected(math.exp(x))[1], 1e3) - _MONOTONE, log_n, above))
        expected = pole.expected(math.exp(log_n))[0]
    if expected > math.log(2.0):
        return EffectiveSize(alpha, None, "no N that is large enough for an edge made by the lowest curvature alone")

    def excess(log_n: float) -> float:
        return math.log(max(pole.expected(math.exp(log_n))[0], 1e-300) / math.log(2.0))

    found = math.exp(float(brentq(excess, log_n, above, xtol=1e-12)))
    return EffectiveSize(alpha, found, "", pole.trusted(found) and _large_enough(found, p, p_star))
