"""The peer of the benchmarks: scipy's eigsh on a stored float32 X, two BLAS calls a product."""

from __future__ import annotations

import time

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from hpcbbp import Problem, gaussian_instance


def scipy_seconds(n: int, pairs: int) -> float:
    """Seconds for the lowest pairs to 1e-6 at p = 2, p* = 1, a = 1.5, alpha = 3; set-up of X not counted."""
    instance = gaussian_instance(Problem(p=2, p_star=1, alpha=3.0, a=1.5), n, 0, storage="float32")
    X, D = instance.data.local, instance.hessian.curvature

    def matvec(v: np.ndarray) -> np.ndarray:
        Z = X @ v.reshape(n, 2).astype(np.float32)
        return (X.T @ D.apply(Z.astype(np.float64)).astype(np.float32)).astype(np.float64).reshape(-1)

    start = time.perf_counter()
    eigsh(LinearOperator((2 * n, 2 * n), matvec=matvec, dtype=np.float64), k=pairs, which="SA", tol=1e-6)
    return time.perf_counter() - start
