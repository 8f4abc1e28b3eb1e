"""Compiled sums over weighted samples with any curvatures: kernels.py for models that are not the paper's.

The curvatures D of the samples come as numbers, p (p + 1)/2 a sample, and each sample has a weight: 1 in one sample's
own prediction, alpha times the weight of a node where samples are the nodes of a quadrature (N = infinity). G < 0 is
given by its eigenvalues gamma and eigenvectors; in that basis, with R = (-gamma)^(1/2),

    E = (D^-1 - G)^-1 = D - Y^T Y,     Y = L^-1 R D,     L L^T = 1 + R D R

and the Cholesky factor L exists just where G lies in the domain of the sample, 1 - G D > 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.compiled import compile_all, compiled
from hpcbbp.theory.finite.kernels import WIDTH, _packed_products

Array = NDArray[np.float64]
Samples = NDArray[Any]


@compiled
def _turned(D: Array, axes: Array, first: int, count: int, half: Array, T: Array) -> None:
    """D of samples first, ..., first + count - 1 in the basis of `axes`, into T (p, p, WIDTH)."""
    p = len(axes)
    for k in range(p):
        for b in range(p):
            half[k, b] = 0.0
            for a in range(p):
                low, high = min(a, b), max(a, b)
                place = low * p - low * (low - 1) // 2 + high - low
                for i in range(count):
                    half[k, b, i] += axes[a, k] * D[place, first + i]
    for k in range(p):
        for j in range(k, p):
            T[k, j] = 0.0
            for b in range(p):
                for i in range(count):
                    T[k, j, i] += half[k, b, i] * axes[b, j]
            T[j, k] = T[k, j]


@compiled
def _factored(T: Array, gamma: Array, count: int, L: Array) -> int:
    """L of 1 + R T R of `count` samples, into (p, p, WIDTH); how many pivots are not above 0."""
    outside = 0
    for k in range(len(gamma)):
        for j in range(k + 1):
            size = math.sqrt(gamma[k] * gamma[j])
            for i in range(count):
                L[k, j, i] = size * T[k, j, i]
            for c in range(j):
                for i in range(count):
                    L[k, j, i] -= L[k, c, i] * L[j, c, i]
            if j < k:
                for i in range(count):
                    L[k, j, i] /= L[j, j, i]
        for i in range(count):
            left = 1.0 + L[k, k, i]
            outside += not left > 0.0
            L[k, k, i] = math.sqrt(left) if left > 1e-300 else 1e-150
    return outside


@compiled
def _solved(T: Array, L: Array, gamma: Array, count: int, Y: Array) -> None:
    """L^-1 R T of `count` samples, into (p, p, WIDTH)."""
    for k in range(len(gamma)):
        size = math.sqrt(-gamma[k])
        for j in range(len(gamma)):
            for i in range(count):
                Y[k, j, i] = size * T[k, j, i]
            for c in range(k):
                for i in range(count):
                    Y[k, j, i] -= L[k, c, i] * Y[c, j, i]
            for i in range(count):
                Y[k, j, i] /= L[k, k, i]


@compiled
def resolvents(D: Array, gamma: Array, axes: Array, first: int, E: Array, work: Array) -> bool:
    """E of WIDTH samples from `first`, packed, into (P, WIDTH), 0 behind the last; whether all have 1 - G D > 0."""
    p, count = len(gamma), min(WIDTH, D.shape[1] - first)
    outside = 0
    E[:, count:] = 0.0
    if p == 1:
        for i in range(count):
            d = D[0, first + i]
            E[0, i] = d / (1.0 - gamma[0] * d)
            outside += not gamma[0] * d < 1.0
        return outside == 0
    half, T, L = work[0], work[1], work[2]
    _turned(D, axes, first, count, half, T)
    outside = _factored(T, gamma, count, L)
    _solved(T, L, gamma, count, half)
    place = 0
    for k in range(p):
        for j in range(k, p):
            for i in range(count):
                E[place, i] = T[k, j, i]
            for c in range(p):
                for i in range(count):
                    E[place, i] -= half[c, k, i] * half[c, j, i]
            place += 1
    return outside == 0


@compiled
def steepest(s: Samples, u: Samples, D: Array, w: Array) -> float:
    """Largest -d over all samples' curvatures, -d_min."""
    p, found = s.shape[1], -np.inf
    if p == 1:
        for i in range(D.shape[1]):
            found = max(found, -D[0, i])
        return found
    full = np.empty((p, p))
    for i in range(D.shape[1]):
        place = 0
        for k in range(p):
            for j in range(k, p):
                full[k, j] = full[j, k] = D[place, i]
                place += 1
        found = max(found, -np.linalg.eigvalsh(full)[0])
    return found


