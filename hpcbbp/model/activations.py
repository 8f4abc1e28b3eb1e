"""Activations sigma of hidden units, with their first two derivatives, elementwise.

A user's own is a class like these: `name`, `value`, `first`, `second` (hpcbbp.model.interfaces.Activation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, expit

from hpcbbp.errors import InputError, real_number, shown
from hpcbbp.machine.wording import exact

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Quadratic:
    """sigma(s) = s^2 (phase retrieval for one hidden unit).

    Examples
    --------
    >>> sigma, s = Quadratic(), np.array([0.0, 2.0])
    >>> sigma.value(s).round(3).tolist(), sigma.first(s).round(3).tolist()
    ([0.0, 4.0], [0.0, 4.0])
    """

    name: str = "quadratic"

    def value(self, s: Array) -> Array:
        """s^2."""
        return s**2

    def first(self, s: Array) -> Array:
        """2 s."""
        return 2.0 * s

    def second(self, s: Array) -> Array:
        """2."""
        return np.full_like(s, 2.0)


@dataclass(frozen=True)
class Tanh:
    """sigma(s) = tanh(s).

    Examples
    --------
    >>> sigma, s = Tanh(), np.array([0.0, 1.0])
    >>> sigma.value(s).round(3).tolist(), sigma.first(s).round(3).tolist()
    ([0.0, 0.762], [1.0, 0.42])
    """

    name: str = "tanh"

    def value(self, s: Array) -> Array:
        """tanh(s)."""
        result: Array = np.tanh(s)
        return result

    def first(self, s: Array) -> Array:
        """1 - tanh(s)^2."""
        result: Array = 1.0 - np.tanh(s) ** 2
        return result

    def second(self, s: Array) -> Array:
        """-2 tanh(s) (1 - tanh(s)^2)."""
        t = np.tanh(s)
        result: Array = -2.0 * t * (1.0 - t * t)
        return result


@dataclass(frozen=True)
class Sigmoid:
    """sigma(s) = 1/(1 + exp(-s)).

    Examples
    --------
    >>> sigma, s = Sigmoid(), np.array([0.0, 1.0])
    >>> sigma.value(s).round(3).tolist(), sigma.first(s).round(3).tolist()
    ([0.5, 0.731], [0.25, 0.197])
    """

    name: str = "sigmoid"

    def value(self, s: Array) -> Array:
        """1/(1 + exp(-s))."""
        result: Array = expit(s)
        return result

    def first(self, s: Array) -> Array:
        """v (1 - v), v the value."""
        result: Array = expit(s) * expit(-s)
        return result

    def second(self, s: Array) -> Array:
        """v (1 - v) (1 - 2 v)."""
        result: Array = expit(s) * expit(-s) * -np.tanh(0.5 * s)
        return result


@dataclass(frozen=True)
class Erf:
    """sigma(s) = erf(s/sqrt(2)), as in the literature on committee machines.

    Examples
    --------
    >>> sigma, s = Erf(), np.array([0.0, 1.0])
    >>> sigma.value(s).round(3).tolist(), sigma.first(s).round(3).tolist()
    ([0.0, 0.683], [0.798, 0.484])
    """

    name: str = "erf"

    def value(self, s: Array) -> Array:
        """erf(s/sqrt(2))."""
        result: Array = erf(s / math.sqrt(2.0))
        return result

    def first(self, s: Array) -> Array:
        """(2/pi)^(1/2) exp(-s^2/2)."""
        result: Array = math.sqrt(2.0 / math.pi) * np.exp(-0.5 * s * s)
        return result

    def second(self, s: Array) -> Array:
        """-s times the first derivative."""
        return -s * self.first(s)


@dataclass(frozen=True)
class Softplus:
    """sigma(s) = log(1 + exp(s)), a smooth rectifier.

    Examples
    --------
    >>> sigma, s = Softplus(), np.array([0.0, 1.0])
    >>> sigma.value(s).round(3).tolist(), sigma.first(s).round(3).tolist()
    ([0.693, 1.313], [0.5, 0.731])
    """

    name: str = "softplus"

    def value(self, s: Array) -> Array:
        """log(1 + exp(s))."""
        result: Array = np.logaddexp(0.0, s)
        return result

    def first(self, s: Array) -> Array:
        """1/(1 + exp(-s))."""
        result: Array = expit(s)
        return result

    def second(self, s: Array) -> Array:
        """v (1 - v), v the first derivative."""
        result: Array = expit(s) * expit(-s)
        return result


MOST_COEFFICIENTS = 16


@dataclass(frozen=True)
class Polynomial:
    """sigma(s) = c_0 + c_1 s + c_2 s^2 + ...

    Parameters
    ----------
    coefficients : tuple of float
        c_0, c_1, ...: at most 16, and not all but c_0 zero.

    Raises
    ------
    InputError
        No numbers, or a constant.

    Examples
    --------
    >>> sigma, s = Polynomial((0.0, 1.0, 0.5)), np.array([0.0, 2.0])
    >>> sigma.value(s).round(3).tolist(), sigma.first(s).round(3).tolist()
    ([0.0, 4.0], [1.0, 3.0])
    """

    coefficients: tuple[float, ...]
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Check the coefficients, and name the activation after them."""
        given = self.coefficients
        if not isinstance(given, tuple | list) or not 2 <= len(given) <= MOST_COEFFICIENTS:
            raise InputError(
                f"polynomial = {shown(given)}: two to {MOST_COEFFICIENTS} coefficients c_0, c_1, ... are wanted"
            )
        numbers = [real_number(c) for c in given]
        if any(c is None or not math.isfinite(c) for c in numbers) or not any(numbers[1:]):
            raise InputError(f"polynomial = {shown(given)}: finite coefficients are wanted, one beyond c_0 not zero")
        object.__setattr__(self, "coefficients", tuple(float(c or 0.0) for c in numbers))
        object.__setattr__(self, "name", "polynomial:" + ",".join(map(exact, self.coefficients)))

    def _derivative(self, s: Array, order: int) -> Array:
        """By Horner's rule."""
        result = np.zeros_like(s)
        for power in range(len(self.coefficients) - 1, order - 1, -1):
            result = result * s + self.coefficients[power] * math.perm(power, order)
        return result

    def value(self, s: Array) -> Array:
        """sum_j c_j s^j."""
        return self._derivative(s, 0)

    def first(self, s: Array) -> Array:
        """sum_j j c_j s^(j-1)."""
        return self._derivative(s, 1)

    def second(self, s: Array) -> Array:
        """sum_j j (j-1) c_j s^(j-2)."""
        return self._derivative(s, 2)
