"""Compiled passes over the images R = X Q: panel by panel, so that every use of a panel finds it in cache.

A panel is PANEL consecutive samples, aligned to the global sample index. What a panel adds to a sum over samples
is rounded to a fixed-point number (factor 2^e, 64-bit integers), so sums do not depend on the order of panels:
one seed gives the same bits on any number of ranks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.compiled import compile_all, compiled
from hpcbbp.solvers.deferred.storing import store

PANEL = 512
"""Samples in a panel; part of what a seed means (it fixes roundings)."""

Floats = NDArray[Any]  # float32 or float64: the arithmetic within a panel
Images = NDArray[Any]  # int16, float32 or float64
Integers = NDArray[np.int64]
Array = NDArray[np.float64]


@compiled
def _combine(R: Images, scale: Floats, panel: int, k: int, C: Floats, W: Floats) -> None:
    """W[j] += sum_i C[i, j] R[i] over one panel, i < k; four rows of R at a time."""
    number = W.dtype.type
    start, stop = panel * PANEL, (panel + 1) * PANEL
    last = k - 1
    for i in range(0, k, 4):
        i1, i2, i3 = min(i + 1, last), min(i + 2, last), min(i + 3, last)
        x0, x1, x2, x3 = R[i, start:stop], R[i1, start:stop], R[i2, start:stop], R[i3, start:stop]
        for j in range(C.shape[1]):
            c0 = C[i, j] * scale[i, panel]
            c1 = C[i1, j] * scale[i1, panel] if i + 1 < k else number(0)
            c2 = C[i2, j] * scale[i2, panel] if i + 2 < k else number(0)
            c3 = C[i3, j] * scale[i3, panel] if i + 3 < k else number(0)
            w = W[j]
            for m in range(PANEL):
                w[m] += c0 * number(x0[m]) + c1 * number(x1[m]) + c2 * number(x2[m]) + c3 * number(x3[m])


@compiled
def _dots(R: Images, scale: Floats, panel: int, k: int, Y: Floats, factor: Array, out: Integers) -> None:
    """out[i, j] += R[i] . Y[j] over one panel in fixed point, i < k; 2 rows times 3 vectors at a time."""
    number = Y.dtype.type
    start, stop = panel * PANEL, (panel + 1) * PANEL
    for i in range(0, k, 2):
        second = min(i + 1, k - 1)
        x0, x1 = R[i, start:stop], R[second, start:stop]
        f0, f1 = np.float64(scale[i, panel]), np.float64(scale[second, panel])
        for j in range(0, Y.shape[0], 3):
            y0, y1, y2 = Y[j], Y[j + 1], Y[j + 2]
            s0, s1, s2 = number(0), number(0), number(0)
            t0, t1, t2 = number(0), number(0), number(0)
            for m in range(PANEL):
                a, b = number(x0[m]), number(x1[m])
                s0 += a * y0[m]
                s1 += a * y1[m]
                s2 += a * y2[m]
                t0 += b * y0[m]
                t1 += b * y1[m]
                t2 += b * y2[m]
            out[i, j] += np.int64(np.rint(s0 * f0 * factor[j]))
            out[i, j + 1] += np.int64(np.rint(s1 * f0 * factor[j + 1]))
            out[i, j + 2] += np.int64(np.rint(s2 * f0 * factor[j + 2]))
            if i + 1 < k:
                out[i + 1, j] += np.int64(np.rint(t0 * f1 * factor[j]))
                out[i + 1, j + 1] += np.int64(np.rint(t1 * f1 * factor[j + 1]))
                out[i + 1, j + 2] += np.int64(np.rint(t2 * f1 * factor[j + 2]))


@compiled
def reveal(
    R: Images, scale: Floats, k: int, panels: tuple[int, int], D: Floats, fresh: Floats, following: Floats,
    G: Floats, squares: int, limit: float, factor: Array, out: Integers,
) -> None:  # fmt: skip
    """New images R[k + j] = fresh[j] + sum_q D_q (sum_i G[i, q c + j] R[i]), and moments with all images.

    Over panels[0] <= panel < panels[1]; `fresh` (c, rows) covers all rows, `following` (c2, ...) those panels only.
    Columns of out (k + c, columns): q c + j for D_q R[k + j]; then, if squares (p = 1), j for D^2 R[k + j]; then
    q c2 + j for D_q following[j]; then padding to a multiple of 3.
    """
    c, c2, parts = fresh.shape[0], following.shape[0], D.shape[0]
    W, Y = np.zeros((parts * c, PANEL), D.dtype), np.zeros((out.shape[1], PANEL), D.dtype)
    r = np.empty(PANEL, D.dtype)
    after = parts * c + squares * c
    for panel in range(panels[0], panels[1]):
        start, here = panel * PANEL, (panel - panels[0]) * PANEL
        if c > 0:
            W[:] = 0
            _combine(R, scale, panel, k, G, W)
        for j in range(c):
            r[:] = fresh[j, start : start + PANEL]
            for q in range(parts):
                w = W[q * c + j]
                for m in range(PANEL):
                    r[m] += D[q, start + m] * w[m]
            store(R, scale, k + j, panel, r, limit)
            for q in range(parts):
                y = Y[q * c + j]
                for m in range(PANEL):
                    y[m] = D[q, start + m] * r[m]
            if squares > 0:
                y = Y[parts * c + j]
                for m in range(PANEL):
                    y[m] = D[0, start + m] * D[0, start + m] * r[m]
        for j in range(c2):
            for q in range(parts):
                y = Y[after + q * c2 + j]
                for m in range(PANEL):
                    y[m] = D[q, start + m] * following[j, here + m]
        _dots(R, scale, panel, k + c, Y, factor, out)


@compiled
def query(
    R: Images, scale: Floats, k: int, D: Floats, index: Integers, V: Floats, factor: Array, out: Integers
) -> None:
    """Moments of U_(v,a) = sum_l D_al (R V_(v,l)) with D_q R: columns q c + v p + a of out (k, columns), c = b p.

    V is (k, b p) with column v p + l; index[a, l] is the q of D_al. Sums
    are float64 with every storage: the queries' Gram matrix comes from here.
    """
    p, c, parts = index.shape[0], V.shape[1], D.shape[0]
    Z, Y = np.zeros((c, PANEL), V.dtype), np.zeros((out.shape[1], PANEL), V.dtype)
    u = np.empty(PANEL, V.dtype)
    for panel in range(R.shape[1] // PANEL):
        start = panel * PANEL
        Z[:] = 0
        _combine(R, scale, panel, k, V, Z)
        for v in range(c // p):
            for a in range(p):
                u[:] = 0
                for other in range(p):
                    z, q = Z[v * p + other], index[a, other]
                    for m in range(PANEL):
                        u[m] += D[q, start + m] * z[m]
                for q in range(parts):
                    y = Y[q * c + v * p + a]
                    for m in range(PANEL):
                        y[m] = D[q, start + m] * u[m]
        _dots(R, scale, panel, k, Y, factor, out)


@compiled
def _left(
    R: Images, scale: Floats, k: int, panel: int, D: Array, first: int, index: Integers, V: Array, Z: Array, U: Array
) -> None:
    """U_(v,a) = sum_l D_al (R V_(v,l)) over one panel; D begins at panel `first`, Z is room."""
    p, start = index.shape[0], (panel - first) * PANEL
    Z[:] = 0
    _combine(R, scale, panel, k, V, Z)
    U[:] = 0
    for v in range(V.shape[1] // p):
        for a in range(p):
            u = U[v * p + a]
            for other in range(p):
                z, q = Z[v * p + other], index[a, other]
                for m in range(PANEL):
                    u[m] += D[q, start + m] * z[m]


@compiled
def energies(
    R: Images,
    scale: Floats,
    k: int,
    panels: tuple[int, int],
    D: Array,
    index: Integers,
    V: Array,
    squares: Array,
    factor: float,
    out: Integers,
) -> None:
    """|U_v|^2 and sum_mu |D_mu|^2 sum_i V_iv^2 R_mui^2 of block vectors v: out (b, 2); squares (k, b) are V^2."""
    p, b = index.shape[0], squares.shape[1]
    Z, U = np.zeros((b * p, PANEL)), np.zeros((b * p, PANEL))
    size, spread = np.zeros(PANEL), np.zeros(PANEL)
    for panel in range(panels[0], panels[1]):
        start, here = panel * PANEL, (panel - panels[0]) * PANEL
        _left(R, scale, k, panel, D, panels[0], index, V, Z, U)
        size[:] = 0
        for a in range(p):
            for other in range(p):
                d = D[index[a, other]]
                for m in range(PANEL):
                    size[m] += d[here + m] * d[here + m]
        for v in range(b):
            spread[:] = 0
            for i in range(k):
                x, unit = R[i, start : start + PANEL], np.float64(scale[i, panel])
                c = squares[i, v] * unit * unit
                for m in range(PANEL):
                    spread[m] += c * (np.float64(x[m]) * np.float64(x[m]))
            one, two = 0.0, 0.0
            for a in range(p):
                u = U[v * p + a]
                for m in range(PANEL):
                    one += u[m] * u[m]
            for m in range(PANEL):
                two += size[m] * spread[m]
            out[v, 0] += np.int64(np.rint(one * factor))
            out[v, 1] += np.int64(np.rint(two * factor))


@compiled
def image(
    R: Images,
    scale: Floats,
    k: int,
    panels: tuple[int, int],
    D: Array,
    index: Integers,
    V: Array,
    factor: Array,
    out: Integers,
) -> None:
    """R^T U_(v,a), columns v p + a of out (k, columns), in float64 with every storage."""
    c = V.shape[1]
    Z, U, Y = np.zeros((c, PANEL)), np.zeros((c, PANEL)), np.zeros((out.shape[1], PANEL))
    for panel in range(panels[0], panels[1]):
        _left(R, scale, k, panel, D, panels[0], index, V, Z, U)
        Y[:c] = U
        _dots(R, scale, panel, k, Y, factor, out)


@compiled
def remainder(
    R: Images, scale: Floats, k: int, panels: tuple[int, int], D: Array, G: Array, factor: Array, units: Array,
    out: Integers, own: Integers,
) -> None:  # fmt: skip
    """U_j = sum_q D_q (sum_i G[i, q c + j] R[i]): out[i, q c + j] of D_q U_j with R[i], own[0, j] of |U_j|^2."""
    parts, c = D.shape[0], G.shape[1] // D.shape[0]
    W, Y = np.zeros((parts * c, PANEL)), np.zeros((out.shape[1], PANEL))
    for panel in range(panels[0], panels[1]):
        here = (panel - panels[0]) * PANEL
        W[:] = 0
        _combine(R, scale, panel, k, G, W)
        for j in range(c):
            u = np.zeros(PANEL)
            for q in range(parts):
                u += D[q, here : here + PANEL] * W[q * c + j]
            for q in range(parts):
                Y[q * c + j] = D[q, here : here + PANEL] * u
            own[0, j] += np.int64(np.rint((u * u).sum() * units[j]))
        _dots(R, scale, panel, k, Y, factor, out)


def prepare(storage: str, number: str) -> None:
    """Compile the passes, or load them, for a kind of storage and of arithmetic (see compile_all)."""
    images, floats = f"{storage}[:,::1]", f"{number}[:,::1]"
    panels, moments = "UniTuple(int64, 2)", "float64[::1], int64[:,::1]"
    reveals = (
        f"({images}, {floats}, int64, {panels}, {floats}, {floats}, {floats}, {floats}, int64, float64, {moments})"
    )
    wide = f"{images}, {floats}, int64, {panels}, float64[:,::1], int64[:,::1], float64[:,::1]"
    remains = f"{images}, {floats}, int64, {panels}, float64[:,::1], float64[:,::1]"
    compile_all(
        f"deferred {storage} {number}",
        [
            (reveal, reveals),
            (query, f"({images}, {floats}, int64, {floats}, int64[:,::1], float64[:,::1], {moments})"),
            (energies, f"({wide}, float64[:,::1], float64, int64[:,::1])"),
            (image, f"({wide}, {moments})"),
            (remainder, f"({remains}, float64[::1], {moments}, int64[:,::1])"),
        ],
    )
