"""Hessians and Gauss-Newton matrices of networks of the user's own, their samples shared out over ranks.

L(w) = 1/M sum_mu loss(model(w, x_mu), y_mu), M samples in all. The Hessian is that of L; the Gauss-Newton matrix is
1/M sum_mu J_mu^T B_mu J_mu with J = d model/d w and B the Hessian of the loss in the outputs (N. Schraudolph, Neural
Computation 14, 1723 (2002), https://doi.org/10.1162/08997660260028683).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, real_number, shown, whole_number
from hpcbbp.machine.ranks import Group
from hpcbbp.operators.directions import checked_directions
from hpcbbp.operators.own import SummedOperator
from hpcbbp.operators.trials import try_out

Array = NDArray[np.float64]

KINDS = ("hessian", "gauss-newton")
"""Matrices of a network."""

DOUBLE, SINGLE = 1e-10, 1e-4
"""To which products are symmetric, relative to |A v|, in float64 and in float32."""


class Backend(Protocol):
    """What a framework computes, of this rank's samples.

    Attributes
    ----------
    size : int
        Weights.
    count : int
        Samples of this rank.
    double : bool
        Whether numbers are float64.
    """

    size: int
    count: int
    double: bool

    def product(self, kind: str, factors: Array, v: Array) -> Array:
        """sum_mu factors_mu H_mu v, (size,), H_mu of this kind."""

    def gradient(self, factors: Array) -> Array:
        """sum_mu factors_mu grad loss_mu, (size,)."""

    def losses(self) -> Array:
        """Of each sample, (count,)."""

    def flat(self, weights: Any) -> Array:
        """Weights, or what has their shape, as a vector (size,)."""

    def known(self) -> Array:
        """All numbers of the model, which ranks have in common."""


class NetworkOperator(SummedOperator):
    """Made by jax_operator and torch_operator.

    Attributes
    ----------
    kind : {"hessian", "gauss-newton"}
    samples : int
        M, of all ranks.

    Examples
    --------
    >>> import jax
    >>> from hpcbbp.operators import jax_operator
    >>> jax.config.update("jax_enable_x64", True)
    >>> x, y = np.random.default_rng(0).standard_normal((2, 40, 3))
    >>> A = jax_operator(lambda w, x: x @ w, lambda out, y: (out - y[:, 0]) ** 2 / 2, np.ones(3), x, y)
    >>> A.gradient().shape, bool(A.loss() > 0)
    ((3,), True)
    """

    def __init__(self, backend: Backend, kind: str, samples: int, group: Group, name: str) -> None:
        super().__init__(self._share, backend.size, group, None, name)
        self.backend, self.kind, self.samples = backend, kind, samples
        self._factors = np.full(backend.count, 1.0 / samples)

    def _share(self, v: Array) -> Array:
        return self.backend.product(self.kind, self._factors, v)

    def gradient(self, factors: Array | None = None) -> Array:
        """sum_mu factors_mu grad loss_mu over the samples of all ranks, (size,). Collective.

        Parameters
        ----------
        factors : (count,) array, optional
            Of this rank's samples; 1/M by default: the gradient of L.
        """
        given, trouble = self._factors if factors is None else np.asarray(factors, dtype=np.float64), None
        if given.shape != self._factors.shape:
            trouble = f"factors of shape {given.shape}: one number for each of {len(self._factors)} samples"
        trouble = self.group.settle(trouble)
        if trouble is not None:
            raise InputError(trouble)
        return self.group.sum(self.backend.gradient(given))

    def loss(self) -> float:
        """L. Collective."""
        return float(self.group.sum(np.array([self.backend.losses().sum()]))[0]) / self.samples

    def flat(self, weights: Any) -> Array:
        """Weights, or what has their shape, as a vector (size,)."""
        return self.backend.flat(weights)

    def mine(self, vectors: Array) -> Array:
        """Of vectors (..., size), the part of this rank, as `directions` want it."""
        return np.asarray(vectors)[..., self.rows.start : self.rows.stop]


def network_operator(
    backend: Backend,
    group: Group,
    kind: object,
    name: str | None,
    directions: Mapping[str, Any] | None,
    accuracy: float | None,
    check: bool,
) -> NetworkOperator:
    """Check what was given, on all ranks alike, and try the products out. Collective.

    Raises
    ------
    InputError
        On all ranks: a kind that is none, ranks that disagree about the weights, or what is wrong with the products.
    """
    with group.agreeing():
        if not isinstance(kind, str) or kind not in KINDS:
            raise InputError(f"kind = {shown(kind)}: one of {', '.join(KINDS)}")
        if accuracy is not None and ((allowed := real_number(accuracy)) is None or not 0 < allowed < 1):
            raise InputError(f"accuracy = {shown(accuracy)}: of products, relative, between 0 and 1 (e.g. 1e-10)")
    numbers = [(backend.size, backend.count)] if group.comm is None else group.comm.allgather(
        (backend.size, backend.count)
    )  # fmt: skip
    samples = sum(count for _, count in numbers)
    if len({size for size, _ in numbers}) > 1:
        raise InputError(f"{shown([size for size, _ in numbers])} weights on the ranks: they have one model together")
    _check_weights(backend, group)
    if samples == 0:
        raise InputError("no rank has a sample: give x and y of at least one")
    made = NetworkOperator(backend, str(kind), samples, group, name or f"the {kind} of a network")
    made.directions = checked_directions(directions or {}, made)
    group.settle(None)
    if check:
        try_out(made, accuracy if accuracy is not None else DOUBLE if backend.double else SINGLE)
    return made


def _check_weights(backend: Backend, group: Group) -> None:
    """InputError, on all ranks, unless all have the same model. Collective."""
    known = backend.known()
    lengths = group.smallest(len(known)), group.largest(len(known))
    apart = np.inf
    if lengths[0] == lengths[1]:
        apart = group.largest(float(np.abs(known - group.sum(known) / group.size).max(initial=0.0)))
    if apart > (DOUBLE if backend.double else SINGLE) * group.largest(float(np.abs(known).max(initial=0.0))):
        raise InputError(
            f"the model is not the same on all ranks: its numbers differ by {apart:.2g} (take one seed, or broadcast "
            "them)"
        )


def checked_batch(batch: object, count: int) -> int:
    """Samples of a batch, all by default; InputError unless it is a whole number >= 1."""
    if batch is None:
        return max(count, 1)
    found = whole_number(batch)
    if found is None or found < 1:
        raise InputError(f"batch = {shown(batch)}: samples whose outputs are in memory together, at least 1")
    return found


def check_counts(x: Any, y: Any) -> int:
    """Samples of this rank; InputError unless x and y have as many rows."""
    of_x, of_y = (tuple(getattr(each, "shape", ())) for each in (x, y))
    if not of_x or not of_y or of_x[0] != of_y[0]:
        raise InputError(f"x and y of shapes {of_x} and {of_y}: arrays with a row a sample are wanted")
    return int(of_x[0])


def check_losses(shape: tuple[int, ...], count: int) -> None:
    """InputError unless a loss gives one number a sample."""
    if tuple(shape) != (count,):
        raise InputError(
            f"loss(outputs, y) of shape {tuple(shape)} for {count} samples: one number a sample is wanted, no mean"
        )
