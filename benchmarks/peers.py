"""Other packages on our stored float32 X: scipy's eigsh, and PRIMME and JAX's LOBPCG where they are installed."""

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


def _by_jax(products: Products, pairs: int) -> np.ndarray:
    """LOBPCG finds the largest: of -H, on five vectors a pair, else it is slower still."""
    import jax.numpy as jnp
    from jax.experimental.sparse.linalg import lobpcg_standard

    X, D = jnp.asarray(products.X), jnp.asarray(products.D.dense().astype(np.float32))

    def product(V: Any) -> Any:
        Z = jnp.einsum("mn,npb->mpb", X, V.reshape(products.n, products.p, -1))
        return -jnp.einsum("mn,mpb->npb", X, jnp.einsum("mpq,mqb->mpb", D, Z)).reshape(V.shape)

    start = np.random.default_rng(0).standard_normal((products.p * products.n, 5 * pairs)).astype(np.float32)
    values, _, steps = lobpcg_standard(product, jnp.asarray(start), 200, tol=1e-6)
    products.count = int(steps) * start.shape[1]
    return -np.asarray(values)[:pairs]


PEERS: dict[str, tuple[str, Callable[[Products, int], np.ndarray]]] = {
    "scipy eigsh": ("scipy", _by_scipy),
    "PRIMME": ("primme", _by_primme),
    "JAX LOBPCG in float32": ("jax", _by_jax),
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
            rows.append(
                {
                    "what": f"{name}: {type(error).__name__}",
                    "seconds": float("nan"),
                    "products": 0,
                    "eigenvalues": [float("nan")],
                }
            )
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
