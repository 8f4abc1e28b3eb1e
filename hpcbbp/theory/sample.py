"""One sample's own prediction: edge, outliers and overlaps at finite N from its projections (s, u) alone, no X.

The averages of arXiv:2510.18435 are replaced by the sample's own, (1/N) sum_mu, and theta by the matrix over all
signal directions F_mu = (u_mu, s_mu), with cross terms between teacher, student and hidden units:

    z(g)                 = 1/g + (1/N) sum_mu t[E_mu],             E_mu = D_mu (1 - g D_mu)^-1
    Theta(g)_(k,a),(l,b) = (1/N) sum_mu (E_mu)_kl F_mu,a F_mu,b

Outliers are lambda = z(g) with det(Theta(g) - z(g)) = 0 between the sample's edge, z'(g) = 0, and g = 0. There Theta
increases and z falls with g, so each eigenvalue of Theta - z has one zero at most: those negative at the edge are the
outliers. With the unit null vector c, m^2 = |c_teacher|^2 / (1 - c.Theta'(g)c / z'(g)).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import sched_getaffinity
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from hpcbbp.data.kernels import compile_all, compiled
from hpcbbp.errors import InputError
from hpcbbp.problem import Problem

Array = NDArray[np.float64]
Samples = NDArray[Any]  # float32 or float64

_CHUNK = 1 << 17  # samples a task; sums are taken in this order, whatever the number of threads
_SIGNALS = 400  # order p (p + p*) of Theta at most


@dataclass(frozen=True)
class Quenched:
    """Left end of the spectrum of one sample's Hessian, as its projections predict it.

    Attributes
    ----------
    n, m : int
        N and M.
    edge : float
        The sample's left edge of the bulk.
    g_edge : float
        Stieltjes transform there, 1/d_min < g_edge < 0.
    eigenvalues : (r,) array
        Outliers below the edge, ascending; r <= p (p + p*), possibly 0.
    overlap2 : (r,) array
        m^2 with the teacher, sum_kl (v_k . w*_l)^2 / N.
    student_overlap2 : (r,) array
        The same with the student's weights.
    """

    n: int
    m: int
    edge: float
    g_edge: float
    eigenvalues: Array
    overlap2: Array
    student_overlap2: Array


@compiled
def _bulk(s: Samples, u: Samples, a: float, g: float) -> Array:
    """Sums over samples of t[E] and t[E^2], and the largest -d."""
    m, p = s.shape
    out = np.zeros(3)
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
        if p > 1:
            n0 = factor * (yhat - y)
            lowest = n0 / (a + y - g * n0)
            below = n0 / (a + y)
            out[0] += (p - 1) * lowest / p
            out[1] += (p - 1) * lowest * lowest / p
        out[2] = max(out[2], -below)
    return out


@compiled
def _signal(s: Samples, u: Samples, a: float, g: float) -> Array:
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


def _prepare() -> None:
    types = ("float64", "float32")
    compile_all(
        "quenched",
        [(kernel, f"({t}[:,::1], {t}[:,::1], float64, float64)") for kernel in (_bulk, _signal) for t in types],
    )


class _Sample:
    """Averages of one sample at any g, by all cores, each g evaluated once."""

    def __init__(self, s: Samples, u: Samples, a: float, n: int) -> None:
        self.s, self.u, self.a, self.n = s, u, a, n
        self.p, self.p_star = s.shape[1], u.shape[1]
        self._known: dict[float, tuple[Array, Array, float, float]] = {}
        self.pool = ThreadPoolExecutor(len(sched_getaffinity(0)))

    def _sum(self, kernel: Callable[..., Array], g: float) -> list[Array]:
        starts = range(0, len(self.s), _CHUNK)
        return list(
            self.pool.map(lambda i: kernel(self.s[i : i + _CHUNK], self.u[i : i + _CHUNK], self.a, g), starts)
        )

    def steepest(self) -> float:
        """Largest -d over the sample, -d_min."""
        return max(float(part[2]) for part in self._sum(_bulk, 0.0))

    def bulk(self, g: float) -> tuple[float, float]:
        """z and z'."""
        total = np.sum(self._sum(_bulk, g), axis=0)
        return 1.0 / g + float(total[0]) / self.n, -1.0 / g**2 + float(total[1]) / self.n

    def signal(self, g: float) -> tuple[Array, Array, float, float]:
        """Theta, Theta', z, z'."""
        if g not in self._known:
            upper = np.sum(self._sum(_signal, g), axis=0) / self.n
            both = upper + np.triu(upper, 1).transpose(0, 2, 1)
            self._known[g] = (both[0], both[1], *self.bulk(g))
        return self._known[g]

    def gap(self, g: float, j: int) -> float:
        """Eigenvalue j of Theta - z, counted from below."""
        theta, _, z, _ = self.signal(g)
        return float(np.linalg.eigvalsh(theta)[j]) - z


