"""What a descent asks of an instance, whatever weights are written in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.machine.ranks import Group
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.keeping.long import Long, LongFile
from hpcbbp.solvers.result import Step

Array = NDArray[np.float64]


Heard = Callable[[Step], None] | None


@dataclass(frozen=True)
class Lowest:
    """Lowest eigenpairs of the Hessian at some weights.

    Attributes
    ----------
    eigenvalues, residuals : (nev,) arrays
    converged : (nev,) array of bool
    vectors : (nev, coordinates, p) array
        Of unit length.
    reason : str
    products : int
    """

    eigenvalues: Array
    residuals: Array
    converged: NDArray[np.bool_]
    vectors: Array
    reason: str
    products: int


class Walker(ABC):
    """Weights are arrays with a row a coordinate and a column a hidden unit; all methods are collective.

    Attributes
    ----------
    problem : Problem
    n, m, seed : int
        N, M and the seed.
    kind, storage : str
        How X was made, and the numbers that it, or its images, are kept in.
    group : Group
    rows : range
        Samples of this rank.
    all : float
        `total` of ones.
    teacher : (coordinates, p_star) array
    """

    problem: Problem
    n: int
    m: int
    kind: str
    storage: str
    group: Group
    rows: range
    seed: int
    all: float

    @property
    @abstractmethod
    def teacher(self) -> Array:
        """w*_l."""

    @abstractmethod
    def first(self) -> Array:
        """Random weights of the student, as they were drawn."""

    @abstractmethod
    def projected(self, W: Array) -> tuple[Array, Array]:
        """S = X w, (m_local, p), and u = X w*, (m_local, p_star)."""

    @abstractmethod
    def gradient(self, psi: Array) -> Array:
        """X^T psi of (m_local, p) slopes."""

    @abstractmethod
    def total(self, values: Array) -> float:
        """Sum over all samples of one number each, (m_local,)."""

    @abstractmethod
    def known(self, W: Array) -> Array:
        """Weights in the coordinates that there are by now."""

    @abstractmethod
    def products(self, V: Array, W: Array) -> Array:
        """v_k . w_l, the same on all ranks."""


class Solving(Walker):
    """One of a realised X: Hessians at its weights have eigenpairs, and what is known of X can be kept."""

    @abstractmethod
    def lowest(self, W: Array, gradient: Array, nev: int, tol: float, heard: Heard = None) -> Lowest:
        """Lowest nev eigenpairs of the Hessian at some weights; the gradient there may guide the search."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What a state is the state of, as JSON has it."""

    @abstractmethod
    def long(self, W: Array, velocity: Array) -> dict[str, Long]:
        """Long vectors of a state, by name."""

    @abstractmethod
    def small(self, W: Array, velocity: Array) -> dict[str, NDArray[Any]]:
        """What else there is in a state."""

    @abstractmethod
    def check_kept(self, counts: Mapping[str, int], small: Mapping[str, NDArray[Any]]) -> None:
        """ValueError unless a state has so many long vectors and such arrays; InputError for one that has no room."""

    @abstractmethod
    def take_long(self, kept: LongFile, file: int) -> dict[str, list[int]]:
        """Take the long vectors of a state, and return what this rank's part adds to their checksums."""

    @abstractmethod
    def take_small(self, small: Mapping[str, NDArray[Any]]) -> tuple[Array, Array]:
        """Take the rest of a state, and return weights and velocity."""
