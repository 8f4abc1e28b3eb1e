"""Products with the stored rows of X in float32 arithmetic: good to some 2e-7, at the rate at which X can be read.

Within a chunk of columns, and over a few groups of rows, all is float32; across chunks and groups sums are float64.
Eight rows at a time, since vectors of length N are touched once per group; two vectors at a time for p > 1, since
four rows times two vectors use every number twice that was loaded. Rows of narrow numbers are widened in registers:
an entry is scale_{mu, chunk} times float32, bf16 (the upper half of a float32) or int8.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload
from numpy.typing import NDArray

from hpcbbp.data.base import ready
from hpcbbp.machine.compiled import compile_all, compiled

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Entries = NDArray[Any]  # float32, bf16 as uint16, or int8

ROWS = 8
CHUNK = 1024  # columns that share a scale: 8 rows of float32 are 32 KiB, 4 rows stay in the first-level cache
_PART = 256  # columns that float32 sums run over
_FLUSH = 16  # groups of rows that float32 sums run over
_ZERO = np.float32(0)


def wide(x: Any) -> Any:
    """An entry as float32, without its scale."""
    return np.uint32(np.uint32(x) << np.uint32(16)).view(np.float32) if isinstance(x, np.uint16) else np.float32(x)


@overload(wide)  # type: ignore[untyped-decorator]
def _wide(x: Any) -> Any:
    def upper_half(x: Any) -> Any:
        return np.uint32(np.uint32(x) << np.uint32(16)).view(np.float32)

    def number(x: Any) -> Any:
        return np.float32(x)

    return upper_half if x == types.uint16 else number


@compiled
def _dots(X: Entries, scales: Single, m: int, c: int, V: Single, k: int, Z: Array) -> None:
    """Z[k, j] += scale X[m + j] . v_k over chunk c, for the 8 rows of a group."""
    start, stop = c * CHUNK, min(X.shape[1], (c + 1) * CHUNK)
    x0, x1, x2, x3 = X[m, start:stop], X[m + 1, start:stop], X[m + 2, start:stop], X[m + 3, start:stop]
    x4, x5, x6, x7 = X[m + 4, start:stop], X[m + 5, start:stop], X[m + 6, start:stop], X[m + 7, start:stop]
    v = V[c, k * CHUNK : (k + 1) * CHUNK]
    for first in range(0, stop - start, _PART):
        z0, z1, z2, z3, z4, z5, z6, z7 = _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO
        for at in range(first, min(stop - start, first + _PART)):
            i = np.uintp(at)  # an index that may be negative would have to be looked at
            z0 += wide(x0[i]) * v[i]
            z1 += wide(x1[i]) * v[i]
            z2 += wide(x2[i]) * v[i]
            z3 += wide(x3[i]) * v[i]
            z4 += wide(x4[i]) * v[i]
            z5 += wide(x5[i]) * v[i]
            z6 += wide(x6[i]) * v[i]
            z7 += wide(x7[i]) * v[i]
        Z[k, 0] += np.float64(scales[m, c]) * z0
        Z[k, 1] += np.float64(scales[m + 1, c]) * z1
        Z[k, 2] += np.float64(scales[m + 2, c]) * z2
        Z[k, 3] += np.float64(scales[m + 3, c]) * z3
        Z[k, 4] += np.float64(scales[m + 4, c]) * z4
        Z[k, 5] += np.float64(scales[m + 5, c]) * z5
        Z[k, 6] += np.float64(scales[m + 6, c]) * z6
        Z[k, 7] += np.float64(scales[m + 7, c]) * z7


@compiled
def _dots_of_two(X: Entries, scales: Single, m: int, j: int, c: int, V: Single, k: int, Z: Array) -> None:
    """As _dots, for rows m + j to m + j + 3 and two vectors, v_k and v_{k+1}."""
    r, start, stop = m + j, c * CHUNK, min(X.shape[1], (c + 1) * CHUNK)
    x0, x1, x2, x3 = X[r, start:stop], X[r + 1, start:stop], X[r + 2, start:stop], X[r + 3, start:stop]
    v, w = V[c, k * CHUNK : (k + 1) * CHUNK], V[c, (k + 1) * CHUNK : (k + 2) * CHUNK]
    for first in range(0, stop - start, _PART):
        z0, z1, z2, z3, y0, y1, y2, y3 = _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO
        for at in range(first, min(stop - start, first + _PART)):
            i = np.uintp(at)
            a = wide(x0[i])
            z0 += a * v[i]
            y0 += a * w[i]
            a = wide(x1[i])
            z1 += a * v[i]
            y1 += a * w[i]
            a = wide(x2[i])
            z2 += a * v[i]
            y2 += a * w[i]
            a = wide(x3[i])
            z3 += a * v[i]
            y3 += a * w[i]
        s0, s1 = np.float64(scales[r, c]), np.float64(scales[r + 1, c])
        s2, s3 = np.float64(scales[r + 2, c]), np.float64(scales[r + 3, c])
        Z[k, j] += s0 * z0
        Z[k + 1, j] += s0 * y0
        Z[k, j + 1] += s1 * z1
        Z[k + 1, j + 1] += s1 * y1
        Z[k, j + 2] += s2 * z2
        Z[k + 1, j + 2] += s2 * y2
        Z[k, j + 3] += s3 * z3
        Z[k + 1, j + 3] += s3 * y3


@compiled
def _add(X: Entries, m: int, c: int, U: Single, k: int, W: Single) -> None:
    """W_k += sum_j U[k, j] X[m + j] over chunk c, for the 8 rows of a group; the scales are in U."""
    start, stop = c * CHUNK, min(X.shape[1], (c + 1) * CHUNK)
    x0, x1, x2, x3 = X[m, start:stop], X[m + 1, start:stop], X[m + 2, start:stop], X[m + 3, start:stop]
    x4, x5, x6, x7 = X[m + 4, start:stop], X[m + 5, start:stop], X[m + 6, start:stop], X[m + 7, start:stop]
    w = W[c, k * CHUNK : (k + 1) * CHUNK]
    u0, u1, u2, u3, u4, u5, u6, u7 = U[k, 0], U[k, 1], U[k, 2], U[k, 3], U[k, 4], U[k, 5], U[k, 6], U[k, 7]
    for i in range(stop - start):
        one = u0 * wide(x0[i]) + u1 * wide(x1[i]) + u2 * wide(x2[i]) + u3 * wide(x3[i])
        w[i] += one + u4 * wide(x4[i]) + u5 * wide(x5[i]) + u6 * wide(x6[i]) + u7 * wide(x7[i])


@compiled
def _add_to_two(X: Entries, m: int, j: int, c: int, U: Single, k: int, W: Single) -> None:
    """As _add, for rows m + j to m + j + 3 and two sums, W_k and W_{k+1}.

    They lie CHUNK apart in one array: of two arrays the compiler would have to exclude that they overlap.
    """
    r, start, stop = m + j, c * CHUNK, min(X.shape[1], (c + 1) * CHUNK)
    x0, x1, x2, x3 = X[r, start:stop], X[r + 1, start:stop], X[r + 2, start:stop], X[r + 3, start:stop]
    w = W[c, k * CHUNK : (k + 2) * CHUNK]
    u0, u1, u2, u3 = U[k, j], U[k, j + 1], U[k, j + 2], U[k, j + 3]
    t0, t1, t2, t3 = U[k + 1, j], U[k + 1, j + 1], U[k + 1, j + 2], U[k + 1, j + 3]
    for i in range(stop - start):
        a0, a1, a2, a3 = wide(x0[i]), wide(x1[i]), wide(x2[i]), wide(x3[i])
        w[i] += u0 * a0 + u1 * a1 + u2 * a2 + u3 * a3
        w[CHUNK + i] += t0 * a0 + t1 * a1 + t2 * a2 + t3 * a3


@compiled
def widen(X: Entries, scales: Single, out: Single) -> None:
    """Rows of X, (M, N), as float32."""
    rows, n = X.shape
    for m in range(rows):
        for c in range(scales.shape[1]):
            scale = scales[m, c]
            for i in range(c * CHUNK, min(n, (c + 1) * CHUNK)):
                out[m, i] = scale * wide(X[m, i])


@compiled
def _chunked(V: Array) -> Single:
    """Vectors (p, N) as float32, (chunks, p CHUNK): those of a chunk one after the other, zero past the end."""
    p, n = V.shape
    out = np.zeros(((n + CHUNK - 1) // CHUNK, p * CHUNK), dtype=np.float32)
    for k in range(p):
        for i in range(n):
            out[i // CHUNK, k * CHUNK + i % CHUNK] = V[k, i]
    return out


@compiled
def _flush(part: Single, W: Array) -> None:
    """W += part, (chunks, p CHUNK) on (p, N); part becomes zero."""
    p, n = W.shape
    for c in range(part.shape[0]):
        start, stop = c * CHUNK, min(n, (c + 1) * CHUNK)
        for k in range(p):
            for i in range(stop - start):
                W[k, start + i] += part[c, k * CHUNK + i]
    part[:] = 0.0


@compiled
def _curve(Z: Array, m: int, diagonal: Array, vector: Array, weight: Array) -> None:
    """D Z for the rows of a group, in place."""
    for j in range(ROWS):
        along = 0.0
        for k in range(Z.shape[0]):
            along += vector[m + j, k] * Z[k, j]
        along *= weight[m + j]
        for k in range(Z.shape[0]):
            Z[k, j] = diagonal[m + j, k] * Z[k, j] + along * vector[m + j, k]


@compiled
def _product(X: Entries, scales: Single, V: Single, W: Array, diagonal: Array, vector: Array, weight: Array) -> None:
    """W += (X^T D X V^T)^T for whole groups of rows; V (chunks, p CHUNK) as _chunked gives it."""
    rows, p = X.shape[0], W.shape[0]
    part = np.zeros_like(V)
    Z, U = np.empty((p, ROWS)), np.empty((p, ROWS), dtype=np.float32)
    for m in range(0, rows, ROWS):
        Z[:] = 0.0
        for c in range(V.shape[0]):
            for j in range(0, ROWS, 4):
                for k in range(0, p - 1, 2):
                    _dots_of_two(X, scales, m, j, c, V, k, Z)
            if p % 2:
                _dots(X, scales, m, c, V, p - 1, Z)
        _curve(Z, m, diagonal, vector, weight)
        for c in range(V.shape[0]):
            for j in range(ROWS):
                for k in range(p):
                    U[k, j] = Z[k, j] * scales[m + j, c]
            for j in range(0, ROWS, 4):
                for k in range(0, p - 1, 2):
                    _add_to_two(X, m, j, c, U, k, part)
            if p % 2:
                _add(X, m, c, U, p - 1, part)
        if (m // ROWS + 1) % _FLUSH == 0 or m + ROWS == rows:
            _flush(part, W)


class Product:
    """(X^T D X V^T)^T with D_mu = diag(diagonal_mu) + weight_mu vector_mu vector_mu^T, rows of X after rows.

    Entries of X and D, and their products, have to be far from the ends of float32 (Hessian.ordinary); V may be of
    any size.

    Parameters
    ----------
    V : (p, N) array
    """

    def __init__(self, V: Array) -> None:
        self._exponent = math.frexp(float(np.abs(V).max(initial=0.0)))[1]
        self._V = _chunked(np.ldexp(V, -self._exponent))
        self._W = np.zeros(V.shape)

    def add(self, X: Entries, scales: Single, diagonal: Array, vector: Array, weight: Array) -> None:
        """Rows of X, (M, N) with scales (M, chunks); diagonal and vector (M, p), weight (M,)."""
        whole = len(X) - len(X) % ROWS
        if whole:
            curvature = (ready(part[:whole]) for part in (diagonal, vector, weight))
            _product(X[:whole], scales[:whole], self._V, self._W, *curvature)
        if whole < len(X):
            curvature = (_padded(part[whole:]) for part in (diagonal, vector, weight))
            _product(_padded(X[whole:]), _padded(scales[whole:]), self._V, self._W, *curvature)

    def result(self) -> Array:
        """The sum over all rows, (p, N)."""
        return np.ldexp(self._W, self._exponent)


def no_scales(rows: int, n: int) -> Single:
    """Scales of X as it is: ones, a thousandth of X (an array without strides would be another specialisation)."""
    return np.ones((rows, -(-n // CHUNK)), dtype=np.float32)


def _padded(rows: NDArray[Any]) -> NDArray[Any]:
    """A group of rows, zero where there are fewer."""
    out = np.zeros((ROWS, *rows.shape[1:]), dtype=rows.dtype)
    out[: len(rows)] = rows
    return out


def prepare(entries: np.dtype[Any]) -> None:
    """Compile the product for entries of a type, or load it from numba's cache."""
    arrays = f"{entries.name}[:,::1], float32[:,::1], float32[:,::1]"
    curvature = "float64[:,::1], float64[:,::1], float64[:,::1], float64[::1]"
    functions = [
        (_product, f"({arrays}, {curvature})"),
        (widen, f"({arrays})"),
        (_chunked, "(float64[:,::1],)"),
    ]
    compile_all(f"single-{entries.name}", functions)
