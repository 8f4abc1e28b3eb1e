"""Compiled passes over images R and left directions P, strip by strip: its first use loads a strip, the next find it.

Sums of products are taken in the arithmetic of the coefficients (float32, or float64 where that is asked for) within
a strip and GROUP rows, in float64 across them, and in fixed point across panels: the same on any number of ranks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.compiled import compile_all, compiled

PANEL = 2048
"""Samples in a panel; part of what a seed means (it fixes roundings)."""
STRIP = 1024
"""Samples of a panel that are worked on at a time."""
GROUP = 32
"""Rows whose combination is summed in the arithmetic of the coefficients."""

Floats = NDArray[Any]  # float32 or float64
Images = NDArray[Any]  # int16, float32 or float64
Integers = NDArray[np.int64]
Array = NDArray[np.float64]


@compiled
def _combine(A: Images, start: int, k: int, C: Floats, w: Floats, Z: Array) -> None:
    """Z[j] = sum_i C[j, i] A[i] over one strip of A, i < k; two columns, four rows at a time, w (2 STRIP) is room."""
    number, last, columns = w.dtype.type, k - 1, C.shape[0]
    for j in range(0, columns, 2):
        other = min(j + 1, columns - 1)
        Z[j] = 0
        Z[other] = 0
        for first in range(0, k, GROUP):
            w[:] = 0
            for i in range(first, min(first + GROUP, k), 4):
                i1, i2, i3 = min(i + 1, last), min(i + 2, last), min(i + 3, last)
                x0, x1, x2, x3 = A[i, start:], A[i1, start:], A[i2, start:], A[i3, start:]
                one, two, three = i + 1 < k, i + 2 < k, i + 3 < k
                c0, d0 = C[j, i], C[other, i]
                c1, d1 = (C[j, i1], C[other, i1]) if one else (number(0), number(0))
                c2, d2 = (C[j, i2], C[other, i2]) if two else (number(0), number(0))
                c3, d3 = (C[j, i3], C[other, i3]) if three else (number(0), number(0))
                for m in range(STRIP):
                    y0, y1, y2, y3 = number(x0[m]), number(x1[m]), number(x2[m]), number(x3[m])
                    w[m] += c0 * y0 + c1 * y1 + c2 * y2 + c3 * y3
                    w[STRIP + m] += d0 * y0 + d1 * y1 + d2 * y2 + d3 * y3
            z = Z[j]
            for m in range(STRIP):
                z[m] += np.float64(w[m])
            if j + 1 < columns:
                z = Z[j + 1]
                for m in range(STRIP):
                    z[m] += np.float64(w[STRIP + m])


@compiled
def _dots(A: Images, start: int, k: int, Y: Floats, sums: Array) -> None:
    """sums[i, j] += A[i] . Y[j] over one strip of A, i < k; four rows and two columns at a time."""
    number, last, columns = Y.dtype.type, k - 1, sums.shape[1]
    for i in range(0, k, 4):
        i1, i2, i3 = min(i + 1, last), min(i + 2, last), min(i + 3, last)
        x0, x1, x2, x3 = A[i, start:], A[i1, start:], A[i2, start:], A[i3, start:]
        for j in range(0, columns, 2):
            other = min(j + 1, columns - 1)
            y, z = Y[j], Y[other]
            s0, s1, s2, s3 = number(0), number(0), number(0), number(0)
            t0, t1, t2, t3 = number(0), number(0), number(0), number(0)
            for m in range(STRIP):
                a, b, c, d = number(x0[m]), number(x1[m]), number(x2[m]), number(x3[m])
                s0 += a * y[m]
                s1 += b * y[m]
                s2 += c * y[m]
                s3 += d * y[m]
                t0 += a * z[m]
                t1 += b * z[m]
                t2 += c * z[m]
                t3 += d * z[m]
            s, t = (s0, s1, s2, s3), (t0, t1, t2, t3)
            for r in range(min(4, k - i)):
                sums[i + r, j] += np.float64(s[r])
                if j + 1 < columns:
                    sums[i + r, j + 1] += np.float64(t[r])


@compiled
def _take(sums: Array, factor: float, out: Integers) -> None:
    """What a panel adds to a sum in fixed point; leaves zeros."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] += np.int64(np.rint(sums[i, j] * factor))
            sums[i, j] = 0


