"""The model: what the student and the teacher compute, and the curvature of the loss per sample.

Source: arXiv:2510.18435, section 2. Another activation or another loss is another small class with its
first two derivatives, for simulations from Python; theory and campaigns know the paper's alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, real_number, shown, whole_number
from hpcbbp.model.parts import evaluated, not_finite, refuse_masked

Array = NDArray[np.float64]

MOST = 2**53
"""Hidden units, N and M at most: whole numbers up to here are exact in float64, and have 64-bit indices."""


def check_dimension(n: int, least: int = 2) -> int:
    """Return N, or raise InputError if it is not a whole number >= 2 (or `least`)."""
    dimension = whole_number(n)
    if dimension is None or dimension < least:
        raise InputError(f"N = {shown(n)}: the input dimension is a whole number >= 2")
    if dimension > MOST:
        raise InputError(f"N = {shown(n)}: the input dimension is at most {MOST}")
    return dimension


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


@dataclass(frozen=True)
class Quadratic:
    """sigma(s) = s^2 (phase retrieval for one hidden unit)."""

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
class NormalizedSquare:
    """l(y, yhat) = (y - yhat)^2 / (2 (a + y)): the normalised square loss of arXiv:2510.18435."""

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


@dataclass(frozen=True)
class Curvature:
    """The p x p curvatures D_mu of M samples, as a diagonal plus a matrix of rank one.

    D_mu,kl = delta_kl diagonal_mu,k + weight_mu vector_mu,k vector_mu,l: 2p + 1 numbers a sample, for every
    activation and loss of the form yhat = (1/p) sum_k sigma(s_k).

    Attributes
    ----------
    diagonal, vector : (M, p) arrays
    weight : (M,) array
    """

    diagonal: Array
    vector: Array
    weight: Array

    def __repr__(self) -> str:
        """Its shape, never the arrays."""
        return f"Curvature(M={len(self.weight)}, p={self.vector.shape[1]})"

    def apply(self, Z: Array) -> Array:
        """D_mu Z_mu for every sample; Z and the result are (M, p)."""
        refuse_masked(Z, "Z")
        along = self.weight * np.einsum("mk,mk->m", self.vector, Z)
        image: Array = self.diagonal * Z + along[:, None] * self.vector
        return image

    def largest(self) -> float:
        """Bound on |D_mu,kl| over these samples, 0 if there are none; NaN or inf if there is one."""
        with np.errstate(over="ignore", invalid="ignore"):
            sizes = np.abs(self.diagonal) + np.abs(self.weight)[:, None] * self.vector**2
        return float(np.max(sizes, initial=0.0))

    def dense(self) -> Array:
        """All the D_mu, as an (M, p, p) array."""
        outer = self.weight[:, None, None] * self.vector[:, :, None] * self.vector[:, None, :]
        diagonal = np.einsum("mk,kl->mkl", self.diagonal, np.eye(self.diagonal.shape[1]))
        result: Array = outer + diagonal
        return result


@dataclass(frozen=True)
class Problem:
    """Student and teacher network, loss and signal-to-noise ratio.

    Parameters
    ----------
    p, p_star : int
        Hidden units of the student and of the teacher, >= 1.
    alpha : float
        Samples per input dimension, M = round(alpha N); > 0.
    a : float
        Constant of the normalised loss, > 0.
    activation : Activation, optional
        Of student and teacher; quadratic by default.
    custom_loss : Loss, optional
        In place of the paper's normalised square loss with constant a.

    Raises
    ------
    InputError
        If a value is outside its domain.
    """

    p: int
    p_star: int
    alpha: float
    a: float
    activation: Activation = field(default_factory=Quadratic)
    custom_loss: Loss | None = None

    def __post_init__(self) -> None:
        """Check every value, and keep it as Python's int or float (which JSON knows), whatever type it came in."""
        for name, what in (("p", "student"), ("p_star", "teacher")):
            given = getattr(self, name)
            units = whole_number(given)
            if units is None:
                raise InputError(
                    f"{name} = {shown(given)}: the number of hidden units of the {what} is a whole number"
                )
            if units < 1:
                raise InputError(f"{name} = {shown(given)}: the {what} needs at least one hidden unit ({name} >= 1)")
            if units > MOST:
                raise InputError(f"{name} = {shown(given)}: at most {MOST} hidden units of the {what}")
            object.__setattr__(self, name, units)
        for name, what in (("alpha", "samples per dimension"), ("a", "the loss constant")):
            given = getattr(self, name)
            value = real_number(given)
            if value is None or not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} = {shown(given)}: {what} must be a finite number > 0")
            object.__setattr__(self, name, value)

    @property
    def loss(self) -> Loss:
        """The loss of one sample."""
        return NormalizedSquare(self.a) if self.custom_loss is None else self.custom_loss

    def samples(self, n: int) -> int:
        """M = round(alpha N); InputError if that is none, or more than there are indices for."""
        n = check_dimension(n, least=1)
        if self.alpha * n > MOST:
            raise InputError(
                f"alpha = {self.alpha:g} with N = {n} gives more than {MOST} samples: take a smaller alpha or N"
            )
        m = round(self.alpha * n)
        if m < 1:
            raise InputError(
                f"alpha = {self.alpha} with N = {n} gives M = round(alpha N) = 0 samples: "
                f"take alpha > {0.5 / n:.3g} or a larger N"
            )
        return m

    def student_output(self, s: Array) -> Array:
        """yhat = (1/p) sum_k sigma(s_k); s is (M, p), the result (M,)."""
        yhat: Array = self._sigma("value", s).mean(axis=1)
        return yhat

    def teacher_output(self, u: Array) -> Array:
        """Label y = (1/p*) sum_l sigma(u_l); u is (M, p*), the result (M,)."""
        y: Array = self._sigma("value", u).mean(axis=1)
        return y

    def total_loss(self, s: Array, u: Array) -> float:
        """L = sum_mu l(y_mu, yhat_mu)."""
        return float(self._loss("value", self.teacher_output(u), self.student_output(s)).sum())

    def _sigma(self, method: str, s: Array) -> Array:
        refuse_masked(s, "projections")
        return evaluated("activation", self.activation, method, s)

    def _loss(self, method: str, y: Array, yhat: Array) -> Array:
        return evaluated("custom_loss", self.loss, method, y, yhat)

    def curvature(self, s: Array, u: Array) -> Curvature:
        """Second derivatives of the loss of each sample in its p projections s.

        D_kl = l'' sigma'(s_k) sigma'(s_l) / p^2 + delta_kl l' sigma''(s_k) / p, primes on l in yhat; for the
        quadratic activation and the normalised loss
        D_kl = delta_kl (2/p)(yhat - y)/(a + y) + (4/p^2) s_k s_l / (a + y).

        Parameters
        ----------
        s : (M, p) array
            Student projections w_k . x_mu.
        u : (M, p*) array
            Teacher projections w*_l . x_mu.

        Raises
        ------
        InputError
            Masked arrays, or a loss or activation of the user's that returns no numbers of the right shape.
        """
        y, yhat = self.teacher_output(u), self.student_output(s)
        slope = self._loss("first", y, yhat)
        return Curvature(
            diagonal=slope[:, None] * self._sigma("second", s) / self.p,
            vector=self._sigma("first", s) / self.p,
            weight=self._loss("second", y, yhat),
        )

    def own_fault(self, s: Array, u: Array) -> str:
        """Where a loss or activation of the user's makes no number of finite ones, in a line; else nothing."""
        if type(self.activation) is not Quadratic:
            for at in (s, u):
                if said := not_finite("activation", self.activation, "value", at):
                    return said
            for method in ("first", "second"):
                if said := not_finite("activation", self.activation, method, s):
                    return said
        if self.custom_loss is not None:
            y, yhat = self.teacher_output(u), self.student_output(s)
            for method in ("first", "second"):
                if said := not_finite("custom_loss", self.custom_loss, method, y, yhat):
                    return said
        return ""
