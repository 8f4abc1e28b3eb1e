"""An independent calculation of the theory: other variables, other quadrature, other algebra.

Averages are taken over the Gaussian projections themselves (radii r = sqrt(k x) of chi variables), by
composite Gauss-Legendre rules graded towards zero; functions are those of D and g as docs/theory.md writes them,
differentiated by hand nowhere: derivatives are complex steps.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln


def chi_rule(k: int, per_panel: int = 12):
    """Nodes x = r^2/k and weights for r ~ chi_k: panels in r graded geometrically towards 0."""
    edges = np.concatenate([[0.0], np.geomspace(1e-7, 1.0, 36), np.arange(2.0, 15.0) * 1.0])
    if k > 40:  # concentrated around sqrt(k) with width 1/sqrt(2)
        edges = np.sqrt(k) + np.linspace(-9.0, 9.0, 40)
        edges = np.concatenate([[0.0], edges[edges > 0]])
    nodes, weights = np.polynomial.legendre.leggauss(per_panel)
    half = 0.5 * np.diff(edges)
    r = (edges[:-1] + half)[:, None] + half[:, None] * nodes
    w = half[:, None] * weights * np.exp((k - 1) * np.log(r) - r**2 / 2 - (k / 2 - 1) * np.log(2) - gammaln(k / 2))
    return (r**2 / k).ravel(), w.ravel()


class Oracle:
    def __init__(self, p: int, p_star: int, a: float) -> None:
        self.p, self.p_star, self.a = p, p_star, a
        yhat, w1 = chi_rule(p)
        y, w2 = chi_rule(p_star)
        self.y, self.w = y[None, :], w1[:, None] * w2[None, :]
        self.yhat = yhat[:, None]
        d0 = (2 / p) * (self.yhat - self.y) / (a + self.y)
        d1 = (2 / p) * (3 * self.yhat - self.y) / (a + self.y)
        self.d = [(1 / p, d1), ((p - 1) / p, d0)]

    def mean(self, f):
        """< t[f(D)] weight >."""
        return sum(share * (self.w * f(d)).sum() for share, d in self.d if share)

    def z(self, g, alpha):
        return 1 / g + alpha * self.mean(lambda d: d / (1 - g * d))

    def theta(self, g, alpha):
        return alpha * self.mean(lambda d: self.y * d / (1 - g * d))

    def prime(self, f, g, alpha):
        return np.imag(f(g + 1e-30j, alpha)) / 1e-30

    def alpha_c(self):
        p, a, y, yhat = self.p, self.a, self.y, self.yhat
        first = (p - 1) / p * ((yhat - y) / (a + yhat)) ** 2
        return 1 / (self.w * (first + ((3 * yhat - y) / (a + 3 * yhat)) ** 2 / p)).sum()

    def edge(self, alpha):
        """g at the left edge."""
        if alpha <= self.alpha_c():
            return -self.p / 2
        return brentq(lambda g: self.prime(self.z, g, alpha), -self.p / 2, -1e-9, xtol=1e-300, rtol=1e-15)

    def alpha_bbp(self):
        p, a, yhat = self.p, self.a, self.yhat
        smooth = self.p_star / 2 / (self.w * ((p - 1) / p / (a + yhat) + 1 / p / (a + 3 * yhat))).sum()
        if smooth <= self.alpha_c():
            return smooth

        def gap(alpha):
            g = self.edge(alpha)
            return self.z(g, alpha) - self.theta(g, alpha)

        return brentq(gap, self.alpha_c() * (1 + 1e-12), 1e4, xtol=1e-14, rtol=1e-14)

    def outlier(self, alpha):
        """lambda* and m^2."""
        g = brentq(
            lambda g: self.z(g, alpha) - self.theta(g, alpha), self.edge(alpha), -1e-9, xtol=1e-300, rtol=1e-15
        )
        return self.z(g, alpha), 1 / (1 - self.prime(self.theta, g, alpha) / self.prime(self.z, g, alpha))