def quenched(s: Samples, u: Samples, a: float, n: int) -> Quenched:
    """Predict the left end of the spectrum of the Hessian of one sample from its projections.

    O(M) time and no memory beside the projections; a pass over them an evaluation, some 20 to 60 in all.

    Parameters
    ----------
    s : (M, p) array
        Student projections w_k . x_mu, weights of length sqrt(N), float32 or float64.
    u : (M, p_star) array
        Teacher projections.
    a : float
        Loss constant, > 0 (quadratic activation, normalised loss).
    n : int
        N.

    Raises
    ------
    InputError
        Shapes that do not fit, numbers that are not finite, values out of their domain, or p (p + p*) > 400.
    """
    s, u = _checked(s, u, a, n)
    _prepare()
    sample = _Sample(s, u, float(a), n)
    try:
        return _predict(sample)
    finally:
        sample.pool.shutdown()


def _checked(s: Samples, u: Samples, a: float, n: int) -> tuple[Samples, Samples]:
    if s.ndim != 2 or u.ndim != 2 or len(s) != len(u) or not len(s):
        raise InputError(f"projections of shapes {s.shape} and {u.shape}: (M, p) and (M, p*) are wanted, M >= 1")
    Problem(p=s.shape[1], p_star=u.shape[1], alpha=len(s) / n, a=a)
    if s.shape[1] * (s.shape[1] + u.shape[1]) > _SIGNALS:
        raise InputError(
            f"p (p + p*) = {s.shape[1] * (s.shape[1] + u.shape[1])}: quenched predictions go up to {_SIGNALS}"
        )
    dtype = np.float32 if s.dtype == u.dtype == np.float32 else np.float64
    s, u = np.ascontiguousarray(s, dtype=dtype), np.ascontiguousarray(u, dtype=dtype)
    if not (np.isfinite(s).all() and np.isfinite(u).all()):
        raise InputError("projections must be finite numbers")
    return s, u


def _predict(sample: _Sample) -> Quenched:
    m, p, p_star = len(sample.s), sample.p, sample.p_star
    none = np.zeros(0)
    steepest = sample.steepest()

    if steepest <= 0.0:
        raise InputError("all curvatures are >= 0: the spectrum has no left edge below 0")

    def slope(x: float) -> float:
        g = -x
        return g * g * sample.bulk(g)[1]

    # g^2 z' grows from -1 at g = 0 to +infinity at g = 1/d_min: one root.
    limit = 1.0 / steepest
    high = limit * (1.0 - 1e-12)
    g_edge = -float(brentq(slope, 1e-12 * limit, high, xtol=1e-300, rtol=1e-13))
    edge = sample.bulk(g_edge)[0]
    at_edge = np.linalg.eigvalsh(sample.signal(g_edge)[0]) - edge
    count = int((at_edge < 0).sum())
    if not count:
        return Quenched(sample.n, m, edge, g_edge, none, none, none)
    near = g_edge
    while sample.gap(near, 0) <= 0:
        near *= 0.7
    values, teacher, student = [], [], []
    for j in range(count):
        g = float(brentq(sample.gap, g_edge, near, args=(j,), xtol=1e-300, rtol=1e-11))
        theta, theta_prime, z, z_prime = sample.signal(g)
        c = np.linalg.eigh(theta)[1][:, j]
        share = (c.reshape(p, p_star + p) ** 2).sum(axis=0) / (1.0 - c @ theta_prime @ c / z_prime)
        values.append(z)
        teacher.append(share[:p_star].sum())
        student.append(share[p_star:].sum())
    order = np.argsort(values)
    return Quenched(
        sample.n, m, edge, g_edge, np.array(values)[order], np.array(teacher)[order], np.array(student)[order]
    )
