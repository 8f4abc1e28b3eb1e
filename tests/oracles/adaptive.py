"""Thresholds by nested adaptive quadrature (QUADPACK) of the definitions: another rule, variables and algebra.

Averages run over the radii r of the Gaussian projections (r^2/k is chi2_k/k). Nothing is simplified by Stein's
identity; derivatives in gamma are complex steps inside the integrand.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numba import types
from scipy import LowLevelCallable
from scipy.integrate import nquad
from scipy.optimize import brentq
from scipy.special import gammaln

EDGE, SIGNAL, TEACHER = 0, 1, 2  # <t[(gE)^2]>, -g <(1 - y) t[E]>, <y t[(gE)^2]>


@numba.cfunc(types.double(types.intc, types.CPointer(types.double)))
def _integrand(_, x):
    r, q, p, p_star, a, gamma, what, slope, log_norm = (x[0], x[1], x[2], x[3], x[4], x[5], int(x[6]), x[7], x[8])
    yhat, y = r * r / p, q * q / p_star
    weight = math.exp(log_norm + (p - 1) * math.log(r) + (p_star - 1) * math.log(q) - 0.5 * (r * r + q * q))
    g = complex(gamma, 1e-30)
    total = complex(0.0, 0.0)
    for c, share in ((3.0, 1 / p), (1.0, 1 - 1 / p)):
        step = g * (c * yhat - y) / (a + y - g * y + g * c * yhat)  # -g E
        if what == 0:
            total += share * step * step
        elif what == 1:
            total += share * (1 - y) * step
        else:
            total += share * y * step * step
    return weight * (total.imag * 1e30 if slope > 0 else total.real)


_CALLABLE = LowLevelCallable(_integrand.ctypes)


class Adaptive:
    def __init__(self, p: int, p_star: int, a: float) -> None:
        self.p, self.p_star, self.a = p, p_star, a
        self.log_norm = sum((1 - k / 2) * math.log(2) - gammaln(k / 2) for k in (p, p_star))
        self.ranges, self.options = [], []
        for k in (p, p_star):
            low, high = max(1e-300, math.sqrt(k) - 10.0), math.sqrt(k) + 10.0
            marks = [x for x in (math.sqrt(a * k) * f for f in (0.1, 0.5, 1.0, 3.0)) if low < x < high]
            self.ranges.append((low, high))
            self.options.append(
                {"epsabs": 1e-13, "epsrel": 1e-12, "limit": 400, "points": [*marks, math.sqrt(k), math.sqrt(k) + 3.0]}
            )

    def mean(self, what: int, gamma: float, slope: bool = False) -> float:
        """An average, or its derivative in gamma = -2g/p."""
        words = (float(self.p), float(self.p_star), self.a, gamma, float(what), float(slope), self.log_norm)
        return float(nquad(_CALLABLE, self.ranges, args=words, opts=self.options)[0])

    def alpha_c(self) -> float:
        return 1 / self.mean(EDGE, 1.0)

    def alpha_bbp(self) -> float:
        smooth = 1 / self.mean(SIGNAL, 1.0)
        if smooth <= self.alpha_c():
            return smooth
        gamma = brentq(lambda x: (self.mean(EDGE, x) - self.mean(SIGNAL, x)) / x, 1e-9, 1.0, xtol=1e-300, rtol=1e-13)
        return 1 / self.mean(SIGNAL, gamma)

    def jump_and_alpha_0(self) -> tuple[float, float]:
        """m^2 just above a discontinuous transition, and the foot of the tangent: along gamma, alpha = 1/SIGNAL."""
        edge, signal, teacher = (self.mean(what, 1.0) for what in (EDGE, SIGNAL, TEACHER))
        d_edge, d_signal, d_teacher = (self.mean(what, 1.0, slope=True) for what in (EDGE, SIGNAL, TEACHER))
        alpha, d_alpha = 1 / signal, -d_signal / signal**2
        n, q = 1 - alpha * edge, alpha * teacher
        dn, dq = -d_alpha * edge - alpha * d_edge, d_alpha * teacher + alpha * d_teacher
        m2, slope = n / (n + q), (dn * q - n * dq) / (n + q) ** 2 / d_alpha
        return m2, alpha - m2 / slope


def scattered(count: int) -> list[tuple[int, int, float]]:
    """Models over the whole domain: p and p* from 1 to 1000, a from 1e-4 to 100, evenly in their logarithms."""
    rng = np.random.default_rng(2510)
    exponents = rng.random((count, 3))
    return [(int(1000**x), int(1000**y), float(f"{10 ** (6 * z - 4):.3g}")) for x, y, z in exponents]
