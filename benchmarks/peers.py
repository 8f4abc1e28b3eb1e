"""Other packages on our stored float32 X: scipy's eigsh, and PRIMME and torch's LOBPCG where they are installed."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from hpcbbp import Instance, Problem, gaussian_instance


class Products:
    """H v by two float32 BLAS calls, counted; blocks of vectors too."""

    def __init__(self, instance: Instance) -> None:
        self.X, self.D, self.count = instance.data.local, instance.hessian.curvature, 0
        self.n, self.p = instance.data.n, instance.problem.p

    def matvec(self, v: np.ndarray) -> np.ndarray:
        self.count += 1
        Z = self.X @ v.reshape(self.n, self.p).astype(np.float32)
        return (self.X.T @ self.D.apply(Z.astype(np.float64)).astype(np.float32)).astype(np.float64).reshape(-1)

    @property
    def operator(self) -> LinearOperator:
        size = self.p * self.n
        return LinearOperator((size, size), matvec=self.matvec, dtype=np.float64)


def _by_scipy(products: Products, pairs: int) -> np.ndarray:
    return eigsh(products.operator, k=pairs, which="SA", tol=1e-6)[0]


def _by_primme(products: Products, pairs: int) -> np.ndarray:
    import primme

    return primme.eigsh(products.operator, k=pairs, which="SA", tol=1e-6)[0]


def _by_torch(products: Products, pairs: int) -> np.ndarray:
    """LOBPCG needs the matrix or a block product in torch; X stays the same memory."""
    import torch

    torch.set_num_threads(1)
    X = torch.from_numpy(products.X)
    D = torch.from_numpy(products.D.dense().astype(np.float32))

    class Block:
        shape, dtype, device, is_sparse = (products.p * products.n,) * 2, torch.float32, X.device, False

        def __matmul__(self, V: Any) -> Any:
            products.count += V.shape[1]
            Z = torch.einsum("mn,npb->mpb", X, V.reshape(products.n, products.p, -1))
            return torch.einsum("mn,mpb->npb", X, torch.einsum("mpq,mqb->mpb", D, Z)).reshape(V.shape)

    start = torch.randn(products.p * products.n, pairs, generator=torch.Generator().manual_seed(0))
    basic: Any = torch.lobpcg
    return basic(Block(), X=start, largest=False, niter=500, tol=1e-6)[0].numpy()


PEERS: dict[str, tuple[str, Callable[[Products, int], np.ndarray]]] = {
    "scipy eigsh": ("scipy", _by_scipy),
    "PRIMME": ("primme", _by_primme),
    "torch LOBPCG, float32": ("torch", _by_torch),
}


def peer_seconds(problem: Problem, n: int, only: str | None = None) -> list[dict[str, Any]]:
    """Seconds, products and eigenvalues of each package that is there; set-up of X not counted."""
    products, rows = Products(gaussian_instance(problem, n, 0, storage="float32")), []
    pairs = problem.p * problem.p_star
    for name, (module, solve) in PEERS.items():
        if only not in (None, name) or importlib.util.find_spec(module) is None:
            continue
        products.count, start = 0, time.perf_counter()
        try:
            values = np.sort(solve(products, pairs))
        except Exception as error:  # a peer that cannot is a row that says so
            rows.append({"what": f"{name}: {type(error).__name__}", "seconds": float("nan"), "products": 0})
            continue
        seconds = time.perf_counter() - start
        rows.append({"what": f"{name}, two BLAS calls a product", "seconds": seconds, "products": products.count,
                     "eigenvalues": values.tolist()})  # fmt: skip
    return rows


def scipy_seconds(n: int, pairs: int) -> float:
    """Seconds of scipy's eigsh for the lowest pairs to 1e-6 at p = 2, p* = 1, a = 1.5, alpha = 3."""
    products = Products(gaussian_instance(Problem(p=2, p_star=1, alpha=3.0, a=1.5), n, 0, storage="float32"))
    start = time.perf_counter()
    _by_scipy(products, pairs)
    return time.perf_counter() - start
