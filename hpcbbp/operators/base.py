"""A symmetric operator on ranks: known by its products, with PETSc's and scipy's views of it, and its algebra."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator

from hpcbbp.data.base import DataMatrix
from hpcbbp.errors import InputError, real_number, shown
from hpcbbp.machine import petsc
from hpcbbp.machine.ranks import Group
from hpcbbp.operators.vectors import checked_vectors, orthonormal

Array = NDArray[np.float64]


class Operator(ABC):
    """Symmetric operator on R^size, whose vectors are shared out over ranks.

    A subclass writes `_product`. Sums, differences, multiples and shifts are `A + B`, `A - B`, `2.0 * A`, `-A` and
    `A + 1.0` (times the identity); projections are `A.outside(vectors)` and `A.inside(vectors)`.

    Parameters
    ----------
    size : int
        Order of the matrix.
    group : Group
        The ranks that hold its vectors together.
    rows : range, optional
        Entries of a vector that this rank owns: consecutive from rank to rank; as PETSc shares them by default.
    name : str
        What messages and results call it.

    Attributes
    ----------
    products : int
        Products made so far.
    quick : bool
        Whether products are made in float32 arithmetic, if it has that (may_be_quick).
    failure : BaseException or None
        What ended a product that PETSc called.
    directions : dict of str to array
        This rank's part of directions that its eigenvectors are to be compared with (`solve_operator`).

    Examples
    --------
    >>> class Diagonal(Operator):
    ...     def _product(self, v):
    ...         return np.arange(1.0, 6.0) * v
    >>> A = Diagonal(5, Group(), name="diagonal")
    >>> (2.0 * A - 1.0).apply(np.ones(5)).tolist()
    [1.0, 3.0, 5.0, 7.0, 9.0]
    """

    fixed: bool = True
    """Whether it is the same whatever is asked of it."""

    data: DataMatrix | None = None
    """What its products are made of, where that is a data matrix."""

    remedy = "scale the operator so that its products are near 1"
    """What to do where products over- or underflow."""

    def __init__(self, size: int, group: Group, rows: range | None = None, name: str = "the operator") -> None:
        self.size, self.group, self.name = size, group, name
        self.rows = group.owned(size) if rows is None else rows
        self.products = 0
        self.quick = False
        self.failure: BaseException | None = None
        self.directions: Mapping[str, Array] = {}

    def __repr__(self) -> str:
        """Name, order and ranks."""
        return f"{type(self).__name__}({self.name}, size={self.size}, ranks={self.group.size})"

    @property
    def local_size(self) -> int:
        """Entries of a vector that this rank owns."""
        return len(self.rows)

    @property
    def part(self) -> tuple[int, ...]:
        """Shape in which this rank's part of an eigenvector is handed out."""
        return (self.local_size,)

    def apply(self, v: Array) -> Array:
        """A v; v and the result are this rank's part, (local_size,). Collective."""
        self.products += 1
        return self._product(v)

    @abstractmethod
    def _product(self, v: Array) -> Array:
        """A v. Collective."""

    def exponent(self) -> float:
        """log2 of a bound on the terms that A is a sum of; -inf if they are zero, inf if not known. Collective."""
        return math.inf

    def vanishes(self, v: Array) -> bool:
        """Whether a product A v that came out zero is zero by underflow alone. Collective."""
        return False

    def spread(self, v: Array) -> float:
        """How far ranks that each compute all of A v are apart; 0 if none does. Collective."""
        return 0.0

    def may_be_quick(self) -> bool:
        """Whether there are products in float32 arithmetic. Collective."""
        return False

    def linear_operator(self) -> LinearOperator:
        """A for scipy (eigsh and friends); one process only."""
        if self.group.size > 1:
            raise ValueError(f"a scipy operator lives in one process, the data are on {self.group.size} ranks")
        return LinearOperator((self.size, self.size), matvec=self.apply, rmatvec=self.apply, dtype=np.float64)

    @contextmanager
    def petsc_matrix(self, apply: Callable[[Array], Array] | None = None) -> Iterator[Any]:
        """A as a PETSc shell (Python) matrix, destroyed at the end of the block. Collective.

        Parameters
        ----------
        apply : callable, optional
            Product in place of this one's (InUnits.apply).
        """
        from petsc4py import PETSc

        local, size = self.local_size, self.size
        matrix = PETSc.Mat().create(comm=self.group.comm or PETSc.COMM_SELF)
        try:
            matrix.setSizes([[local, size], [local, size]])
            matrix.setType(PETSc.Mat.Type.PYTHON)
            matrix.setPythonContext(_ShellContext(self, apply or self.apply))
            matrix.setUp()
            matrix.setOption(PETSc.Mat.Option.SYMMETRIC, True)
            yield matrix
        finally:
            petsc.destroy(matrix)

    def outside(self, vectors: Array) -> Operator:
        """P A P, P the projection on the complement of the span of (k, local_size) vectors. Collective."""
        return Projected(self, vectors, outside=True)

    def inside(self, vectors: Array) -> Operator:
        """P A P, P the projection on the span of (k, local_size) vectors. Collective."""
        return Projected(self, vectors, outside=False)

    def __add__(self, other: Operator | float) -> Operator:
        """A + B, or A + number times the identity."""
        if isinstance(other, Operator):
            return Combination([(1.0, self), (1.0, other)], 0.0)
        return Combination([(1.0, self)], _number(other))

    __radd__ = __add__

    def __mul__(self, factor: float) -> Operator:
        """A times a number."""
        return Combination([(_number(factor), self)], 0.0)

    __rmul__ = __mul__

    def __neg__(self) -> Operator:
        """-A."""
        return self * -1.0

    def __sub__(self, other: Operator | float) -> Operator:
        """A - B, or A - number times the identity."""
        return self + (-other if isinstance(other, Operator) else -_number(other))

    def __rsub__(self, other: float) -> Operator:
        """Number times the identity - A."""
        return -self + other


