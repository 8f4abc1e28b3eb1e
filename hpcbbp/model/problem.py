"""The model: what the student and the teacher compute, and the curvature of the loss per sample.

Source: arXiv:2510.18435, section 2. Another activation or another loss is another small class with its first two
derivatives (hpcbbp.model.activations, losses); so are a teacher of another form and noise on its labels
(hpcbbp.model.labels). hpcbbp.model.words has them by name, as campaigns and the command line do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, real_number, shown, whole_number
from hpcbbp.machine import rng
from hpcbbp.model.activations import Quadratic
from hpcbbp.model.covariance import Covariance, nodes_of
from hpcbbp.model.curvature import Curvature
from hpcbbp.model.estimators import estimated
from hpcbbp.model.interfaces import Activation, Channel, Estimator, Link, Loss
from hpcbbp.model.labels import Noiseless
from hpcbbp.model.losses import NormalizedSquare
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
    noise : Channel, optional
        On the labels; none by default.
    link : Link, optional
        What the teacher makes of its projections, in place of the mean of their activations.
    estimator : Estimator, optional
        In place of a loss: D = -T(y), of labels alone (hpcbbp.model.estimators); p = p_star, and the lowest
        eigenvalues are those of -T.
    covariance : Covariance, optional
        Of the data, x ~ N(0, Sigma/N); none: white data, Sigma = 1.

    Raises
    ------
    InputError
        If a value is outside its domain.

    Examples
    --------
    >>> problem = Problem(p=2, p_star=1, alpha=3.0, a=1.5)
    >>> problem.samples(1000)
    3000
    """

    p: int
    p_star: int
    alpha: float
    a: float
    activation: Activation = field(default_factory=Quadratic)
    custom_loss: Loss | None = None
    noise: Channel = field(default_factory=Noiseless)
    link: Link | None = None
    estimator: Estimator | None = None
    covariance: Covariance | None = None

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
        if self.link is not None and self.p_star < self.link.least:
            raise InputError(
                f"p_star = {self.p_star}: a teacher {shown(self.link.name)} needs p_star >= {self.link.least}"
            )

        if self.estimator is not None and self.p != self.p_star:
            raise InputError(
                f"p = {self.p}, p_star = {self.p_star} with estimator {self.estimator.name}: it has as many "
                "vectors as the teacher; take p = p_star"
            )
        if self.covariance is not None:
            nodes_of(self.covariance)  # refused here if it is none
        if self.estimator is not None and self.covariance is not None:
            raise InputError(
                f"estimator {self.estimator.name} with covariance {self.covariance.name}: estimators know white data"
            )

    @property
    def noisy(self) -> bool:
        """Whether labels depend on more than the teacher's projections."""
        return not isinstance(self.noise, Noiseless)

    @property
    def variance(self) -> float:
        """Of projections at N = infinity: the mean eigenvalue of the data's covariance, 1 for white data."""
        if self.covariance is None:
            return 1.0
        values, shares = nodes_of(self.covariance)
        return float(values @ shares)

    def unusual(self) -> dict[str, str]:
        """Names of noise, link, estimator and covariance, where there are any: for records and for what is kept."""
        noise = {"noise": self.noise.name} if self.noisy else {}
        link = {} if self.link is None else {"link": self.link.name}
        others = {"estimator": self.estimator, "covariance": self.covariance}
        return {**noise, **link, **{what: part.name for what, part in others.items() if part is not None}}

    def named(self) -> dict[str, Any]:
        """Units, constants and parts by name, as JSON has them."""
        names = {"activation": self.activation.name, "loss": self.loss.name, **self.unusual()}
        return {"p": self.p, "p_star": self.p_star, "a": self.a, **names, "alpha": self.alpha}

    def noise_numbers(self, seed: int, start: int, stop: int) -> Array | None:
        """z ~ N(0, 1) of samples start, ..., stop - 1 of an instance, which its noise is made of; None without noise.

        One seed has one z for each sample, on any number of ranks.
        """
        return rng.normals(seed, "labels", start, stop) if self.noisy else None

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
        """Label without noise, (1/p*) sum_l sigma(u_l) unless there is a link; u is (M, p*), the result (M,)."""
        if self.link is None:
            y: Array = self._sigma("value", u).mean(axis=1)
            return y
        refuse_masked(u, "projections")
        return evaluated("link", self.link, "value", u, shape=u.shape[:1])

    def labels(self, u: Array, z: Array | None = None) -> Array:
        """Labels (M,) of projections u, (M, p*), with the noise that z, (M,) numbers ~ N(0, 1), makes.

        Raises
        ------
        InputError
            No z where there is noise, or a label that the loss has no value for.
        """
        y = self.teacher_output(u)
        if self.noisy:
            if z is None or np.shape(z) != y.shape:
                raise InputError(f"noise {self.noise.name}: one number z ~ N(0, 1) a sample is wanted, {y.shape}")
            y = evaluated("noise", self.noise, "apply", y, z)
        refusal = getattr(self.loss, "refusal", None) if self.estimator is None else None
        if refusal is not None and (said := refusal(y)):
            raise InputError(said)
        return y

    def total_loss(self, s: Array, u: Array, z: Array | None = None) -> float:
        """L = sum_mu l(y_mu, yhat_mu)."""
        return float(self.losses(s, u, z).sum())

    def losses(self, s: Array, u: Array, z: Array | None = None) -> Array:
        """l(y_mu, yhat_mu) of each sample, (M,)."""
        return self._loss("value", self.labels(u, z), self.student_output(s))

    def _sigma(self, method: str, s: Array) -> Array:
        refuse_masked(s, "projections")
        return evaluated("activation", self.activation, method, s)

    def _loss(self, method: str, y: Array, yhat: Array) -> Array:
        return evaluated("custom_loss", self.loss, method, y, yhat)

    def curvature(self, s: Array, u: Array, z: Array | None = None) -> Curvature:
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
        z : (M,) array, optional
            Numbers ~ N(0, 1) that noise on the labels is made of; needed where there is noise.

        Raises
        ------
        InputError
            Masked arrays, a label that the loss has no value for, or a part of the user's that returns no numbers of
            the right shape.
        """
        if self.estimator is not None:
            T = estimated(self.estimator, self.labels(u, z), self.p_star)
            return Curvature(-T.diagonal, T.vector, -T.weight)
        y, yhat = self.labels(u, z), self.student_output(s)
        slope = self._loss("first", y, yhat)
        return Curvature(
            diagonal=slope[:, None] * self._sigma("second", s) / self.p,
            vector=self._sigma("first", s) / self.p,
            weight=self._loss("second", y, yhat),
        )

    def slopes(self, s: Array, u: Array, z: Array | None = None) -> Array:
        """First derivatives of the loss of each sample in its p projections, l' sigma'(s_k)/p: (M, p).

        The gradient of L in w_k is the sum of these times x_mu. Parameters and errors as of `curvature`; an estimator
        has no loss.
        """
        if self.estimator is not None:
            raise InputError(f"estimator {self.estimator.name} has no loss, whose gradient could be descended")
        slope = self._loss("first", self.labels(u, z), self.student_output(s))
        result: Array = slope[:, None] * self._sigma("first", s) / self.p
        return result

    def own_fault(self, s: Array, u: Array, z: Array | None = None) -> str:
        """Where a loss or activation of the user's makes no number of finite ones, in a line; else nothing."""
        if type(self.activation) is not Quadratic:
            for at in (s, u):
                if said := not_finite("activation", self.activation, "value", at):
                    return said
            for method in ("first", "second"):
                if said := not_finite("activation", self.activation, method, s):
                    return said
        if self.custom_loss is not None:
            y, yhat = self.labels(u, z), self.student_output(s)
            for method in ("first", "second"):
                if said := not_finite("custom_loss", self.custom_loss, method, y, yhat):
                    return said
        return ""
