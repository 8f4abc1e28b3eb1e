"""Operators from a user's own product, in any language that Python can call.

Three ways to say how the product meets the ranks:

- `summed_operator`: each rank has a share of the samples, the product of the sum over samples is the sum over ranks;
- `distributed_operator`: each rank has a part of the vector, and the product sees to its own communication;
- `replicated_operator`: each rank can compute the whole product by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, real_number, shown, whole_number
from hpcbbp.machine import memory
from hpcbbp.machine.ranks import Group
from hpcbbp.operators.base import Operator
from hpcbbp.operators.directions import checked_directions, is_line
from hpcbbp.operators.trials import try_out

Array = NDArray[np.float64]

_HELD = 12
"""Vectors in memory while a product is tried out."""
Product = Callable[[Array], Any]


class OwnOperator(Operator):
    """What a product of the user's own has in common, however it meets the ranks.

    Whatever the product raises or returns that is no vector of finite numbers becomes an InputError on all ranks that
    names the operator, the rank and what was wrong.
    """

    def __init__(self, product: Product, size: int, group: Group, rows: range | None, name: str) -> None:
        super().__init__(size, group, rows, name)
        self.call = product

    @property
    def length(self) -> int:
        """Of the vectors that the product takes and gives."""
        return self.size

    def _called(self, v: Array) -> Array:
        """What the user's product gives for a vector of its own. Collective."""
        image, trouble = np.empty(0), None
        try:
            image = self._checked(self.call(np.array(v)))  # a copy: whatever it does to it
        except InputError as error:
            trouble = str(error)
        except (Exception, SystemExit) as error:
            trouble = f"it raised {type(error).__name__}: {error}"
        if self.group.size > 1 and trouble is not None:
            trouble = f"{trouble} (rank {self.group.rank})"
        trouble = self.group.settle(trouble and f"the product of {self.name}: {trouble}")
        if trouble is not None:
            raise InputError(" ".join(trouble.split()))
        return image

    def _checked(self, found: Any) -> Array:
        if found is None:
            raise InputError("it returned nothing")
        values = np.asarray(found)
        if values.dtype.kind != "f":  # integers are what was cut off
            raise InputError(
                f"it returned {values.dtype} ({type(found).__name__}), floating-point numbers are wanted"
            )
        if values.shape != (self.length,):
            raise InputError(f"it returned an array of shape {values.shape}, {(self.length,)} is wanted")
        image = values.astype(np.float64)
        wrong = int((~np.isfinite(image)).sum())
        if wrong:
            raise InputError(f"{wrong} of the {len(image)} numbers that it returned are not finite")
        return image


class SummedOperator(OwnOperator):
    """See summed_operator."""

    def _product(self, v: Array) -> Array:
        whole = self.group.gather_rows(v[:, None], self.size)[:, 0]
        return self.group.scatter_sum(self._called(whole)[:, None])[:, 0]


class ReplicatedOperator(OwnOperator):
    """See replicated_operator."""

    def _product(self, v: Array) -> Array:
        return self._copy(v)[self.rows.start : self.rows.stop]

    def _copy(self, v: Array) -> Array:
        """All of A v, as this rank has it."""
        return self._called(self.group.gather_rows(v[:, None], self.size)[:, 0])

    def spread(self, v: Array) -> float:
        """How far the ranks' own results are from that of the first. Collective."""
        mine = self._copy(v)
        return self.group.largest(float(np.linalg.norm(mine - self.group.share(mine))))


class DistributedOperator(OwnOperator):
    """See distributed_operator: `length` is that of this rank's part."""

    @property
    def length(self) -> int:
        """Of this rank's part."""
        return self.local_size

    def _product(self, v: Array) -> Array:
        return self._called(v)


def summed_operator(
    product: Product,
    size: int,
    group: Group | None = None,
    *,
    name: str | None = None,
    directions: Mapping[str, Any] | None = None,
    accuracy: float = 1e-10,
    check: bool = True,
) -> Operator:
    """A = sum over ranks of what each of them adds: a Hessian of samples that are shared out over ranks. Collective.

    Parameters
    ----------
    product : callable
        From v, (size,), the same on all ranks, to this rank's share of A v, (size,).
    size : int
        Order of A.
    group : Group, optional
        One process by default; Group.world() under mpirun.
    name : str, optional
        What messages and results call it; the product's own by default.
    directions : dict of str to array, optional
        What eigenvectors are to be compared with: this rank's part, (local_size,) or (k, local_size), of each.
    accuracy : float
        To which products are symmetric and deterministic, relative to |A v|: 1e-5 where they are made in float32.
    check : bool
        Try the product out with three random vectors: finite, deterministic, linear, symmetric.

    Raises
    ------
    InputError
        On all ranks: what is wrong with the product, and by how much.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((200, 50))
    >>> A = summed_operator(lambda v: X.T @ (X @ v) / 200, 50, name="covariance")
    >>> bool(np.allclose(A.apply(np.eye(50)[0]), (X.T @ X / 200)[0]))
    True
    """
    return _made(SummedOperator, product, size, group, name, directions, accuracy, check)


