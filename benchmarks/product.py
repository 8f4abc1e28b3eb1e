"""One product with the Hessian: the compiled pass over X against two BLAS calls, and against reading X.

    .venv/bin/python benchmarks/product.py [N] [alpha]

Ratios are taken between the best of five runs in turn, so that noise of the machine hits all alike.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from hpcbbp.data import kernels


def best(functions: dict[str, Callable[[], object]], repeats: int = 5) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - start)
    return {name: min(values) for name, values in times.items()}


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
    m = int((float(sys.argv[2]) if len(sys.argv) > 2 else 3.0) * n)
    rng = np.random.default_rng(0)
    print(f"N = {n}, M = {m}; seconds, and GB/s of X")
    for storage in (np.float32, np.float64):
        X = rng.standard_normal((m, n), dtype=storage)
        for p in (1, 2, 4):
            V = rng.standard_normal((p, n))
            diagonal, vector, weight = rng.random((m, p)), rng.random((m, p)), rng.random(m)

            def fused() -> object:
                return kernels.curvature_product(X, V, diagonal, vector, weight)

            def blas() -> object:
                Z = X @ V.T.astype(X.dtype)
                U = diagonal * Z + (weight * np.einsum("mk,mk->m", vector, Z))[:, None] * vector
                return X.T @ U.astype(X.dtype)

            fused()
            times = best({"fused": fused, "BLAS": blas, "read": lambda: X.sum(dtype=X.dtype)})
            print(
                f"{np.dtype(storage).name} p = {p}: "
                + ", ".join(f"{name} {t:.4f} s ({X.nbytes / t / 1e9:.1f} GB/s)" for name, t in times.items())
                + f"; BLAS / fused = {times['BLAS'] / times['fused']:.2f}"
            )


if __name__ == "__main__":
    main()
