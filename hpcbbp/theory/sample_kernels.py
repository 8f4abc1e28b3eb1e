"""Compiled sums over samples: what one sample's own prediction needs at one g (hpcbbp.theory.sample)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.data.kernels import compile_all, compiled

Array = NDArray[np.float64]
Samples = NDArray[Any]  # float32 or float64


@compiled
def bulk(s: Samples, u: Samples, a: float, g: float) -> Array:
    """Sums over samples of t[E], t[E^2] and t[E^3], and the largest -d."""
    m, p = s.shape
    out = np.zeros(4)
    factor = 2.0 / p
    for i in range(m):
        yhat, y = 0.0, 0.0
        for k in range(p):
            yhat += s[i, k] * s[i, k]
        for k in range(u.shape[1]):
            y += u[i, k] * u[i, k]
        yhat /= p
        y /= u.shape[1]
        n1 = factor * (3.0 * yhat - y)
        e1 = n1 / (a + y - g * n1)
        lowest, below = e1, n1 / (a + y)
        out[0] += e1 / p
        out[1] += e1 * e1 / p
        out[2] += e1 * e1 * e1 / p
        if p > 1:
            n0 = factor * (yhat - y)
            lowest = n0 / (a + y - g * n0)
            below = n0 / (a + y)
            out[0] += (p - 1) * lowest / p
            out[1] += (p - 1) * lowest * lowest / p
            out[2] += (p - 1) * lowest * lowest * lowest / p
        out[3] = max(out[3], -below)
    return out


@compiled
def signal(s: Samples, u: Samples, a: float, g: float) -> Array:
    """Sums over samples of E_kl F_a F_b and of (E^2)_kl F_a F_b: (2, p q, p q), upper triangles."""
    m, p = s.shape
    p_star = u.shape[1]
    q = p + p_star
    out = np.zeros((2, p * q, p * q))
    F, v = np.empty(q), np.empty(p * q)
    factor = 2.0 / p
    for i in range(m):
        yhat, y = 0.0, 0.0
        for k in range(p_star):
            F[k] = u[i, k]
            y += F[k] * F[k]
        for k in range(p):
            F[p_star + k] = s[i, k]
            yhat += F[p_star + k] * F[p_star + k]
        norm2 = yhat
        yhat /= p
        y /= p_star
        n1 = factor * (3.0 * yhat - y)
        e1 = n1 / (a + y - g * n1)
        n0 = factor * (yhat - y)
        e0 = n0 / (a + y - g * n0)
        if p == 1:
            e0 = 0.0
        along, along2 = 0.0, 0.0
        if norm2 > 0.0:
            along, along2 = (e1 - e0) / norm2, (e1 * e1 - e0 * e0) / norm2
        for k in range(p):
            for b in range(q):
                v[k * q + b] = F[p_star + k] * F[b]
        for k in range(p * q):
            for b in range(k, p * q):
                product = v[k] * v[b]
                out[0, k, b] += along * product
                out[1, k, b] += along2 * product
        if p > 1:
            for k in range(p):
                for c in range(q):
                    for b in range(c, q):
                        product = F[c] * F[b]
                        out[0, k * q + c, k * q + b] += e0 * product
                        out[1, k * q + c, k * q + b] += e0 * e0 * product
    return out


def prepare() -> None:
    """Compile before threads meet the kernels."""
    types = ("float64", "float32")
    compile_all(
        "quenched",
        [(kernel, f"({t}[:,::1], {t}[:,::1], float64, float64)") for kernel in (bulk, signal) for t in types],
    )