@compiled
def bulk(s: Samples, u: Samples, D: Array, w: Array, gamma: Array, axes: Array) -> tuple[bool, Array, Array]:
    """Whether G is in the domain of all samples; weighted sums of E, (P,), and of E_I E_J, (P, P) with J >= I."""
    p = len(gamma)
    size = p * (p + 1) // 2
    first, second = np.zeros(size), np.zeros((size, size))
    E, work, weighted = np.empty((size, WIDTH)), np.empty((3, p, p, WIDTH)), np.zeros(WIDTH)
    inside = True
    for start in range(0, D.shape[1], WIDTH):
        inside &= resolvents(D, gamma, axes, start, E, work)
        count = min(WIDTH, D.shape[1] - start)
        for k in range(size):
            total = 0.0
            for i in range(count):
                weighted[i] = w[start + i] * E[k, i]
                total += weighted[i]
            first[k] += total
            for j in range(k, size):
                total = 0.0
                for i in range(count):
                    total += weighted[i] * E[j, i]
                second[k, j] += total
    return inside, first, second


@compiled
def _derivatives(E: Array, slope: Array, w: Array, start: int, count: int, twice: Array) -> float:
    """E G' E of each sample, packed, into twice; the weighted sum of tr (E G')^3."""
    p, total = len(slope), 0.0
    left, right = np.empty((p, p)), np.empty((p, p))
    for i in range(count):
        place = 0
        for k in range(p):
            for j in range(k, p):
                left[k, j] = left[j, k] = E[place, i]
                place += 1
        for k in range(p):
            for j in range(p):
                right[k, j] = 0.0
                for c in range(p):
                    right[k, j] += left[k, c] * slope[c, j]
        place, cubic = 0, 0.0
        for k in range(p):
            for j in range(k, p):
                both, weight = 0.0, 0.0
                for c in range(p):
                    both += right[k, c] * left[c, j]
                    weight += slope[j, c] * right[c, k]
                cubic += both * weight * (1.0 if j == k else 2.0)
                twice[place, i] = both
                place += 1
        total += w[start + i] * cubic
    return total


@compiled
def signal(
    s: Samples, u: Samples, D: Array, w: Array, gamma: Array, axes: Array, slope: Array
) -> tuple[Array, float]:
    """Weighted sums of E_I F_J and (E G' E)_I F_J, (2, P, Q), F_J the packed products F_a F_b; of tr (E G')^3."""
    p, q = len(gamma), len(gamma) + u.shape[1]
    size = p * (p + 1) // 2
    out = np.zeros((2, size, q * (q + 1) // 2))
    E, work = np.empty((size, WIDTH)), np.empty((3, p, p, WIDTH))
    F, twice, total = np.zeros((out.shape[2], WIDTH)), np.zeros((size, WIDTH)), 0.0
    for start in range(0, D.shape[1], WIDTH):
        count = min(WIDTH, D.shape[1] - start)
        resolvents(D, gamma, axes, start, E, work)
        _packed_products(s, u, start, F)
        total += _derivatives(E, slope, w, start, count, twice)
        for j in range(out.shape[2]):
            for i in range(count):
                F[j, i] *= w[start + i]
        for k in range(size):
            for j in range(out.shape[2]):
                sum0, sum1 = 0.0, 0.0
                for i in range(count):
                    sum0 += E[k, i] * F[j, i]
                    sum1 += twice[k, i] * F[j, i]
                out[0, k, j] += sum0
                out[1, k, j] += sum1
    return out, total


def prepare() -> None:
    """Compile before threads meet the kernels."""
    matrix, vector = "float64[:,::1]", "float64[::1]"
    jobs: list[tuple[Any, str]] = [
        (_turned, f"({matrix}, {matrix}, int64, int64, float64[:,:,::1], float64[:,:,::1])"),
        (_factored, f"(float64[:,:,::1], {vector}, int64, float64[:,:,::1])"),
        (_solved, f"(float64[:,:,::1], float64[:,:,::1], {vector}, int64, float64[:,:,::1])"),
        (resolvents, f"({matrix}, {vector}, {matrix}, int64, {matrix}, float64[:,:,:,::1])"),
        (_derivatives, f"({matrix}, {matrix}, {vector}, int64, int64, {matrix})"),
    ]
    for t in ("float64", "float32"):
        data = f"{t}[:,::1], {t}[:,::1], {matrix}, {vector}"
        jobs += [(_packed_products, f"({t}[:,::1], {t}[:,::1], int64, {matrix})"), (steepest, f"({data})")]
        jobs += [(bulk, f"({data}, {vector}, {matrix})"), (signal, f"({data}, {vector}, {matrix}, {matrix})")]
    compile_all("weighted", jobs)
