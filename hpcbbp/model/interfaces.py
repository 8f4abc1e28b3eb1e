"""What the parts of a model have to have: those of this package (hpcbbp.model.registry) and users' own."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hpcbbp.model.curvature import Curvature

Array = NDArray[np.float64]


class Activation(Protocol):
    """A hidden unit's activation sigma, with its first two derivatives, elementwise.

    Each returns an array of the shape of s, or a single number where it is the same everywhere.
    """

    @property
    def name(self) -> str:
        """What it is called in records."""
        ...

    def value(self, s: Array) -> Array | float:
        """sigma(s)."""
        ...

    def first(self, s: Array) -> Array | float:
        """sigma'(s)."""
        ...

    def second(self, s: Array) -> Array | float:
        """sigma''(s)."""
        ...


class Loss(Protocol):
    """Loss l(y, yhat) of one sample, with its first two derivatives in yhat, elementwise.

    Each returns an array of y's shape, or a single number where it is the same everywhere.
    """

    @property
    def name(self) -> str:
        """What it is called in records."""
        ...

    def value(self, y: Array, yhat: Array) -> Array | float:
        """l(y, yhat)."""
        ...

    def first(self, y: Array, yhat: Array) -> Array | float:
        """dl/dyhat."""
        ...

    def second(self, y: Array, yhat: Array) -> Array | float:
        """d2l/dyhat2."""
        ...


class Channel(Protocol):
    """What noise makes of a label; hpcbbp.model.labels has some."""

    @property
    def name(self) -> str:
        """What it is called in records."""
        ...

    def apply(self, y: Array, z: Array) -> Array:
        """Noisy labels, (M,); z are independent numbers ~ N(0, 1)."""
        ...

    def nodes(self, count: int) -> tuple[Array, Array]:
        """Some `count` values of z and weights, which sum to 1: the average over z is theirs."""
        ...


class Estimator(Protocol):
    """What a spectral estimator makes of a label; hpcbbp.model.estimators has some."""

    @property
    def name(self) -> str:
        """What it is called in records."""
        ...

    def matrix(self, y: Array, p_star: int) -> Curvature:
        """T(y) of labels y, (M,): symmetric p* x p* matrices, each a diagonal and a matrix of rank one."""
        ...


class Link(Protocol):
    """What a teacher makes of its projections; hpcbbp.model.labels has some."""

    @property
    def name(self) -> str:
        """What it is called in records."""
        ...

    @property
    def least(self) -> int:
        """Hidden units that it needs at least."""
        ...

    @property
    def jumps(self) -> bool:
        """Whether labels jump where a projection changes its sign."""
        ...

    def value(self, u: Array) -> Array:
        """Labels (M,) of projections u, (M, p*)."""
        ...
