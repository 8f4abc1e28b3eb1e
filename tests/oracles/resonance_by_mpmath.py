"""The pole below alpha_BBP by another route: averages over y in closed form, over yhat by mpmath, roots by secants.

E = D/(1 - gD) as it stands, without Stein's identity and without turned contours: with eps = gamma - 1,
A = a + gamma c yhat and s = -A/eps,

    <1/(y + s)> = (k/2) exp(ks/2) E_{k/2}(ks/2)     (generalised exponential integral, k = p*)

for y ~ chi2_k/k, continued through the cut from Im s > 0 by -2 pi i times the density at -s.
"""

from __future__ import annotations

import math

import mpmath as mp


def _inverse(k, s):
    """<1/(y + s)>, continued from the upper half-plane of s to the lower one through s < 0."""
    half = mp.mpf(k) / 2
    real_line = half * mp.exp(half * s) * mp.expint(half, half * s)
    if mp.im(s) >= 0:
        return real_line
    density = half**half / mp.gamma(half) * (-s) ** (half - 1) * mp.exp(half * s)
    return real_line - 2j * mp.pi * density


def _average(p, p_star, a, gamma, of):
    """<t[of(<E>, <y E>)]> over yhat, with the averages over y at fixed yhat."""
    eps = gamma - 1
    width = 1 if p == math.inf else p
    kinds = [(1, mp.mpf(1))] if p == math.inf else [(3, mp.mpf(1) / p), (1, mp.mpf(p - 1) / p)]

    def over_y(c, yhat):
        A = a + gamma * c * yhat
        inverse = -_inverse(p_star, -A / eps) / eps  # <1/(A - eps y)>
        rest = c * yhat - A / eps
        return of(1 / eps + rest * inverse, 1 / eps - rest / eps + rest * A / eps * inverse) * 2 / mp.mpf(width)

    if p == math.inf:
        return over_y(1, mp.mpf(1))
    half = mp.mpf(p) / 2
    norm = 2 * half**half / mp.gamma(half)

    def integrand(r):  # yhat = r^2
        values = sum(share * over_y(c, r * r) for c, share in kinds if share)
        return norm * r ** (2 * half - 1) * mp.exp(-half * r * r) * values

    return mp.quad(integrand, [0, 0.3, 1, 1 + 5 / mp.sqrt(half)])


def pole(p, p_star, a, alpha, near):
    """lambda and z'/(z' - theta') at the root of z = theta next to a gamma, to some ten digits."""
    with mp.workdps(15):
        width = 1 if p == math.inf else p
        a, alpha = mp.mpf(a), mp.mpf(alpha)

        def gap(gamma):
            return -2 / (width * gamma) + alpha * _average(p, p_star, a, gamma, lambda e, ye: e - ye)

        def z(gamma):
            return -2 / (width * gamma) + alpha * _average(p, p_star, a, gamma, lambda e, ye: e)

        start = mp.mpc(near)
        root = mp.findroot(gap, (start, start * (1 + mp.mpf(10) ** -6)), solver="secant", tol=1e-20, maxsteps=20)
        h = mp.mpf(10) ** -5
        slope, difference = z(root + h) - z(root - h), gap(root + h) - gap(root - h)
        return complex(z(root)), complex(slope / difference)