class Combination(Operator):
    """sum_i c_i A_i + shift times the identity.

    Parameters
    ----------
    terms : sequence of (number, Operator)
        On the same ranks, of the same order, sharing out vectors alike.
    shift : float

    Raises
    ------
    InputError
        Operators that do not go together.
    """

    def __init__(self, terms: Sequence[tuple[float, Operator]], shift: float) -> None:
        first = terms[0][1]
        for _, other in terms[1:]:
            if (other.size, other.group.size) != (first.size, first.group.size):
                raise InputError(
                    f"{first!r} and {other!r} do not go together: operators of one order on the same ranks are wanted"
                )
            if other.rows != first.rows:
                raise InputError(
                    f"{first!r} and {other!r} do not go together: they share out their vectors otherwise"
                )
        super().__init__(first.size, first.group, first.rows, _formula(terms, shift))
        self.terms, self.shift = tuple(terms), shift
        self.fixed = all(one.fixed for _, one in terms)
        self._part = first.part
        self.directions = {key: at for _, one in terms for key, at in one.directions.items()}

    @property
    def part(self) -> tuple[int, ...]:
        """As of its terms."""
        return self._part

    def _product(self, v: Array) -> Array:
        result = self.shift * v
        for factor, term in self.terms:
            image = term.apply(v)
            with np.errstate(over="ignore", invalid="ignore"):  # which solvers see and name
                result = result + factor * image
        return result


class Projected(Operator):
    """P A P with an orthogonal projection P.

    Parameters
    ----------
    operator : Operator
    vectors : (k, local_size) array
        This rank's part; they need not be orthogonal, but independent.
    outside : bool
        Whether P projects on the complement of their span, and not on the span.

    Raises
    ------
    InputError
        Vectors of another shape, not finite, or not independent; on all ranks. Collective.
    """

    def __init__(self, operator: Operator, vectors: Array, *, outside: bool) -> None:
        where = "outside" if outside else "inside"
        super().__init__(operator.size, operator.group, operator.rows, f"{operator.name} {where} a subspace")
        self.operator, self.outside_span, self.directions = operator, outside, operator.directions
        self.fixed = operator.fixed
        with self.group.agreeing():
            found = checked_vectors(vectors, self.local_size, "vectors")
        self.basis = orthonormal(found, self.group)

    @property
    def part(self) -> tuple[int, ...]:
        """As of the operator."""
        return self.operator.part

    def _project(self, v: Array) -> Array:
        along: Array = self.group.sum(self.basis @ v) @ self.basis
        return v - along if self.outside_span else along

    def _product(self, v: Array) -> Array:
        return self._project(self.operator.apply(self._project(v)))


class _ShellContext:
    """What PETSc calls: y = A x."""

    def __init__(self, operator: Operator, apply: Callable[[Array], Array]) -> None:
        self.operator, self.apply = operator, apply

    def mult(self, matrix: Any, x: Any, y: Any) -> None:
        """Y = A x."""
        try:
            y.getArray()[:] = self.apply(x.getArray(readonly=True))
        except BaseException as error:
            self.operator.failure = error
            raise

    multTranspose = mult  # PETSc's name; A is symmetric


def _number(value: object) -> float:
    number = real_number(value)
    if number is None or not math.isfinite(number):
        raise InputError(f"{shown(value)}: an operator goes with another operator, or with a finite number")
    return number


def _formula(terms: Sequence[tuple[float, Operator]], shift: float) -> str:
    def named(one: Operator) -> str:
        return f"({one.name})" if isinstance(one, Combination) else one.name

    parts = [named(one) if factor == 1.0 else f"{factor:g} {named(one)}" for factor, one in terms]
    return " + ".join([*parts, f"{shift:g}"] if shift else parts)
