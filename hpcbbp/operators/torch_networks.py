"""Networks written in PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, shown
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


def torch_operator(
    model: Any,
    loss: Callable[[Any, Any], Any],
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
    """Hessian or Gauss-Newton matrix of a network written in PyTorch, at its weights. Collective.

    Parameters
    ----------
    model : torch.nn.Module
        From x to outputs, a row a sample; its parameters that require a gradient are the weights, the same on all
        ranks. Dropout makes products that are not deterministic, and batch normalisation another
        matrix for each choice of batches and ranks, which no trial sees: call model.eval() first.
    loss : callable
        From (outputs, y) to one number a sample (reduction="none"); L is their mean over the samples of all ranks.
    x, y : tensors
        This rank's samples, a row each; it may have none.
    group, kind, batch
        As of jax_operator.
    name, directions, accuracy, check
        As of summed_operator.

    Raises
    ------
    MissingDependencyError
        Without PyTorch: pip install "hpcbbp[torch]", or your system's.
    InputError
        On all ranks: shapes that do not fit, or what is wrong with the products, and by how much.

    Examples
    --------
    >>> import torch
    >>> x = torch.randn(40, 3, dtype=torch.float64)
    >>> network = torch.nn.Linear(3, 1, bias=False, dtype=torch.float64)
    >>> A = torch_operator(network, lambda out, y: (out[:, 0] - y) ** 2 / 2, x, torch.ones(40, dtype=torch.float64))
    >>> bool(np.allclose(A.apply(np.eye(3)[0]), (x.T @ x / 40).numpy()[0]))
    True
    """
    require("torch_operator", "torch")
    group = Group.chosen(group)
    group.settle(None)
    made, trouble = None, None
    try:
        made = _TorchNetwork(model, loss, x, y, batch)
    except InputError as error:
        trouble = str(error)
    except Exception as error:  # of the user's own module, tried out on the first samples
        trouble = f"the network raised {type(error).__name__}: {error}"
    trouble = group.settle(trouble)
    if trouble is not None or made is None:
        raise InputError(" ".join(str(trouble).split()))
    return network_operator(made, group, kind, name, directions, accuracy, check)


class _TorchNetwork:
    """See networks.Backend."""

    def __init__(self, model: Any, loss: Any, x: Any, y: Any, batch: int | None) -> None:
        import torch

        self.torch = torch
        if not isinstance(model, torch.nn.Module):
            raise InputError(f"model = {shown(model)}: a torch.nn.Module is wanted")
        self.model, self.loss = model, loss
        self.weights = [part for part in model.parameters() if part.requires_grad]
        kinds = {part.dtype for part in self.weights}
        if len(kinds) != 1 or not kinds <= {torch.float32, torch.float64}:
            raise InputError(f"weights of {shown(sorted(map(str, kinds)))}: all float32, or all float64")
        self.dtype = kinds.pop()
        self.size, self.count = sum(part.numel() for part in self.weights), check_counts(x, y)
        self.double = self.dtype == torch.float64
        self.x, self.y, self.batch = x, y, checked_batch(batch, self.count)
        for some_x, some_y, some in self._batches(np.zeros(self.count)):
            with torch.no_grad():
                check_losses(loss(model(some_x), some_y).shape, len(some))
            break

    def _batches(self, factors: Array) -> Iterator[tuple[Any, Any, Any]]:
        for first in range(0, self.count, self.batch):
            part = slice(first, first + self.batch)
            yield self.x[part], self.y[part], self.torch.from_numpy(factors[part].copy()).to(self.dtype)

    def _flat(self, parts: Sequence[Any]) -> Any:
        """One vector of what autograd returns, zero for weights that nothing depends on."""
        filled = [
            self.torch.zeros_like(weight) if part is None else part
            for part, weight in zip(parts, self.weights, strict=True)
        ]
        return self.torch.cat([part.reshape(-1) for part in filled])

    def _of(self, value: Any, along: Any = None, *, graph: bool = False) -> Any:
        """Gradient of a value in the weights, as a vector."""
        return self._flat(
            self.torch.autograd.grad(
                value, self.weights, grad_outputs=along, create_graph=graph, retain_graph=True, allow_unused=True
            )
        )

    def _hessian(self, x: Any, y: Any, c: Any, v: Any) -> Any:
        gradient = self._of((c * self.loss(self.model(x), y)).sum(), graph=True)
        if not gradient.requires_grad:  # linear in all weights
            return self.torch.zeros_like(v)
        return self._of((gradient * v).sum())

    def _gauss_newton(self, x: Any, y: Any, c: Any, v: Any) -> Any:
        grad, z = self.torch.autograd.grad, self.model(x)
        u = self.torch.zeros_like(z, requires_grad=True)
        along = grad((self._of(z, u, graph=True) * v).sum(), u)[0]  # J v, as the derivative of v . J^T u
        at = z.detach().requires_grad_()
        slope = grad((c * self.loss(at, y)).sum(), at, create_graph=True)[0]
        if not slope.requires_grad:
            return self.torch.zeros_like(v)
        return self._of(z, grad((slope * along.detach()).sum(), at)[0])

    def _sum(self, parts: Iterator[Any]) -> Array:
        total = np.zeros(self.size)
        for part in parts:
            total += part.detach().cpu().numpy().astype(np.float64)
        return total

    def product(self, kind: str, factors: Array, v: Array) -> Array:
        """Of this rank's samples."""
        of = self._hessian if kind == "hessian" else self._gauss_newton
        along = self.torch.from_numpy(v.copy()).to(self.dtype)
        return self._sum(of(x, y, c, along) for x, y, c in self._batches(factors))

    def gradient(self, factors: Array) -> Array:
        """Of this rank's samples."""
        losses = ((c * self.loss(self.model(x), y)).sum() for x, y, c in self._batches(factors))
        return self._sum(self._of(loss) for loss in losses)

    def losses(self) -> Array:
        """Of each sample."""
        with self.torch.no_grad():
            parts = [self.loss(self.model(x), y).numpy() for x, y, _ in self._batches(np.zeros(self.count))]
        return np.concatenate([np.zeros(0), *parts])

    def flat(self, weights: Any) -> Array:
        """Of a sequence with the shapes of the model's weights that require a gradient."""
        parts = [np.asarray(part.detach() if hasattr(part, "detach") else part).ravel() for part in weights]
        whole: Array = np.concatenate(parts).astype(np.float64)
        return whole

    def known(self) -> Array:
        """Weights, those that are held fixed too, and buffers."""
        return self.flat([part for part in self.model.state_dict().values() if part.numel()])