@compiled
def _widen(R: Images, scale: Floats, panel: int, start: int, k: int, T: Floats) -> None:
    """T[i] = R[i] times its scale over one strip, i < k."""
    number = T.dtype.type
    for i in range(k):
        unit, x, t = scale[i, panel], R[i, start:], T[i]
        for m in range(STRIP):
            t[m] = number(x[m]) * unit


@compiled
def _curve(diagonal: Array, vector: Array, weight: Array, start: int, Z: Array, U: Array) -> None:
    """U[v p + a] = sum_l D_al Z[v p + l] over one strip of U and D."""
    p, along = diagonal.shape[0], np.empty(STRIP)
    for v in range(0, Z.shape[0], p):
        along[:] = 0
        for a in range(p):
            x, z = vector[a, start:], Z[v + a]
            for m in range(STRIP):
                along[m] += x[m] * z[m]
        for a in range(p):
            d, x, z, u, w = diagonal[a, start:], vector[a, start:], Z[v + a], U[v + a, start:], weight[start:]
            for m in range(STRIP):
                u[m] = d[m] * z[m] + w[m] * along[m] * x[m]


@compiled
def ask(
    R: Images, scale: Floats, k: int, P: Floats, left: int, diagonal: Array, vector: Array, weight: Array, V: Floats,
    fresh: Floats, U: Array, integers: bool, factors: Array, inner: Integers, outer: Integers, drawn: Integers,
    own: Integers,
) -> None:  # fmt: skip
    """U = D R V and its sums: R^T U (k, b p), P^T U (left, b p), P^T fresh (left, c), |U|^2 (1, b p).

    V is (b p, k) with row v p + l; factors are those of the sums; integers: R has scales. P^T U is in float64: single
    samples may have much of both, and P stays orthonormal as far as this is right.
    """
    c, new = V.shape[0], fresh.shape[0]
    T, w = np.empty((k if integers else 0, STRIP), V.dtype), np.empty(2 * STRIP, V.dtype)
    Z, Y, F = np.empty((c, STRIP)), np.empty((c, STRIP), V.dtype), np.empty((new, STRIP), V.dtype)
    in_R, in_P, fresh_in_P = np.zeros((k, c)), np.zeros((left, c)), np.zeros((left, new))
    squares = np.zeros((1, c))
    for panel in range(U.shape[1] // PANEL):
        for start in range(panel * PANEL, (panel + 1) * PANEL, STRIP):
            if integers:
                _widen(R, scale, panel, start, k, T)
                _combine(T, 0, k, V, w, Z)
            else:
                _combine(R, start, k, V, w, Z)
            _curve(diagonal, vector, weight, start, Z, U)
            for j in range(c):
                u, size = U[j, start:], 0.0
                for m in range(STRIP):
                    Z[j, m] = u[m]
                    Y[j, m] = u[m]
                    size += u[m] * u[m]
                squares[0, j] += size
            F[:] = fresh[:, start : start + STRIP]
            if integers:
                _dots(T, 0, k, Y, in_R)
            else:
                _dots(R, start, k, Y, in_R)
            _dots(P, start, left, Z, in_P)
            _dots(P, start, left, F, fresh_in_P)
        _take(in_R, factors[0], inner)
        _take(in_P, factors[1], outer)
        _take(fresh_in_P, factors[2], drawn)
        _take(squares, factors[3], own)


@compiled
def overlaps(P: Floats, left: int, Y: Floats, factor: float, out: Integers) -> None:
    """P^T Y, (left, c), of rows Y, in float64."""
    c = Y.shape[0]
    strip, sums = np.empty((c, STRIP)), np.zeros((left, c))
    for panel in range(Y.shape[1] // PANEL):
        for start in range(panel * PANEL, (panel + 1) * PANEL, STRIP):
            strip[:] = Y[:, start : start + STRIP]
            _dots(P, start, left, strip, sums)
        _take(sums, factor, out)


@compiled
def take_out(
    P: Floats, left: int, C: Floats, U: Array, fresh: Floats, factors: Array, gram: Integers, cross: Integers
) -> None:
    """Subtract C P from the rows U, fresh (as many of these as C has rows); U^T U and U^T fresh of the rests."""
    c, new, taken = U.shape[0], fresh.shape[0], C.shape[0]
    Z, w = np.empty((taken, STRIP)), np.empty(2 * STRIP, C.dtype)
    Y, sums = np.empty((c + new, STRIP)), np.zeros((c, c + new))
    for panel in range(U.shape[1] // PANEL):
        for start in range(panel * PANEL, (panel + 1) * PANEL, STRIP):
            _combine(P, start, left, C, w, Z)
            for j in range(c):
                u, y, z = U[j, start:], Y[j], Z[j]
                for m in range(STRIP):
                    u[m] -= z[m]
                    y[m] = u[m]
            for j in range(new):
                x = fresh[j, start:]
                if c + j < taken:
                    z = Z[c + j]
                    for m in range(STRIP):
                        x[m] -= z[m]
                Y[c + j] = x[:STRIP]
            _dots(Y, 0, c, Y, sums)
        _take(sums[:, :c].copy(), factors[0], gram)
        _take(sums[:, c:].copy(), factors[1], cross)
        sums[:] = 0


@compiled
def append_left(P: Floats, left: int, C: Array, U: Array) -> None:
    """P[left + j] = sum_i C[j, i] U[i]."""
    row = np.empty(STRIP)
    for start in range(0, U.shape[1], STRIP):
        for j in range(C.shape[0]):
            row[:] = 0
            for i in range(C.shape[1]):
                c, u = C[j, i], U[i, start:]
                for m in range(STRIP):
                    row[m] += c * u[m]
            for m in range(STRIP):
                P[left + j, start + m] = row[m]


@compiled
def add_left(P: Floats, first: int, C: Array, fresh: Floats) -> None:
    """fresh[j] += sum_i C[j, i] P[first + i], for the rows of C."""
    row = np.empty(STRIP)
    for start in range(0, P.shape[1], STRIP):
        for j in range(C.shape[0]):
            x = fresh[j, start:]
            for m in range(STRIP):
                row[m] = x[m]
            for i in range(C.shape[1]):
                c, y = C[j, i], P[first + i, start:]
                for m in range(STRIP):
                    row[m] += c * y[m]
            for m in range(STRIP):
                x[m] = row[m]


@compiled
def spread(R: Images, scale: Floats, k: int, squares: Array, energy: Array, factor: float, out: Integers) -> None:
    """out[0, v] = sum_mu energy_mu sum_i squares[v, i] R_mui^2, in fixed point."""
    row, sums = np.empty(STRIP), np.zeros((1, squares.shape[0]))
    for panel in range(energy.shape[0] // PANEL):
        for start in range(panel * PANEL, (panel + 1) * PANEL, STRIP):
            for v in range(squares.shape[0]):
                row[:] = 0
                for i in range(k):
                    x, c = R[i, start:], squares[v, i] * np.float64(scale[i, panel]) ** 2
                    for m in range(STRIP):
                        row[m] += c * (np.float64(x[m]) * np.float64(x[m]))
                for m in range(STRIP):
                    sums[0, v] += energy[start + m] * row[m]
        _take(sums, factor, out)


def prepare(storage: str, number: str) -> None:
    """Compile the passes, or load them, for a kind of storage and of arithmetic (see compile_all)."""
    R, floats, wide, integers = f"{storage}[:,::1]", f"{number}[:,::1]", "float64[:,::1]", "int64[:,::1]"
    curvature, passes = f"{wide}, {wide}, float64[::1]", []
    for own in sorted({floats, wide}):  # of the coefficients
        asks = f"{R}, {floats}, int64, {floats}, int64, {curvature}, {own}, {floats}, {wide}, boolean, float64[::1]"
        passes += [
            (ask, f"({asks}, {', '.join([integers] * 4)})"),
            (take_out, f"({floats}, int64, {own}, {wide}, {floats}, float64[::1], {integers}, {integers})"),
            (overlaps, f"({floats}, int64, {own}, float64, {integers})"),
        ]
    passes += [
        (append_left, f"({floats}, int64, {wide}, {wide})"),
        (add_left, f"({floats}, int64, {wide}, {floats})"),
        (spread, f"({R}, {floats}, int64, {wide}, float64[::1], float64, {integers})"),
    ]
    compile_all(f"left {storage} {number}", passes)
