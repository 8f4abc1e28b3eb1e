"""Compiled sums over the nodes of a contour, for z(g) at many complex g (hpcbbp.theory.limit.density)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.compiled import compile_all, compiled

Array = NDArray[np.float64]


@compiled
def resolvent_sums(nodes: Array, g: NDArray[Any], out: NDArray[Any]) -> None:
    """Sums of w E and w E^2, E = d/(1 - g d), over nodes for each g.

    Parameters
    ----------
    nodes : (4, K) array
        Real and imaginary parts of d and of w.
    g : (G,) complex array
    out : (2, G) complex array
        To which they are added.
    """
    for i in range(len(g)):
        gr, gi = g[i].real, g[i].imag
        first_r, first_i, second_r, second_i = 0.0, 0.0, 0.0, 0.0
        for k in range(nodes.shape[1]):
            dr, di, wr, wi = nodes[0, k], nodes[1, k], nodes[2, k], nodes[3, k]
            lr, li = 1.0 - (gr * dr - gi * di), -(gr * di + gi * dr)  # 1 - g d
            size = 1.0 / (lr * lr + li * li)
            er, ei = (dr * lr + di * li) * size, (di * lr - dr * li) * size
            vr, vi = wr * er - wi * ei, wr * ei + wi * er
            first_r += vr
            first_i += vi
            second_r += vr * er - vi * ei
            second_i += vr * ei + vi * er
        out[0, i] += complex(first_r, first_i)
        out[1, i] += complex(second_r, second_i)


def prepare() -> None:
    """Compile, or load what was compiled."""
    compile_all("contour", [(resolvent_sums, "(float64[:,::1], complex128[::1], complex128[:,::1])")])
