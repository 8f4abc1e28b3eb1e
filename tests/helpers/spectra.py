"""Stored instances of a known spectrum: any eigenvalues, and every eigenvalue several times."""

from __future__ import annotations

import numpy as np

from hpcbbp import Group, Problem, gaussian_instance
from hpcbbp.data.stored import StoredData
from hpcbbp.model.curvature import Curvature
from hpcbbp.operators.hessian import Hessian
from hpcbbp.solvers.instance import Instance


def rotation(n: int, first: np.ndarray | None = None) -> np.ndarray:
    """Orthogonal matrix, the first row along a given vector."""
    columns = np.random.default_rng(n).standard_normal((n, n))
    if first is not None:
        columns[:, 0] = first
    return np.ascontiguousarray(np.linalg.qr(columns)[0].T)


def operator(group, values, rows=None) -> Hessian:
    """H = X^T diag(values) X, p = 1."""
    X = rotation(len(values)) if rows is None else rows
    mine = group.owned(len(X))
    part = slice(mine.start, mine.stop)
    D = np.ascontiguousarray(values[part])
    data = StoredData(X[part].copy(), len(X), group)
    return Hessian(data, Curvature(D[:, None], np.zeros((len(D), 1)), np.zeros(len(D))))


def blocks(group: Group, copies: int) -> Instance:
    """X of equal blocks on the diagonal, weights alike in each: every eigenvalue that many times."""
    part = gaussian_instance(Problem(p=2, p_star=1, alpha=3.0, a=1.5), 40, 0)
    X = np.kron(np.eye(copies), part.data.local)
    rows, columns = group.owned(len(X)), group.owned(X.shape[1])
    teacher, student = (np.tile(w, (copies, 1))[columns.start : columns.stop] for w in (part.teacher, part.student))
    data = StoredData(X[rows.start : rows.stop].copy(), len(X), group)
    return Instance(part.problem, data, teacher, student, 0)


def dense(instance: Instance) -> np.ndarray:
    X, D = instance.data.local, instance.hessian.curvature.dense()
    order = X.shape[1] * D.shape[1]
    return np.einsum("mkl,mi,mj->ikjl", D, X, X, optimize=True).reshape(order, order)
