r"""Below a discontinuous transition: what the outlier becomes when it has entered a smooth edge, a resonance.

Above alpha_BBP z(g) = theta(g) has a real solution before g = -p/2 (docs/theory.md (3)). At alpha_BBP it passes -p/2;
for smaller alpha z and theta, continued along turned contours (hpcbbp.theory.limit.contour), are complex, and so are
g and lambda = z(g): a pole of the resolvent on the sheet behind the cut of the bulk,

    lambda = Re z,    width = -Im z,    m^2 = Re[ z'/(z' - theta') ].

The width is exponentially small just below alpha_BBP. Finite samples, whose bulk ends before -p/2, show the resonance
as an outlier (hpcbbp.theory.finite.threshold says up to which N). arXiv:2510.18435 has (1)-(4); this continuation is
ours: docs/theory.md, "Below the transition".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from scipy.optimize import brentq

from hpcbbp.theory.domain import check_alpha, check_model
from hpcbbp.theory.limit.beyond import golden_rule
from hpcbbp.theory.limit.bulk import averages
from hpcbbp.theory.limit.contour import Continued, continuation
from hpcbbp.theory.limit.transition import Transition, transition

_STEP, _SMALLEST, _FOLLOWED = 0.02, 1e-7, 1e-6  # of alpha, in units of alpha_BBP
_ITERATIONS = 25
_SETTLED = 1e-14
_NEAR = 0.15  # of the contour's angle: closer to a pole than that, sums over its nodes are good to less than 1e-12
_AT_EDGE = 1e-9
_THIN = 1e-8  # of Im gamma: below it the first order is better than what rounding leaves of it


@dataclass(frozen=True)
class Resonance:
    """The outlier of a discontinuous transition below alpha_BBP, N = infinity.

    Attributes
    ----------
    alpha : float
    lambda_r : float or None
        Re z at the pole, right of the edge lambda_-; None if there is no resonance.
    width : float or None
        -Im z: half the width of the peak at half its height, in units of lambda.
    overlap2 : float or None
        m^2 = Re[ z'/(z' - theta') ]: the weight that the teacher's directions have in the peak.
    imaginary : float or None
        |Im[ z'/(z' - theta') ]|: the peak is one of Lorentz's form as far as this is small beside overlap2.
    gamma : complex or None
        -2 g/p at the pole.
    reason : str
        Why there is none; empty if there is one.

    Examples
    --------
    >>> above = resonance(2, 1, 1.5, alpha=2.0)
    >>> above.lambda_r is None, bool(above.reason)
    (True, True)
    """

    alpha: float
    lambda_r: float | None
    width: float | None
    overlap2: float | None
    gamma: complex | None
    reason: str
    imaginary: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON: "resonance", null where there is none, and "resonance_reason"."""
        found = None
        if self.lambda_r is not None:
            found = {"lambda": self.lambda_r, "width": self.width, "overlap2": self.overlap2}
            found["imaginary"] = self.imaginary
        return {"resonance": found, "resonance_reason": self.reason or None}


class Branch:
    """The pole of one model with a discontinuous transition, followed down from alpha_BBP."""

    def __init__(self, p: float, p_star: int, a: float) -> None:
        self.beyond = continuation(p, p_star, a)
        self.transition: Transition = transition(p, p_star, a)
        self._known: dict[float, Continued] = {self.transition.alpha_bbp: self.beyond.at(1.0 + 0j)}
        self._end: float | None = None
        self.why = "followed no further than to a millionth of alpha_BBP"

    def at(self, alpha: float) -> Continued | None:
        """Averages at the pole; None where Re m^2 <= 0, and wherever the pole comes too close to the contour."""
        lowest = _FOLLOWED * self.transition.alpha_bbp
        while self._end is None and min(self._known) > max(alpha, lowest):
            self._step()
        if alpha < (lowest if self._end is None else self._end):
            return None
        above = min((known for known in self._known if known >= alpha), default=None)
        if above is None:
            return None
        found = self._newton(alpha, above)
        if found is None:  # between two points that are known
            raise ArithmeticError(f"the resonance at alpha = {alpha} did not settle")
        return found if found.overlap2(alpha).real > 0.0 else None

    def end(self) -> float:
        """The alpha below which there is none; a millionth of alpha_BBP, as far as it is followed, if it goes on."""
        lowest = _FOLLOWED * self.transition.alpha_bbp
        self.at(lowest)
        return lowest if self._end is None else self._end

    def _step(self) -> None:
        """One point further down, or the end: always the same points, whatever was asked before."""
        low, top = min(self._known), self.transition.alpha_bbp
        step = _STEP * top
        while True:
            target = max(low - step, 0.5 * low)
            found = self._newton(target, low)
            if found is not None:
                break
            step *= 0.5
            if step < _SMALLEST * top:
                self._end, self.why = low, "its pole is too far from the real axis to be followed"
                return
        if found.overlap2(target).real > 0.0:
            self._known[target] = found
            return

        def weight(x: float) -> float:
            at = self._newton(x, low)
            return -1.0 if at is None else at.overlap2(x).real

        self.why = "too wide for a peak that knows the teacher (Re m^2 <= 0)"
        self._end = float(brentq(weight, target, low, xtol=1e-14 * top, rtol=1e-14))

    def _newton(self, alpha: float, near: float) -> Continued | None:
        """The solution of alpha S(gamma) = 1 that a known one leads to; None unless it settles at once."""
        at = self._known[near]
        if alpha == near:
            return at
        gamma = at.gamma + (1.0 / alpha - 1.0 / near) / at.signal_slope
        last = math.inf
        for _ in range(_ITERATIONS):
            if not self._within(gamma):
                return None
            at = self.beyond.at(gamma)
            step = (1.0 / alpha - at.signal) / at.signal_slope
            size = abs(step)
            if size < _SETTLED * abs(gamma) or (size >= last and size < 1e-12 * abs(gamma)):
                return at
            if size > 0.5 * last or size > 0.2 * abs(gamma):
                return None
            gamma, last = gamma + step, size
        return None

    def _within(self, gamma: complex) -> bool:
        beyond = gamma - 1.0
        if abs(beyond) < _AT_EDGE:  # alpha_BBP itself, by rounding before or behind it
            return True
        return beyond.real > 0.0 and math.atan2(-beyond.imag, beyond.real) < (1.0 - _NEAR) * self.beyond.angle


@lru_cache(maxsize=64)
def branch(p: float, p_star: int, a: float) -> Branch:
    """The branch of a model with a discontinuous transition, its values checked; built once."""
    return Branch(p, p_star, a)


def resonance(p: float, p_star: int, a: float, alpha: float) -> Resonance:
    """The resonance below a discontinuous transition, N = infinity: docs/theory.md (11).

    Parameters
    ----------
    p, p_star : int
        Hidden units of student and teacher; p may be inf (lambda and width are then those of p H).
    a : float
        Loss constant, > 0.
    alpha : float
        M / N, > 0.

    Returns
    -------
    Resonance
        With a reason where there is none: alpha above alpha_BBP, a continuous transition, or a width so large that
        Re m^2 <= 0.

    Raises
    ------
    InputError
        If a value is outside its domain.

    Examples
    --------
    >>> at = resonance(2, 1, 1.5, alpha=1.2)
    >>> 0 < at.width < 0.1, 0 < at.overlap2 < 0.11
    (True, True)
    """
    p, p_star, a = check_model(p, p_star, a)
    alpha = check_alpha(alpha)
    at = transition(p, p_star, a)
    if at.alpha_0 is None:
        return _none(alpha, "continuous transition: the outlier ends at a sharp edge, and no resonance is left")
    if alpha > at.alpha_bbp:
        return _none(alpha, f"alpha > alpha_BBP = {at.alpha_bbp:.6g}: the outlier itself is there")
    found = branch(p, p_star, a).at(alpha)
    if found is None:
        followed = branch(p, p_star, a)
        return _none(alpha, f"alpha < {followed.end():.6g}: {followed.why}")
    z, weight = found.z(alpha), found.overlap2(alpha)
    m2 = weight.real
    if abs(found.gamma.imag) > _THIN:
        width = -z.imag
    else:
        beyond = found.gamma.real > 1.0
        width = golden_rule(averages(p, p_star, a), found.gamma.real, alpha, m2) if beyond else 0.0
    return Resonance(alpha, z.real, width, m2, found.gamma, "", abs(weight.imag))


def resonance_end(p: float, p_star: int, a: float) -> float | None:
    """The alpha where m^2 of the resonance reaches zero, N = infinity; None if the transition is continuous.

    A millionth of alpha_BBP if m^2 > 0 down to there.

    Raises
    ------
    InputError
        If a value is outside its domain.

    Examples
    --------
    >>> round(resonance_end(2, 1, 1.5), 5)
    0.92938
    """
    p, p_star, a = check_model(p, p_star, a)
    return None if transition(p, p_star, a).alpha_0 is None else branch(p, p_star, a).end()


def _none(alpha: float, reason: str) -> Resonance:
    return Resonance(alpha, None, None, None, None, reason)
