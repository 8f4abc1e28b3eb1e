"""Compiled sums over samples: what one sample's own prediction needs at one G (hpcbbp.theory.finite.dyson).

G is given by its eigenvalues gamma and eigenvectors (columns of `axes`); all matrices here are in that basis. The
curvature is a multiple of 1 and a rank-one part, D = d0 + rho s s^T with rho = (4/p^2)/(a + y), and so is

    E = (D^-1 - G)^-1 = b + kappa v v^T,   b = d0 A, v = A s, kappa = rho/(1 - rho s.GAs),   A = (1 - d0 G)^-1.

Symmetric p x p matrices are packed as their upper triangles, row by row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.compiled import compile_all, compiled

Array = NDArray[np.float64]
Samples = NDArray[Any]  # float32 or float64

WIDTH = 128  # samples at a time, innermost, so that sums over small matrices vectorise


@compiled
def _resolvents(
    s: Samples, u: Samples, a: float, gamma: Array, axes: Array, first: int, E: Array, work: Array
) -> bool:
    """E of WIDTH samples from `first`, packed, into (P, WIDTH), 0 behind the last sample.

    Returns whether all eigenvalues of 1 - GD are positive, that is whether G lies in the domain of these samples.
    """
    p, count = len(gamma), min(WIDTH, s.shape[0] - first)
    yhat, y, turned = work[0], work[1], work[2 : 2 + p]
    yhat[:] = 0.0
    y[:] = 0.0
    for k in range(p):
        for i in range(count):
            yhat[i] += s[first + i, k] * s[first + i, k] / p
    for k in range(u.shape[1]):
        for i in range(count):
            y[i] += u[first + i, k] * u[first + i, k] / u.shape[1]
    E[:, count:] = 0.0
    outside = 0
    if p == 1:
        for i in range(count):
            d = 2.0 * (3.0 * yhat[i] - y[i]) / (a + y[i])
            E[0, i] = d / (1.0 - gamma[0] * d)
            outside += gamma[0] * d >= 1.0
        return outside == 0
    bent, below = work[2 + p], work[3 + p]
    bent[:] = 1.0
    below[:] = 0.0
    place = 0
    for k in range(p):
        turned[k] = 0.0
        for j in range(p):
            for i in range(count):
                turned[k, i] += s[first + i, j] * axes[j, k]
        for i in range(count):
            d0, rho = (2.0 / p) * (yhat[i] - y[i]) / (a + y[i]), 4.0 / (p * p) / (a + y[i])
            factor = 1.0 - d0 * gamma[k]
            factor = 1e-16 if factor == 0.0 else factor
            below[i] += 1.0 if factor < 0.0 else 0.0
            along = turned[k, i]
            turned[k, i] = along / factor
            bent[i] -= rho * gamma[k] * along * turned[k, i]
            E[place, i] = d0 / factor
        place += p - k
    for i in range(count):
        # The rank-one part raises one eigenvalue of 1 - d0 G above 0 at most: then bent < 0.
        outside += not ((below[i] == 0.0 and bent[i] > 0.0) or (below[i] == 1.0 and bent[i] < 0.0))
        bent[i] = 4.0 / (p * p) / (a + y[i]) / bent[i]
    place = 0
    for k in range(p):
        for j in range(k, p):
            for i in range(count):
                old = E[place, i] if j == k else 0.0
                E[place, i] = old + bent[i] * turned[k, i] * turned[j, i]
            place += 1
    return outside == 0


@compiled
def steepest(s: Samples, u: Samples, a: float) -> float:
    """Largest -d of all samples' curvatures, -d_min."""
    p = s.shape[1]
    found = -np.inf
    for i in range(s.shape[0]):
        yhat, y = 0.0, 0.0
        for k in range(p):
            yhat += s[i, k] * s[i, k]
        for k in range(u.shape[1]):
            y += u[i, k] * u[i, k]
        y /= u.shape[1]
        lowest = (3.0 if p == 1 else 1.0) * yhat / p  # d1 >= d0, which is there for p > 1
        found = max(found, (2.0 / p) * (y - lowest) / (a + y))
    return found


