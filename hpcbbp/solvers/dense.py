"""The whole spectrum of a small instance by LAPACK: phi and densities need more than the lowest pairs."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from hpcbbp.data.stored import StoredData
from hpcbbp.errors import InputError
from hpcbbp.machine import memory, provenance
from hpcbbp.solvers.eigen import check_tol
from hpcbbp.solvers.instance import Instance
from hpcbbp.solvers.needs import spectrum_bytes
from hpcbbp.solvers.overlap import overlaps
from hpcbbp.solvers.request import DEFAULT_TOL
from hpcbbp.solvers.result import EigenResult, Solution

Array = NDArray[np.float64]


NO_ROOM = "take a smaller N, or method = stored"


def solve_dense(instance: Instance, tol: float = DEFAULT_TOL) -> Solution:
    """All p N eigenpairs of an instance's Hessian and their overlaps. Collective; the first rank diagonalises.

    Parameters
    ----------
    instance : Instance
        With stored X.
    tol : float
        A pair counts as converged if |H v - lambda v| <= tol max(|lambda|, 1e-3 L), L the largest |lambda|.

    Raises
    ------
    InputError
        If X is not stored, or the matrix does not fit in memory.

    Examples
    --------
    >>> from hpcbbp import Problem, gaussian_instance
    >>> solution = solve_dense(gaussian_instance(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=60))
    >>> len(solution.eigen.eigenvalues)
    60
    """
    if not isinstance(instance, Instance):
        raise InputError(f"solve_dense({type(instance).__name__}): give an Instance, as of gaussian_instance")
    tol = check_tol(tol)
    problem, data, group = instance.problem, instance.data, instance.data.group
    if not isinstance(data, StoredData):
        raise InputError("the whole spectrum is computed from stored X")
    memory.require(spectrum_bytes(problem.p * data.n), group, NO_ROOM)
    begin = time.monotonic()
    H = _matrix(data, instance.hessian.curvature.dense())
    values, columns, residuals = np.zeros(len(H)), np.zeros_like(H), np.zeros(len(H))
    if group.rank == 0:
        values, columns = eigh(H, driver="evd", check_finite=False)
        residuals = np.linalg.norm(H @ columns - columns * values, axis=0)
    values, columns, residuals = (group.sum(part) for part in (values, columns, residuals))
    vectors = np.ascontiguousarray(columns.T).reshape(len(values), data.n, problem.p)[:, data.columns]
    scale = np.maximum(np.abs(values), 1e-3 * np.abs(values).max())
    return Solution(
        problem=problem,
        n=data.n,
        m=data.m,
        seed=instance.seed,
        data=type(data).__name__,
        method="dense",
        eigen=EigenResult(
            eigenvalues=values,
            residuals=residuals,
            converged=residuals <= tol * scale,
            vectors=vectors,
            reason=_reason(residuals, tol * np.abs(values), tol * scale),
            products=0,
            tolerance=tol,
            history=(),
            seconds=time.monotonic() - begin,
            provenance={**provenance.versions(), "ranks": group.size},
        ),
        teacher_overlaps=overlaps(vectors, instance.teacher, group),
        student_overlaps=overlaps(vectors, instance.student, group),
    )


def _reason(residuals: Array, relative: Array, allowed: Array) -> str:
    """What is true of all the pairs: LAPACK itself knows no tolerance."""
    missed, total = int((residuals > allowed).sum()), len(residuals)
    if missed:
        return f"not converged: {missed} of {total} residuals are above the tolerance, and LAPACK makes none smaller"
    rounded = int((residuals > relative).sum())
    if rounded:
        return (
            f"converged to rounding: the whole spectrum by LAPACK; {rounded} of {total} residuals are above "
            "tol |lambda|, but within 1e-3 tol max |lambda|"
        )
    return "converged: the whole spectrum by LAPACK"


def _matrix(data: StoredData, D: Array) -> Array:
    """H of order p N, entry (k, i) at i p + k as everywhere, summed over ranks."""
    X, p = data.local.astype(np.float64), D.shape[1]
    H = np.empty((data.n, p, data.n, p))
    for k in range(p):
        for j in range(k, p):
            H[:, k, :, j] = X.T @ (D[:, k, j, None] * X)
            H[:, j, :, k] = H[:, k, :, j]  # the block itself is symmetric
    return data.group.sum(H.reshape(p * data.n, p * data.n))
