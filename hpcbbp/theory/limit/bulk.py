r"""The bulk of the Hessian's spectrum at N = infinity: z(g), its left edge, and where the edge turns smooth.

arXiv:2510.18435; conventions of the model in hpcbbp.model.problem. g < 0 is the Stieltjes transform left of the
spectrum; everything is written in gamma = -2 g / p, which runs over (0, 1]. An eigenvalue of D is
d = (2/p)(c yhat - y)/(a + y), with c = 1 (p - 1 times) and c = 3 (once), and

    E = d / (1 - g d) = (2/p) (c yhat - y) / (a + (1 - gamma) y + gamma c yhat)

has a denominator that is positive up to and at gamma = 1: docs/theory.md (5). Numbers of equations are those of
docs/theory.md and docs/finite-n.md, here as everywhere, not the paper's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from hpcbbp.theory.domain import check_model
from hpcbbp.theory.limit.quadrature import chi2_rule

Array = NDArray[np.float64]

GAMMA_MIN = 1e-100  # below every edge and outlier; roots near it are wanted to relative accuracy: z ~ 1/g there


@dataclass(frozen=True)
class Moments:
    """Averages at one g: bulk[j-1] = <t[E^j]>, teacher[j-1] = <y t[E^j]>, j = 1, 2, 3.

    signal = -g <(1 - y) t[E]> = -g (bulk[0] - teacher[0]) > 0, computed without cancellation: S of
    docs/theory.md (7).
    """

    gamma: float
    g: float
    bulk: Array
    teacher: Array
    signal: float

    def z(self, alpha: float) -> float:
        """z(g) = 1/g + alpha <t[E]>, the inverse of the Stieltjes transform: docs/theory.md (1)."""
        return float(1.0 / self.g + alpha * self.bulk[0])

    def z_prime(self, alpha: float) -> float:
        """dz/dg = -1/g^2 + alpha <t[E^2]>."""
        return float(-1.0 / self.g**2 + alpha * self.bulk[1])

    def theta_prime(self, alpha: float) -> float:
        """dtheta/dg = alpha <y t[E^2]>, theta = alpha <y t[E]>."""
        return float(alpha * self.teacher[1])


class Averages:
    """Averages of the quadratic model with p and p* hidden units and loss constant a, which have been checked.

    Parameters
    ----------
    p : int or inf
        At p = inf eigenvalues are those of p H, and g = -gamma / 2.
    p_star : int
    a : float
    """

    def __init__(self, p: float, p_star: int, a: float) -> None:
        infinite = p == math.inf
        self.p, self.p_star, self.a = 1.0 if infinite else float(p), p_star, a
        yhat, w_hat = chi2_rule(p, self.a)
        y, w = chi2_rule(p_star, self.a)
        self._y, self._weights = y[None, :], w_hat[:, None] * w[None, :]
        self._yhat = yhat[:, None]
        # (c, its share of the trace)
        self.kinds = [(3.0, 1.0 / p)] if not infinite else []
        if p > 1:
            self.kinds.append((1.0, 1.0 - 1.0 / p))

    def moments(self, gamma: float) -> Moments:
        """All averages at g = -p gamma / 2, 0 < gamma <= 1."""
        bulk, teacher, signal = np.zeros(3), np.zeros(3), 0.0
        y = self._y
        for c, share in self.kinds:
            B = c * self._yhat
            den = self.a + (1.0 - gamma) * y + gamma * B
            E = (2.0 / self.p) * (B - y) / den
            weighted = share * self._weights
            for j in range(3):
                weighted = weighted * E
                bulk[j] += weighted.sum()
                teacher[j] += (weighted * y).sum()
            # Stein's identity for y ~ chi2_{p*}/p*: <(1 - y) f(y)> = -(2/p*) <y f'(y)>.
            signal += (share * self._weights * y * (self.a + B) / den**2).sum()
        return Moments(
            gamma=gamma,
            g=-0.5 * self.p * gamma,
            bulk=bulk,
            teacher=teacher,
            signal=float(signal * gamma * 2.0 / self.p_star),
        )

    def products(self, gamma: float) -> Array:
        """<f E_0^2>, <f E_0 E_1>, <f E_1^2> for f = 1 and f = y, (2, 3), of the two kinds of eigenvalues of D.

        E_0 is 0 for p = 1, E_1 for p = inf.
        """
        y, found = self._y, {1.0: np.zeros(1), 3.0: np.zeros(1)}
        for c, _ in self.kinds:
            B = c * self._yhat
            found[c] = (2.0 / self.p) * (B - y) / (self.a + (1.0 - gamma) * y + gamma * B)
        pairs = [found[c] * found[d] * self._weights for c, d in ((1.0, 1.0), (1.0, 3.0), (3.0, 3.0))]
        return np.array([[pair.sum() for pair in pairs], [(pair * y).sum() for pair in pairs]])

    def alpha_edge(self, gamma: float) -> float:
        """Return the alpha at which the sharp left edge, z'(g) = 0, sits at this g; decreasing in gamma."""
        at = self.moments(gamma)
        return float(1.0 / (at.g**2 * at.bulk[1]))


@lru_cache(maxsize=512)
def _averages(p: float, p_star: int, a: float) -> Averages:
    return Averages(p, p_star, a)


def averages(p: float, p_star: int, a: float) -> Averages:
    """Return the averages of a model, built once; InputError for values out of their domain."""
    # Checked before the cache is asked: it takes True for 1.
    return _averages(*check_model(p, p_star, a))


def alpha_c(p: float, p_star: int, a: float) -> float:
    """Return alpha at and below which the left edge of the bulk is smooth (exponentially thin): docs/theory.md (6).

    alpha_c = 1 / < ((p-1)/p) ((yhat-y)/(a+yhat))^2 + (1/p) ((3yhat-y)/(a+3yhat))^2 >
    """
    return averages(p, p_star, a).alpha_edge(1.0)


def left_edge(p: float, p_star: int, a: float, alpha: float) -> tuple[float, str, float]:
    """Left edge of the bulk at N = infinity, z(g) of docs/theory.md (1) where z' = 0 or g = -p/2.

    Returns
    -------
    lambda_minus : float
    kind : {"sharp", "smooth"}
        sharp: rho ~ (x - lambda_-)^(1/2); smooth: rho ~ exp(-A / (x - lambda_-)).
    gamma : float
        -2 g / p at the edge; 1 at a smooth one.
    """
    model = averages(p, p_star, a)
    if alpha <= alpha_c(p, p_star, a):
        return model.moments(1.0).z(alpha), "smooth", 1.0
    gamma = float(brentq(lambda x: 1.0 / model.alpha_edge(x) - 1.0 / alpha, GAMMA_MIN, 1.0, xtol=1e-300, rtol=1e-14))
    return model.moments(gamma).z(alpha), "sharp", gamma