@compiled
def bulk(s: Samples, u: Samples, a: float, gamma: Array, axes: Array) -> tuple[bool, Array, Array]:
    """Whether G is in the domain of all samples; sums of E, (P,), and of E_I E_J, (P, P) with J >= I."""
    p = len(gamma)
    size = p * (p + 1) // 2
    first, second = np.zeros(size), np.zeros((size, size))
    E, work = np.empty((size, WIDTH)), np.empty((p + 4, WIDTH))
    inside = True
    for start in range(0, s.shape[0], WIDTH):
        inside &= _resolvents(s, u, a, gamma, axes, start, E, work)
        for k in range(size):
            row = E[k]
            first[k] += row.sum()
            for j in range(k, size):
                other, total = E[j], 0.0
                for i in range(WIDTH):
                    total += row[i] * other[i]
                second[k, j] += total
    return inside, first, second


@compiled
def _packed_products(s: Samples, u: Samples, start: int, F: Array) -> None:
    """F_a F_b of samples from start on, packed (Q, WIDTH): teacher's projections first; zero beyond the last."""
    p_star, place = u.shape[1], 0
    q, count = p_star + s.shape[1], min(WIDTH, s.shape[0] - start)
    for k in range(q):
        for j in range(k, q):
            for i in range(count):
                one = u[start + i, k] if k < p_star else s[start + i, k - p_star]
                two = u[start + i, j] if j < p_star else s[start + i, j - p_star]
                F[place, i] = one * two
            place += 1


@compiled
def _derivatives(E: Array, slope: Array, left: Array, right: Array, twice: Array) -> float:
    """E G' E of each sample, packed, into twice; the sum of tr (E G')^3. left, right (p, p) are room to work in."""
    p, total = len(slope), 0.0
    for i in range(WIDTH):
        place = 0
        for k in range(p):
            for j in range(k, p):
                left[k, j] = left[j, k] = E[place, i]
                place += 1
        for k in range(p):  # E G'
            for j in range(p):
                right[k, j] = 0.0
                for c in range(p):
                    right[k, j] += left[k, c] * slope[c, j]
        place = 0
        for k in range(p):
            for j in range(k, p):
                both, weight = 0.0, 0.0
                for c in range(p):
                    both += right[k, c] * left[c, j]
                    weight += slope[j, c] * right[c, k]
                total += both * weight * (1.0 if j == k else 2.0)
                twice[place, i] = both
                place += 1
    return total


@compiled
def signal(s: Samples, u: Samples, a: float, gamma: Array, axes: Array, slope: Array) -> tuple[Array, float]:
    """Sums of E_I F_J and (E G' E)_I F_J, (2, P, Q), F_J the packed products F_a F_b; and of tr (E G')^3."""
    p, q = len(gamma), len(gamma) + u.shape[1]
    size = p * (p + 1) // 2
    out = np.zeros((2, size, q * (q + 1) // 2))
    E, work = np.empty((size, WIDTH)), np.empty((p + 4, WIDTH))
    F, twice = np.zeros((out.shape[2], WIDTH)), np.empty((size, WIDTH))
    left, right, total = np.empty((p, p)), np.empty((p, p)), 0.0
    for start in range(0, s.shape[0], WIDTH):
        _resolvents(s, u, a, gamma, axes, start, E, work)
        _packed_products(s, u, start, F)
        total += _derivatives(E, slope, left, right, twice)
        for k in range(size):
            for j in range(out.shape[2]):
                sum0, sum1 = 0.0, 0.0
                for i in range(WIDTH):
                    sum0 += E[k, i] * F[j, i]
                    sum1 += twice[k, i] * F[j, i]
                out[0, k, j] += sum0
                out[1, k, j] += sum1
    return out, total


def prepare() -> None:
    """Compile before threads meet the kernels."""
    block = "float64[:,::1]"
    jobs: list[tuple[Any, str]] = [(_derivatives, f"({block}, {block}, {block}, {block}, {block})")]
    for t in ("float64", "float32"):
        data, g = f"{t}[:,::1], {t}[:,::1], float64", "float64[::1], float64[:,::1]"
        jobs += [(_resolvents, f"({data}, {g}, int64, float64[:,::1], float64[:,::1])"), (steepest, f"({data})")]
        jobs += [(_packed_products, f"({t}[:,::1], {t}[:,::1], int64, float64[:,::1])")]
        jobs += [(bulk, f"({data}, {g})"), (signal, f"({data}, {g}, float64[:,::1])")]
    compile_all("quenched", jobs)