def replicated_operator(
    product: Product,
    size: int,
    group: Group | None = None,
    *,
    name: str | None = None,
    directions: Mapping[str, Any] | None = None,
    accuracy: float = 1e-10,
    check: bool = True,
) -> Operator:
    """A whose product each rank computes in full; that ranks agree is checked. Collective.

    Parameters
    ----------
    product : callable
        From v, (size,), to A v, (size,), the same on all ranks.
    size, group, name, directions, accuracy, check
        See summed_operator.

    Raises
    ------
    InputError
        On all ranks: what is wrong with the product, and by how much.

    Examples
    --------
    >>> A = replicated_operator(lambda v: 3.0 * v, 50, name="three")
    >>> A.apply(np.ones(50))[:2].tolist()
    [3.0, 3.0]
    """
    return _made(ReplicatedOperator, product, size, group, name, directions, accuracy, check)


def distributed_operator(
    product: Product,
    size: int,
    group: Group | None = None,
    *,
    local_size: int | None = None,
    name: str | None = None,
    directions: Mapping[str, Any] | None = None,
    accuracy: float = 1e-10,
    check: bool = True,
) -> Operator:
    """A whose vectors no rank has in full: the product takes and gives this rank's part. Collective.

    Parameters
    ----------
    product : callable
        From this rank's part of v, (local_size,), to that of A v; it sees to its own communication.
    local_size : int, optional
        Entries of this rank, consecutive from rank to rank; as PETSc shares them by default (Group.owned).
    size, group, name, directions, accuracy, check
        See summed_operator.

    Raises
    ------
    InputError
        On all ranks: sizes that do not add up, or what is wrong with the product, and by how much.

    Examples
    --------
    >>> A = distributed_operator(lambda v: 3.0 * v, 50, name="three")  # each rank has its part of v
    >>> A.local_size
    50
    """
    return _made(DistributedOperator, product, size, group, name, directions, accuracy, check, local_size)


def _made(
    kind: type[OwnOperator],
    product: object,
    size: object,
    group: Group | None,
    name: object,
    directions: Any,
    accuracy: object,
    check: bool,
    local_size: object = None,
) -> Operator:
    """Check all that was given, on all ranks alike, and then the product. Collective."""
    group = Group.chosen(group)
    with group.agreeing():
        order, called = whole_number(size), _name(name, product)
        if order is None or not 1 <= order < 2**62:
            raise InputError(f"size = {shown(size)}: the order of the operator is a whole number >= 1 (below 2^62)")
        if not callable(product):
            raise InputError(f"product = {shown(product)}: a function from v to A v is wanted")
        if (allowed := real_number(accuracy)) is None or not 0 < allowed < 1:
            raise InputError(f"accuracy = {shown(accuracy)}: of products, relative, between 0 and 1 (e.g. 1e-10)")
        mine = whole_number(local_size)
        if local_size is not None and (mine is None or mine < 0):
            raise InputError(f"local_size = {shown(local_size)}: how many entries this rank has, 0 or more")
    orders = [order] if group.comm is None else group.comm.allgather(order)
    if len(set(orders)) > 1:
        raise InputError(f"size = {shown(orders)} on the ranks: an operator has one size on all of them")
    made = kind(product, order, group, _rows(mine, order, group), called)
    held = int(group.largest(made.length))
    memory.require(8 * _HELD * held + memory.PER_RANK, group, "take more nodes, or a distributed_operator")
    made.directions = checked_directions(directions or {}, made)
    group.settle(None)
    if check:
        try_out(made, allowed)
    return made


def _rows(mine: int | None, size: int, group: Group) -> range | None:
    """Entries of this rank, if ranks say how many they have; InputError if these do not add up. Collective."""
    sizes = [mine] if group.comm is None else group.comm.allgather(mine)
    counts = [count for count in sizes if count is not None]
    if not counts:
        return None
    if len(counts) < len(sizes) or sum(counts) != size:
        raise InputError(f"local sizes {shown(sizes)} add up to {sum(counts)}, and size = {size}")
    first = sum(counts[: group.rank])
    return range(first, first + counts[group.rank])


def _name(name: object, product: object) -> str:
    if name is None:
        own = getattr(product, "__name__", type(product).__name__)
        return "the operator" if own == "<lambda>" else str(own)
    if not is_line(name):
        raise InputError(f"name = {shown(name)}: a line of text")
    return str(name)
