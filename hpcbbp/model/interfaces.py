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

    Examples
    --------
    >>> class Cubic:
    ...     name = "cubic"
    ...     def value(self, s):
    ...         return s**3
    ...     def first(self, s):
    ...         return 3 * s**2
    ...     def second(self, s):
    ...         return 6 * s
    >>> from hpcbbp import Problem
    >>> Problem(p=1, p_star=1, alpha=3.0, a=1.5, activation=Cubic()).activation.name
    'cubic'
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

    Examples
    --------
    >>> class Half:
    ...     name = "half the square"
    ...     def value(self, y, yhat):
    ...         return (y - yhat) ** 2 / 4
    ...     def first(self, y, yhat):
    ...         return (yhat - y) / 2
    ...     def second(self, y, yhat):
    ...         return 0.5
    >>> from hpcbbp import Problem
    >>> Problem(p=1, p_star=1, alpha=3.0, a=1.0, custom_loss=Half()).loss.name
    'half the square'
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
    """What noise makes of a label; hpcbbp.model.labels has some.

    Examples
    --------
    >>> from hpcbbp import Problem
    >>> from hpcbbp.model import registry
    >>> Problem(p=1, p_star=1, alpha=3.0, a=1.5, noise=registry.noise("uniform:0.1")).noise.name
    'uniform:0.1'
    """

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
    """What a spectral estimator makes of a label; hpcbbp.model.estimators has some.

    Examples
    --------
    >>> from hpcbbp import Problem
    >>> from hpcbbp.model import registry
    >>> made = Problem(p=1, p_star=1, alpha=3.0, a=1.0, estimator=registry.estimator("trimmed:3", "norm"))
    >>> made.estimator.name
    'trimmed:3'
    """

    @property
    def name(self) -> str:
        """What it is called in records."""
        ...

    def matrix(self, y: Array, p_star: int) -> Curvature:
        """T(y) of labels y, (M,): symmetric p* x p* matrices, each a diagonal and a matrix of rank one."""
        ...


class Link(Protocol):
    """What a teacher makes of its projections; hpcbbp.model.labels has some.

    Examples
    --------
    >>> from hpcbbp import Problem
    >>> from hpcbbp.model import registry
    >>> Problem(p=2, p_star=2, alpha=3.0, a=1.0, link=registry.link("norm")).link.name
    'norm'
    """

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
