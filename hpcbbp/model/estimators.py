r"""Spectral estimators: curvatures T(y) that know the labels alone, and the weights of the teacher from them.

    T = sum_mu T(y_mu) (x) x_mu x_mu^T,    T(y) a symmetric p* x p* matrix

(Defilippis, Dandi, Mergny, Krzakala, Loureiro, arXiv:2502.02545). The optimal one is T(y) = G (G + 1)^-1 with
G(y) = E[ z z^T - 1 | y ], z the teacher's projections: above its threshold no other spectral estimator fails where it
knows something. What it knows is at the upper end of the spectrum; solvers and theory look at the lower one, so that
here D(y) = -T(y).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import k0e, k1e

from hpcbbp.errors import InputError, real_number, shown
from hpcbbp.machine.wording import exact
from hpcbbp.model.curvature import Curvature
from hpcbbp.model.parts import called_with, named

Array = NDArray[np.float64]

_FAR = 1e4
_LEAST = 1e-9
"""Of eigenvalues of G + 1 = E[z z^T | y]: where z is known to be 0 along a direction, T has a large number there."""


@dataclass(frozen=True)
class Moments:
    """E[z z^T - 1 | y] as a number on all directions and another on one: across 1 + (along - across) v v^T.

    Attributes
    ----------
    across, along : (M,) arrays
        Eigenvalues.
    vector : (M, p_star) array
        v, of length 1.
    """

    across: Array
    along: Array
    vector: Array


def _identity(y: Array, p_star: int) -> Moments:
    """Of y = |z|^2/p* (as of the quadratic teacher): all directions are alike."""
    return Moments(y - 1.0, y - 1.0, _ones(y, p_star))


def _sign_product(y: Array, p_star: int) -> Moments:
    """Of y = sign(z_1 z_2): E[z_1 z_2 | y] = 2 y/pi; of more units no second moment knows y."""
    if p_star != 2:
        raise InputError(f"p_star = {p_star}: no second moment of the projections knows a sign-product but of two")
    return Moments(-2.0 / math.pi * y, 2.0 / math.pi * y, _ones(y, 2))


def _product(y: Array, p_star: int) -> Moments:
    """Of y = z_1 z_2, of density K_0(|y|)/pi: E[z_1^2 | y] = |y| K_1(|y|)/K_0(|y|)."""
    if p_star != 2:
        raise InputError(f"p_star = {p_star}: the optimal estimator of a product is known for two units")
    size = np.abs(y)
    near = np.clip(size, 1e-300, _FAR)
    # |y| (K_1/K_0 - 1), far out by its asymptotic series: the difference would be lost in rounding.
    beyond = np.where(size < _FAR, near * (k1e(near) / k0e(near) - 1.0), 0.5 - 0.125 / np.maximum(size, _FAR))
    return Moments(beyond - 1.0 + (size - y), beyond - 1.0 + (size + y), _ones(y, 2))


def _ratio(y: Array, p_star: int) -> Moments:
    """Of y = z_1/z_2: the direction of z is known, and nothing else."""
    if p_star != 2:
        raise InputError(f"p_star = {p_star}: the optimal estimator of a ratio is known for two units")
    length = np.hypot(y, 1.0)
    known = np.stack([np.where(np.isfinite(length), y / length, np.sign(y)), 1.0 / length], axis=1)
    return Moments(np.full_like(y, -1.0), np.ones_like(y), known)


def _ones(y: Array, p_star: int) -> Array:
    return np.full((len(y), p_star), 1.0 / math.sqrt(p_star))


_KNOWN: dict[str, Callable[[Array, int], Moments]] = {
    "norm": _identity,
    "sign-product": _sign_product,
    "product": _product,
    "ratio": _ratio,
}


@dataclass(frozen=True)
class Optimal:
    """T(y) = G (G + 1)^-1 with G(y) = E[ z z^T - 1 | y ], for the noiseless links of hpcbbp.model.labels.

    Parameters
    ----------
    link : str
        norm (also the quadratic teacher's), sign-product, product or ratio.
    bound : float, optional
        Eigenvalues of T below -bound are replaced by it: T of u^2 falls as -1/y, so that single samples stretch the
        spectrum beyond what Krylov methods resolve.

    Examples
    --------
    >>> Optimal("norm").matrix(np.array([0.5, 2.0]), 1).dense().ravel().round(3).tolist()
    [-1.0, 0.5]
    """

    link: str
    bound: float | None = None
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Refuse a teacher whose moments are not known, and a bound that is none; name the estimator after it."""
        bound = None if self.bound is None else real_number(self.bound)
        if self.bound is not None and (bound is None or not (math.isfinite(bound) and bound > 0.0)):
            raise InputError(f"estimator bounded = {shown(self.bound)}: a finite number > 0 is wanted")
        object.__setattr__(self, "bound", bound)
        object.__setattr__(self, "name", "optimal" if bound is None else f"bounded:{exact(bound)}")
        if self.link not in _KNOWN:
            raise InputError(
                f"estimator {self.name} with a teacher {shown(self.link)}: E[z z^T | y] is known for "
                f"{', '.join(_KNOWN)}, without noise; give a T(y) of your own"
            )

    def moments(self, y: Array, p_star: int) -> Moments:
        """E[z z^T - 1 | y]."""
        return _KNOWN[self.link](y, p_star)

    def matrix(self, y: Array, p_star: int) -> Curvature:
        """T(y)."""
        at = self.moments(y, p_star)
        across, along = (g / np.maximum(g + 1.0, _LEAST) for g in (at.across, at.along))
        if self.bound is not None:
            across, along = np.maximum(across, -self.bound), np.maximum(along, -self.bound)
        return Curvature(np.repeat(across[:, None], p_star, axis=1), at.vector, along - across)


@dataclass(frozen=True)
class Trimmed:
    """T(y) = y where |y| < cut, 0 elsewhere, times the unit matrix (Chen, Candes 2017).

    Parameters
    ----------
    cut : float
        Above 0.

    Examples
    --------
    >>> Trimmed(2.0).matrix(np.array([0.5, 3.0]), 1).dense().ravel().tolist()
    [0.5, 0.0]
    """

    cut: float
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Check the cut, and name the estimator after it."""
        value = real_number(self.cut)
        if value is None or not (math.isfinite(value) and value > 0.0):
            raise InputError(f"estimator trimmed = {shown(self.cut)}: a finite number > 0 is wanted")
        object.__setattr__(self, "cut", value)
        object.__setattr__(self, "name", f"trimmed:{exact(value)}")

    def matrix(self, y: Array, p_star: int) -> Curvature:
        """T(y)."""
        kept = np.where(np.abs(y) < self.cut, y, 0.0)
        return Curvature(np.repeat(kept[:, None], p_star, axis=1), _ones(y, p_star), np.zeros_like(y))


def estimated(estimator: Any, y: Array, p_star: int) -> Curvature:
    """T(y) of a spectral estimator for all labels y, (M,); InputError unless it is a Curvature of M samples."""
    called = f"{named('estimator', estimator)}: matrix(y, p_star)"
    T = called_with(called, estimator.matrix, y, p_star)
    if not isinstance(T, Curvature):
        raise InputError(
            f"{called} returned {shown(T) if np.ndim(T) == 0 else 'an array'}: a hpcbbp.model.curvature.Curvature is "
            "wanted, diagonal (M, p*), vector (M, p*), weight (M,) (docs/models.md)"
        )
    for name, shape in (("diagonal", (len(y), p_star)), ("vector", (len(y), p_star)), ("weight", (len(y),))):
        part = np.asarray(getattr(T, name))
        if part.shape != shape or part.dtype.kind not in "biuf":
            raise InputError(f"{called}: its {name} has shape {part.shape}; {shape} is wanted, of real numbers")
    return T
