"""Losses l(y, yhat) of one sample, with their first two derivatives in yhat, elementwise.

A user's own is a class like these: `name`, `value`, `first`, `second`
(hpcbbp.model.interfaces.Loss), and `refusal` where not every label will do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NormalizedSquare:
    """l(y, yhat) = (y - yhat)^2 / (2 (a + y)): the normalised square loss of arXiv:2510.18435.

    Examples
    --------
    >>> loss, y, yhat = NormalizedSquare(a=1.0), np.array([1.0]), np.array([3.0])
    >>> loss.value(y, yhat).round(3).tolist(), loss.first(y, yhat).round(3).tolist()
    ([1.0], [1.0])
    """

    a: float
    name: str = "normalized-square"

    def value(self, y: Array, yhat: Array) -> Array:
        """(y - yhat)^2 / (2 (a + y))."""
        return 0.5 * (y - yhat) ** 2 / (self.a + y)

    def first(self, y: Array, yhat: Array) -> Array:
        """(yhat - y) / (a + y)."""
        return (yhat - y) / (self.a + y)

    def second(self, y: Array, yhat: Array) -> Array:
        """1 / (a + y)."""
        return np.broadcast_to(1.0 / (self.a + y), np.broadcast_shapes(y.shape, yhat.shape)).copy()

    def refusal(self, y: Array) -> str:
        """A label with a + y <= 0 has no loss."""
        return _first_of(y, self.a + y <= 0.0, f"the normalised loss with a = {self.a:g} needs a + y > 0")


@dataclass(frozen=True)
class Square:
    """l(y, yhat) = (y - yhat)^2 / 2.

    Examples
    --------
    >>> loss, y, yhat = Square(), np.array([1.0]), np.array([3.0])
    >>> loss.value(y, yhat).round(3).tolist(), loss.first(y, yhat).round(3).tolist()
    ([2.0], [2.0])
    """

    name: str = "square"

    def value(self, y: Array, yhat: Array) -> Array:
        """(y - yhat)^2 / 2."""
        return 0.5 * (y - yhat) ** 2

    def first(self, y: Array, yhat: Array) -> Array:
        """Yhat - y."""
        return yhat - y

    def second(self, y: Array, yhat: Array) -> float:
        """1."""
        return 1.0


@dataclass(frozen=True)
class LogCosh:
    """l(y, yhat) = log cosh(yhat - y): a square near 0, linear far away.

    Examples
    --------
    >>> loss, y, yhat = LogCosh(), np.array([1.0]), np.array([3.0])
    >>> loss.value(y, yhat).round(3).tolist(), loss.first(y, yhat).round(3).tolist()
    ([1.325], [0.964])
    """

    name: str = "log-cosh"

    def value(self, y: Array, yhat: Array) -> Array:
        """Log cosh(yhat - y), without overflow."""
        far = np.abs(yhat - y)
        result: Array = far + np.log1p(np.exp(-2.0 * far)) - np.log(2.0)
        return result

    def first(self, y: Array, yhat: Array) -> Array:
        """tanh(yhat - y)."""
        result: Array = np.tanh(yhat - y)
        return result

    def second(self, y: Array, yhat: Array) -> Array:
        """1/cosh(yhat - y)^2."""
        result: Array = 4.0 * expit(2.0 * (yhat - y)) * expit(-2.0 * (yhat - y))
        return result


@dataclass(frozen=True)
class Logistic:
    """l(y, yhat) = log(1 + exp(-y yhat)) of labels +1 and -1.

    Examples
    --------
    >>> loss, y, yhat = Logistic(), np.array([1.0]), np.array([3.0])
    >>> loss.value(y, yhat).round(3).tolist(), loss.first(y, yhat).round(3).tolist()
    ([0.049], [-0.047])
    """

    name: str = "logistic"

    def value(self, y: Array, yhat: Array) -> Array:
        """log(1 + exp(-y yhat))."""
        result: Array = np.logaddexp(0.0, -y * yhat)
        return result

    def first(self, y: Array, yhat: Array) -> Array:
        """-y/(1 + exp(y yhat))."""
        result: Array = -y * expit(-y * yhat)
        return result

    def second(self, y: Array, yhat: Array) -> Array:
        """Variance of the predicted label, e (1 - e) y^2, e = 1/(1 + exp(-y yhat))."""
        result: Array = y * y * expit(y * yhat) * expit(-y * yhat)
        return result

    def refusal(self, y: Array) -> str:
        """Labels are +1 and -1."""
        return _first_of(y, np.abs(y) != 1.0, "the logistic loss needs labels +1 and -1")


def _first_of(y: Array, bad: NDArray[np.bool_], words: str) -> str:
    return f"label y = {y[int(np.argmax(bad))]:.6g}: {words}" if bad.any() else ""
