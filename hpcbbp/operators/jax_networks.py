"""Networks written in JAX."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.machine.optional import require
from hpcbbp.machine.ranks import Group
from hpcbbp.operators.networks import (
    NetworkOperator,
    check_counts,
    check_losses,
    checked_batch,
    network_operator,
)  # fmt: skip

Array = NDArray[np.float64]


def jax_operator(
    model: Callable[[Any, Any], Any],
    loss: Callable[[Any, Any], Any],
    parameters: Any,
    x: Any,
    y: Any,
    group: Group | None = None,
    *,
    kind: str = "hessian",
    batch: int | None = None,
    name: str | None = None,
    directions: Mapping[str, Any] | None = None,
    accuracy: float | None = None,
    check: bool = True,
) -> NetworkOperator:
    """Hessian or Gauss-Newton matrix of a network written in JAX, at its weights. Collective.

    Parameters
    ----------
    model : callable
        From (parameters, x) to outputs, a row a sample.
    loss : callable
        From (outputs, y) to one number a sample; L is their mean over the samples of all ranks.
    parameters : pytree of arrays
        Weights, the same on all ranks. In float64 (jax_enable_x64) products are exact to 1e-10, else to 1e-4.
    x, y : arrays
        This rank's samples, a row each; it may have none.
    group : Group, optional
        One process by default.
    kind : {"hessian", "gauss-newton"}
    batch : int, optional
        Samples whose outputs are in memory together; all by default.
    name, directions, accuracy, check
        As of summed_operator.

    Raises
    ------
    MissingDependencyError
        Without JAX: pip install "hpcbbp[jax]".
    InputError
        On all ranks: shapes that do not fit, or what is wrong with the products, and by how much.

    Examples
    --------
    >>> import jax
    >>> jax.config.update("jax_enable_x64", True)
    >>> x, y = np.random.default_rng(0).standard_normal((2, 40, 3))
    >>> A = jax_operator(lambda w, x: x @ w, lambda out, y: (out - y[:, 0]) ** 2 / 2, np.ones(3), x, y)
    >>> bool(np.allclose(A.apply(np.eye(3)[0]), (x.T @ x / 40)[0]))
    True
    """
    require("jax_operator", "jax")
    group = Group.chosen(group)
    group.settle(None)
    made, trouble = None, None
    try:
        made = _JaxNetwork(model, loss, parameters, x, y, batch)
    except InputError as error:
        trouble = str(error)
    except Exception as error:  # of the user's own functions, tried out on the first samples
        trouble = f"the network raised {type(error).__name__}: {error}"
    trouble = group.settle(trouble)
    if trouble is not None or made is None:
        raise InputError(" ".join(str(trouble).split()))
    return network_operator(made, group, kind, name, directions, accuracy, check)


class _JaxNetwork:
    """See networks.Backend."""

    def __init__(self, model: Any, loss: Any, parameters: Any, x: Any, y: Any, batch: int | None) -> None:
        import jax
        from jax.flatten_util import ravel_pytree

        self._ravel = ravel_pytree
        self.w, unravel = ravel_pytree(parameters)
        if self.w.dtype not in (np.float32, np.float64):
            raise InputError(f"parameters of {self.w.dtype}: float32 or float64 are wanted")
        self.size, self.count = int(self.w.size), check_counts(x, y)
        self.double = bool(self.w.dtype == np.float64)
        self.x, self.y, self.batch = x, y, checked_batch(batch, self.count)

        def outputs(w: Any, x: Any) -> Any:
            return model(unravel(w), x)

        def total(w: Any, x: Any, y: Any, c: Any) -> Any:
            return (c * loss(outputs(w, x), y)).sum()

        def hessian(w: Any, x: Any, y: Any, c: Any, v: Any) -> Any:
            return jax.jvp(lambda at: jax.grad(total)(at, x, y, c), (w,), (v,))[1]

        def gauss_newton(w: Any, x: Any, y: Any, c: Any, v: Any) -> Any:
            z, back = jax.vjp(lambda at: outputs(at, x), w)
            along = jax.jvp(lambda at: outputs(at, x), (w,), (v,))[1]
            curved = jax.jvp(jax.grad(lambda z: (c * loss(z, y)).sum()), (z,), (along,))[1]
            return back(curved)[0]

        self._products = {"hessian": jax.jit(hessian), "gauss-newton": jax.jit(gauss_newton)}
        self._gradient = jax.jit(jax.grad(total))
        self._losses = jax.jit(lambda w, x, y: loss(outputs(w, x), y))
        for some_x, some_y, some in self._batches(np.zeros(self.count)):
            check_losses(np.shape(self._losses(self.w, some_x, some_y)), len(some))
            break

    def _batches(self, factors: Array) -> Iterator[tuple[Any, Any, Any]]:
        for first in range(0, self.count, self.batch):
            part = slice(first, first + self.batch)
            yield self.x[part], self.y[part], factors[part].astype(self.w.dtype)

    def _sum(self, parts: Iterator[Any]) -> Array:
        total = np.zeros(self.size)
        for part in parts:
            total += np.asarray(part, dtype=np.float64)
        return total

    def product(self, kind: str, factors: Array, v: Array) -> Array:
        """Of this rank's samples."""
        of, along = self._products[kind], v.astype(self.w.dtype)
        return self._sum(of(self.w, x, y, c, along) for x, y, c in self._batches(factors))

    def gradient(self, factors: Array) -> Array:
        """Of this rank's samples."""
        return self._sum(self._gradient(self.w, x, y, c) for x, y, c in self._batches(factors))

    def losses(self) -> Array:
        """Of each sample."""
        parts = [np.asarray(self._losses(self.w, x, y)) for x, y, _ in self._batches(np.zeros(self.count))]
        return np.concatenate([np.zeros(0), *parts])

    def flat(self, weights: Any) -> Array:
        """As JAX ravels a pytree."""
        return np.asarray(self._ravel(weights)[0], dtype=np.float64)

    def known(self) -> Array:
        """The weights."""
        return np.asarray(self.w, dtype=np.float64)
