"""Compiled products with the stored rows of X, which read X once.

Four rows at a time: long enough that the vectors of length N, which are touched once per group of rows, cost
little beside X; short enough that the rows are still in cache when the product comes back for them. float32
data are converted on the fly, all sums are float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.compiled import compile_all, compiled

Array = NDArray[np.float64]
Rows = NDArray[Any]  # float64 or float32

GROUP = 4
CHUNK = 2048  # columns at a time, so that 4 rows stay in the first-level cache for all p vectors


@compiled
def _row(m: int, j: int, rows: int) -> int:
    """Row m + j; past the end the last row, whose coefficients are then zero."""
    return min(m + j, rows - 1)


@compiled
def _dots(X: Rows, m: int, start: int, stop: int, V: Array, Z: Array) -> None:
    """Z[j, k] += X[m + j] . V[k] over columns start:stop, for the 4 rows of a group."""
    rows = X.shape[0]
    r0, r1, r2, r3 = m, _row(m, 1, rows), _row(m, 2, rows), _row(m, 3, rows)
    x0, x1, x2, x3 = X[r0, start:stop], X[r1, start:stop], X[r2, start:stop], X[r3, start:stop]
    for k in range(V.shape[0]):
        v = V[k, start:stop]
        z0, z1, z2, z3 = 0.0, 0.0, 0.0, 0.0
        for i in range(stop - start):
            z0 += x0[i] * v[i]
            z1 += x1[i] * v[i]
            z2 += x2[i] * v[i]
            z3 += x3[i] * v[i]
        Z[0, k] += z0
        Z[1, k] += z1
        Z[2, k] += z2
        Z[3, k] += z3


@compiled
def _add(X: Rows, m: int, start: int, stop: int, U: Array, W: Array) -> None:
    """W[k] += sum_j U[j, k] X[m + j] over columns start:stop, for the 4 rows of a group."""
    rows = X.shape[0]
    r0, r1, r2, r3 = m, _row(m, 1, rows), _row(m, 2, rows), _row(m, 3, rows)
    x0, x1, x2, x3 = X[r0, start:stop], X[r1, start:stop], X[r2, start:stop], X[r3, start:stop]
    for k in range(W.shape[0]):
        w = W[k, start:stop]
        u0, u1, u2, u3 = U[0, k], U[1, k], U[2, k], U[3, k]
        for i in range(stop - start):
            w[i] += u0 * x0[i] + u1 * x1[i] + u2 * x2[i] + u3 * x3[i]


@compiled
def project(X: Rows, V: Array) -> Array:
    """X V^T: rows (M, N), V (b, N) -> (M, b)."""
    rows, b = X.shape[0], V.shape[0]
    out = np.empty((rows, b))
    Z = np.empty((GROUP, b))
    for m in range(0, rows, GROUP):
        Z[:] = 0.0
        for start in range(0, X.shape[1], CHUNK):
            _dots(X, m, start, min(X.shape[1], start + CHUNK), V, Z)
        for j in range(min(GROUP, rows - m)):
            out[m + j] = Z[j]
    return out


@compiled
def adjoint(X: Rows, U: Array) -> Array:
    """(X^T U)^T: rows (M, N), U (M, b) -> (b, N)."""
    rows, b = X.shape[0], U.shape[1]
    W = np.zeros((b, X.shape[1]))
    block = np.empty((GROUP, b))
    for m in range(0, rows, GROUP):
        block[:] = 0.0
        for j in range(min(GROUP, rows - m)):
            block[j] = U[m + j]
        for start in range(0, X.shape[1], CHUNK):
            _add(X, m, start, min(X.shape[1], start + CHUNK), block, W)
    return W


@compiled
def dots_by_columns(X: Rows, V: Array) -> Array:
    """X V^T as project gives it, column chunk by column chunk: for few long rows, V is read once."""
    rows, n = X.shape
    out = np.zeros((GROUP * ((rows + GROUP - 1) // GROUP), V.shape[0]))
    for start in range(0, n, CHUNK):
        for m in range(0, rows, GROUP):
            _dots(X, m, start, min(n, start + CHUNK), V, out[m : m + GROUP])
    return out[:rows]


@compiled
def add_by_columns(X: Rows, U: Array, W: Array) -> None:
    """W += U^T X, W (b, N) in place, column chunk by column chunk: for few long rows, W is read and written once."""
    rows, n = X.shape
    padded = np.zeros((GROUP * ((rows + GROUP - 1) // GROUP), U.shape[1]))
    padded[:rows] = U
    for start in range(0, n, CHUNK):
        for m in range(0, rows, GROUP):
            _add(X, m, start, min(n, start + CHUNK), padded[m : m + GROUP], W)


@compiled
def curvature_product(X: Rows, V: Array, diagonal: Array, vector: Array, weight: Array) -> Array:
    """(X^T D X V^T)^T with D_mu = diag(diagonal_mu) + weight_mu vector_mu vector_mu^T.

    X (M, N), V (p, N), diagonal and vector (M, p), weight (M,) -> (p, N).
    """
    rows, n = X.shape
    p = V.shape[0]
    W = np.zeros((p, n))
    Z, U = np.empty((GROUP, p)), np.empty((GROUP, p))
    for m in range(0, rows, GROUP):
        Z[:] = 0.0
        for start in range(0, n, CHUNK):
            _dots(X, m, start, min(n, start + CHUNK), V, Z)
        U[:] = 0.0
        for j in range(min(GROUP, rows - m)):
            along = 0.0
            for k in range(p):
                along += vector[m + j, k] * Z[j, k]
            along *= weight[m + j]
            for k in range(p):
                U[j, k] = diagonal[m + j, k] * Z[j, k] + along * vector[m + j, k]
        for start in range(0, n, CHUNK):
            _add(X, m, start, min(n, start + CHUNK), U, W)
    return W


_CURVATURE = "float64[:,::1], float64[:,::1], float64[:,::1], float64[::1]"
_SIGNATURES = {
    "project": "float64[:,::1]",
    "adjoint": "float64[:,::1]",
    "curvature_product": _CURVATURE,
    "dots_by_columns": "float64[:,::1]",
    "add_by_columns": "float64[:,::1], float64[:,::1]",
}


def prepare() -> None:
    """Compile every kernel, or load it from numba's cache, for float64 and float32 data."""
    compile_all(
        "data",
        [
            (globals()[name], f"({storage}[:,::1], {arguments})")
            for storage in ("float64", "float32")
            for name, arguments in _SIGNATURES.items()
        ],
    )
