"""Labels: what a teacher makes of its projections u (a link), and what noise makes of that (a channel).

    y = channel(link(u), z),    z ~ N(0, 1), one number a sample

A channel transforms a standard normal number, so that one stream of random numbers, addressed by the sample's index,
serves all of them on any number of ranks. Users' own are classes like these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, roots_hermitenorm, roots_legendre

from hpcbbp.errors import InputError, real_number, shown
from hpcbbp.machine.wording import exact

Array = NDArray[np.float64]
Nodes = tuple[Array, Array]


def normal_nodes(count: int) -> Nodes:
    """Points and weights of Gauss and Hermite's rule for the average over N(0, 1)."""
    points, weights = roots_hermitenorm(count)
    return points, weights / weights.sum()


def _amount(name: str, given: object, most: float = math.inf) -> float:
    value = real_number(given)
    if value is None or not (math.isfinite(value) and 0.0 < value <= most):
        upto = "" if most == math.inf else f" and <= {most:g}"
        raise InputError(f"noise {name} = {shown(given)}: a finite number > 0{upto} is wanted")
    return value


@dataclass(frozen=True)
class Noiseless:
    """y as the teacher gives it.

    Examples
    --------
    >>> Noiseless().apply(np.array([1.0, 2.0]), np.array([0.5, -0.5])).round(3).tolist()
    [1.0, 2.0]
    """

    name: str = "noiseless"

    def apply(self, y: Array, z: Array) -> Array:
        """y."""
        return y

    def nodes(self, count: int) -> Nodes:
        """One point: nothing to average over."""
        return np.zeros(1), np.ones(1)


@dataclass(frozen=True)
class GaussianNoise:
    """y + sigma z.

    Examples
    --------
    >>> GaussianNoise(0.1).apply(np.array([1.0, 2.0]), np.array([0.5, -0.5])).round(3).tolist()
    [1.05, 1.95]
    """

    sigma: float
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Check sigma, and name the channel after it."""
        object.__setattr__(self, "sigma", _amount("gaussian", self.sigma))
        object.__setattr__(self, "name", f"gaussian:{exact(self.sigma)}")

    def apply(self, y: Array, z: Array) -> Array:
        """Y + sigma z."""
        return y + self.sigma * z

    def nodes(self, count: int) -> Nodes:
        """Of the average over z."""
        return normal_nodes(count)


@dataclass(frozen=True)
class UniformNoise:
    """y plus a number that is uniform in [-half_width, half_width].

    Examples
    --------
    >>> UniformNoise(0.1).apply(np.array([1.0, 2.0]), np.array([0.0, 9.0])).round(3).tolist()
    [1.0, 2.1]
    """

    half_width: float
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Check the width, and name the channel after it."""
        object.__setattr__(self, "half_width", _amount("uniform", self.half_width))
        object.__setattr__(self, "name", f"uniform:{exact(self.half_width)}")

    def apply(self, y: Array, z: Array) -> Array:
        """Y + half_width (2 Phi(z) - 1), Phi the normal distribution function."""
        result: Array = y + self.half_width * (2.0 * ndtr(z) - 1.0)
        return result

    def nodes(self, count: int) -> Nodes:
        """Of Gauss and Legendre's rule in Phi(z)."""
        points, weights = roots_legendre(count)
        return ndtri(0.5 * (points + 1.0)), 0.5 * weights


@dataclass(frozen=True)
class MultiplicativeNoise:
    """y (1 + sigma z).

    Examples
    --------
    >>> MultiplicativeNoise(0.1).apply(np.array([1.0, 2.0]), np.array([0.5, -0.5])).round(3).tolist()
    [1.05, 1.9]
    """

    sigma: float
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Check sigma, and name the channel after it."""
        object.__setattr__(self, "sigma", _amount("multiplicative", self.sigma))
        object.__setattr__(self, "name", f"multiplicative:{exact(self.sigma)}")

    def apply(self, y: Array, z: Array) -> Array:
        """Y (1 + sigma z)."""
        return y * (1.0 + self.sigma * z)

    def nodes(self, count: int) -> Nodes:
        """Of the average over z."""
        return normal_nodes(count)


@dataclass(frozen=True)
class SignFlips:
    """-y with a probability, y otherwise.

    Examples
    --------
    >>> SignFlips(0.1).apply(np.array([1.0, 2.0]), np.array([0.5, -3.0])).round(3).tolist()
    [1.0, -2.0]
    """

    probability: float
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Check the probability, and name the channel after it."""
        object.__setattr__(self, "probability", _amount("sign-flips", self.probability, most=0.5))
        object.__setattr__(self, "name", f"sign-flips:{exact(self.probability)}")

    def apply(self, y: Array, z: Array) -> Array:
        """-y where Phi(z) is below the probability."""
        result: Array = np.where(ndtr(z) < self.probability, -y, y)
        return result

    def nodes(self, count: int) -> Nodes:
        """Two points: flipped, and not."""
        return np.array([-40.0, 40.0]), np.array([self.probability, 1.0 - self.probability])


@dataclass(frozen=True)
class Product:
    """u_1 u_2 ... of all the teacher's projections.

    Examples
    --------
    >>> Product().value(np.array([[2.0, 3.0]])).tolist()
    [6.0]
    """

    name: str = "product"
    least: int = 2
    jumps: bool = False

    def value(self, u: Array) -> Array:
        """Product over the projections of each sample."""
        result: Array = np.prod(u, axis=1)
        return result


@dataclass(frozen=True)
class SignProduct:
    """sign(u_1 u_2 ...).

    Examples
    --------
    >>> SignProduct().value(np.array([[2.0, -3.0]])).tolist()
    [-1.0]
    """

    name: str = "sign-product"
    least: int = 1
    jumps: bool = True

    def value(self, u: Array) -> Array:
        """Sign of the product; 1 where a projection is 0."""
        result: Array = np.where(np.prod(np.where(u < 0.0, -1.0, 1.0), axis=1) < 0.0, -1.0, 1.0)
        return result


@dataclass(frozen=True)
class Norm:
    """|u|^2/p*.

    Examples
    --------
    >>> Norm().value(np.array([[3.0, 1.0]])).tolist()
    [5.0]
    """

    name: str = "norm"
    least: int = 1
    jumps: bool = False

    def value(self, u: Array) -> Array:
        """Mean square of the projections of each sample."""
        result: Array = (u**2).mean(axis=1)
        return result


@dataclass(frozen=True)
class Ratio:
    """u_1/u_2.

    Examples
    --------
    >>> Ratio().value(np.array([[3.0, 2.0]])).tolist()
    [1.5]
    """

    name: str = "ratio"
    least: int = 2
    jumps: bool = True

    def value(self, u: Array) -> Array:
        """First projection over the second."""
        with np.errstate(divide="ignore"):
            result: Array = u[:, 0] / u[:, 1]
        return result
