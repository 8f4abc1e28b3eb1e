"""Hessians on the way: the lowest pairs where a descent stands, and what their vectors know."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hpcbbp.dynamics.descent import Descent
from hpcbbp.dynamics.trajectory import Landscape
from hpcbbp.dynamics.walker import Heard, Solving

Array = NDArray[np.float64]


def landscape(at: Descent, walker: Solving, nev: int, tol: float, heard: Heard = None) -> Landscape:
    """Lowest pairs of the Hessian where the last look of a descent was. Collective."""
    found = walker.lowest(at.W, at.gradient, nev, tol, heard)
    at.W, at.velocity, at.gradient = (walker.known(V) for V in (at.W, at.velocity, at.gradient))
    nev, _, p = found.vectors.shape
    flat = found.vectors.transpose(1, 0, 2).reshape(-1, nev * p)

    def cosines(V: Array) -> Array:
        products = walker.products(flat, V).reshape(nev, p, V.shape[1])
        result: Array = products / np.sqrt(walker.products(V, V).diagonal())
        return result

    size = math.sqrt(float(walker.products(at.gradient, at.gradient).trace())) or 1.0
    along = np.abs(np.einsum("vkk->v", walker.products(flat, at.gradient).reshape(nev, p, p))) / size
    teacher, student = ((cosines(V) ** 2).sum(axis=(1, 2)) for V in (walker.teacher, at.W))
    return Landscape(
        at.step, found.eigenvalues, found.residuals, found.converged, teacher, student, along, found.reason,
        found.products,
    )  # fmt: skip
