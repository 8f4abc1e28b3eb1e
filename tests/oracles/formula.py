"""The Hessian of a drawn instance as a matrix, from the formula of docs/theory.md."""

from __future__ import annotations

import numpy as np

from hpcbbp import gaussian_instance

# Of N = 300, p = 2, p* = 1, a = 1.5, alpha = 3, seed 0. What a seed means: the same on any number of ranks, to 1e-11.
GOLDEN = [-1.0075313704, -0.9067256116, -0.7709637297, -0.7571583639]


def dense(problem, n, seed, storage="float64"):
    """Hessian as a matrix from the formula of docs/theory.md, with the weights: one process, no kernels.

    Rows and columns in the order (i, k) of the shell matrix.
    """
    instance = gaussian_instance(problem, n, seed, storage=storage)
    X = instance.data.local.astype(np.float64)
    s, u = X @ instance.student, X @ instance.teacher
    y, yhat = (u**2).mean(axis=1), (s**2).mean(axis=1)
    p, a = problem.p, problem.a
    D = (4 / p**2) * s[:, :, None] * s[:, None, :] / (a + y)[:, None, None]
    D += np.eye(p) * ((2 / p) * (yhat - y) / (a + y))[:, None, None]
    H = np.einsum("mkl,mi,mj->ikjl", D, X, X, optimize=True).reshape(p * n, p * n)
    return H, instance.teacher, instance.student


def pieces(group, n):
    columns = group.owned(n)
    return slice(columns.start, columns.stop)
