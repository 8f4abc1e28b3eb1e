r"""The density of the bulk at N = infinity, from its left edge far into its right tail; how thin a smooth edge is.

rho(x) = -(1/pi) Im g(x + i0) with z(g) = x (arXiv:2510.18435). With Im g < 0 the integrand of z has its poles where
D = 1/g, in Im D > 0. Averages are therefore taken along yhat = |yhat| exp(-i phi), y = |y| exp(i phi), where
Im D < 0: the same numbers for Im g <= 0, without a pole nearby, also where the density is exponentially small.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, shown
from hpcbbp.model.parts import refuse_masked
from hpcbbp.theory.domain import check_alpha, check_count, check_model
from hpcbbp.theory.limit import kernels
from hpcbbp.theory.limit.bulk import Averages, averages, left_edge
from hpcbbp.theory.limit.contour import turned

Array = NDArray[np.float64]

_NEWTON = 60
_SETTLED = 1e-13

_ANGLE = 0.7  # of both variables, at most

_TOGETHER = 128  # points between two words about progress

_AT_ZERO = 1e-11  # closer to 0, eigenvalues at 0 leak into what Newton leaves

POINTS_MAX = 100_000


@dataclass(frozen=True, eq=False)
class Density:
    """Density of eigenvalues of the bulk.

    Attributes
    ----------
    x : array
    rho : array
        Integrates to one over the real line, to alpha if alpha < 1 (the rest is at 0); 0 left of the edge.
    lambda_minus : float
    edge : {"sharp", "smooth"}
    thinness : float or None
        A of a smooth edge, rho ~ exp(-A / (x - lambda_minus)) up to powers; None at a sharp one.

    Examples
    --------
    >>> smooth = density(1, 1, 1.5, alpha=1.0, points=50)
    >>> smooth.edge, smooth.thinness > 0, bool(smooth.rho.min() >= 0)
    ('smooth', True, True)
    """

    x: Array
    rho: Array
    lambda_minus: float
    edge: str
    thinness: float | None

    def __repr__(self) -> str:
        """One line: thousands of points would flood whoever looks."""
        across = f"x from {self.x.min():.6g} to {self.x.max():.6g}" if len(self.x) else "no x"
        return (
            f"Density({len(self.x)} points, {across}, lambda_minus={self.lambda_minus:.6g}, edge={self.edge!r}, "
            f"thinness={self.thinness})"
        )


class Contour:
    """z(g) and z'(g) for Im g <= 0."""

    def __init__(self, model: Averages) -> None:
        self.p = model.p
        yhat, y, w = turned(model, _ANGLE, _ANGLE)
        # Of each kind of eigenvalue of D: real and imaginary parts of nodes d and of their weights.
        self._nodes = []
        for c, share in model.kinds:
            d = (2.0 / self.p) * (c * yhat - y) / (model.a + y)
            self._nodes.append(np.array([d.real, d.imag, share * w.real, share * w.imag]))
        kernels.prepare()

    def z(self, g: NDArray[Any], alpha: float) -> tuple[NDArray[Any], NDArray[Any]]:
        """z and dz/dg at each g."""
        sums = np.zeros((2, len(g)), dtype=np.complex128)
        for nodes in self._nodes:
            kernels.resolvent_sums(nodes, np.ascontiguousarray(g, dtype=np.complex128), sums)
        return 1.0 / g + alpha * sums[0], -1.0 / g**2 + alpha * sums[1]


@lru_cache(maxsize=64)
def _contour(p: float, p_star: int, a: float) -> Contour:
    return Contour(averages(p, p_star, a))


def stieltjes(
    p: float, p_star: int, a: float, alpha: float, x: Array, progress: Callable[[int], None] | None = None
) -> NDArray[np.complex128]:
    """g(x + i0) at points of the real line, by Newton's method continued from far above it.

    progress is called with the number of points done since it was called last.

    Raises
    ------
    ArithmeticError
        If Newton's method does not settle at some point (at a sharp edge itself).
    """
    contour = _contour(p, p_star, a)
    top = 10.0 * (1.0 + float(np.max(np.abs(x), initial=0.0)) + alpha)
    g = np.zeros(len(x), dtype=np.complex128)
    for start in range(0, len(x), _TOGETHER):
        some = slice(start, start + _TOGETHER)
        g[some] = _descend(contour, alpha, x[some], top)
        if progress is not None:
            progress(len(x[some]))
    return g


def _descend(contour: Contour, alpha: float, x: Array, height: float) -> NDArray[np.complex128]:
    """g at points x, from so far above the real line down to it."""
    g: NDArray[np.complex128] = 1.0 / (x + 1j * height)
    while height > 0.0:
        height = height * 0.3 if height > 1e-3 else 0.0
        g = _newton(contour, alpha, x + 1j * height, g, final=height == 0.0)
    return g


def _newton(
    contour: Contour, alpha: float, target: NDArray[Any], g: NDArray[Any], *, final: bool
) -> NDArray[np.complex128]:
    active = np.ones(len(g), dtype=bool)
    g = g.copy()
    for _ in range(_NEWTON if final else 4):
        value, slope = contour.z(g[active], alpha)
        step = (value - target[active]) / slope
        # Stay in the lower half-plane: go at most three quarters of the way to the real line.
        down = -g[active].imag
        rise = -step.imag
        shrink = np.where(rise > 0.75 * down, 0.75 * down / np.where(rise > 0, rise, 1.0), 1.0) if not final else 1.0
        limit = np.minimum(1.0, 0.5 * np.abs(g[active]) / np.maximum(np.abs(step), 1e-300))
        step = step * np.minimum(shrink, limit)
        g[active] -= step
        active[active] = np.abs(step) > _SETTLED * np.abs(g[active])
        if not active.any():
            break
    if final and active.any():
        value, _ = contour.z(g[active], alpha)
        if np.any(np.abs(value - target[active]) > 1e-9 * (1.0 + np.abs(target[active]))):
            raise ArithmeticError("the Stieltjes transform did not settle at some point")
    return g


def thinness(p: float, p_star: int, a: float, alpha: float) -> float | None:
    """A = (a p p* / 4) |z'(-p/2)| of a smooth edge; None for a sharp one.

    At the edge g = -p/2; a little to its right, g = -(p/2)(1 + eps), samples with y = (a + c yhat)/eps are at the
    pole: their weight is exp(-p* y / 2), largest at yhat = 0, and x - lambda_- = |z'| p eps / 2.
    """
    p, p_star, a = check_model(p, p_star, a)
    alpha, model = check_alpha(alpha), averages(p, p_star, a)
    if left_edge(p, p_star, a, alpha)[1] == "sharp":
        return None
    shift = 1.0 if p == math.inf else 0.0  # at p = inf yhat = 1 and cannot vanish
    return float((a + shift) * model.p * p_star / 4.0 * abs(model.moments(1.0).z_prime(alpha)))


def density(
    p: float,
    p_star: int,
    a: float,
    alpha: float,
    x: Array | None = None,
    points: int = 400,
    *,
    progress: Callable[[float], None] | None = None,
) -> Density:
    """Density of the bulk of the Hessian's spectrum, N = infinity: equations (1) and (16) of docs/theory.md.

    Parameters
    ----------
    p, p_star : int
        Hidden units; p may be inf (density of p H).
    a, alpha : float
    x : array, optional
        Where; by default about `points` points from the left edge to where rho has fallen to 1e-6 of a distance.
    points : int
    progress : callable, optional
        Called now and then with the share of the work that is done, a number that grows to 1.

    Returns
    -------
    Density
        For alpha < 1 there are besides eigenvalues at 0 with weight 1 - alpha, which `rho` does not contain.

    Raises
    ------
    InputError
        Values out of their domain.

    Examples
    --------
    >>> curve = density(2, 1, 1.5, alpha=3.0, points=100)
    >>> curve.x.shape, curve.edge, round(curve.lambda_minus, 4)
    ((100,), 'sharp', -0.8126)
    """
    p, p_star, a = check_model(p, p_star, a)
    alpha = check_alpha(alpha)
    lambda_minus, kind, _ = left_edge(p, p_star, a, alpha)
    if x is None:
        points = check_count("points", points, 2, POINTS_MAX)
        done = _Share(points // 3 + points, progress)
        x = lambda_minus + _grid(p, p_star, a, alpha, points, done)
        x = x[np.abs(x) >= _AT_ZERO]
    else:
        x = _points_given(x)
        done = _Share(len(x), progress)
    if alpha <= 1.0 and (np.abs(x) < _AT_ZERO).any():
        what = "diverges" if alpha == 1.0 else "is a peak of weight 1 - alpha"
        raise InputError(f"x = 0: at alpha = {alpha:g} the density {what} there; take points beside it")
    rho = np.zeros(len(x))
    inside = x > lambda_minus
    if inside.any():
        rho[inside] = np.maximum(0.0, -stieltjes(p, p_star, a, alpha, x[inside], done).imag / math.pi)
    return Density(x, rho, lambda_minus, kind, thinness(p, p_star, a, alpha))


class _Share:
    """Points done, told as a share of all of them."""

    def __init__(self, points: int, progress: Callable[[float], None] | None) -> None:
        self.points, self.progress, self.done = points, progress, 0

    def __call__(self, more: int) -> None:
        self.done += more
        if self.progress is not None:
            self.progress(min(1.0, self.done / self.points))


def _points_given(x: Any) -> Array:
    """Points as a new array; InputError unless they are a list of finite numbers."""
    refuse_masked(x, "x")
    try:
        given = np.asarray(x)
        if given.dtype.kind in "fiu" or not given.size:
            points = np.array(given, dtype=np.float64)
            if points.ndim == 1 and (np.abs(points) < 1e100).all():
                return points
    except (TypeError, ValueError, OverflowError):  # lists of different lengths, words
        pass
    raise InputError(f"x = {shown(x)}: a list of finite numbers is wanted")


def _grid(p: float, p_star: int, a: float, alpha: float, points: int, done: Callable[[int], None]) -> Array:
    """Distances from the edge as far as the tail has some weight: a third geometric, the rest where the weight is."""
    model = averages(p, p_star, a)
    lambda_minus = left_edge(p, p_star, a, alpha)[0]
    moments = model.moments(0.0).bulk  # <t[D]>, <t[D^2]>
    end = float(alpha * moments[0] - lambda_minus + 2.0 * math.sqrt(alpha * moments[1]))
    while end < 1e12:
        g = stieltjes(p, p_star, a, alpha, np.array([lambda_minus + end]))
        if -g[0].imag / math.pi * end < 1e-6:
            break
        end *= 1.5
    coarse = np.concatenate([[0.0], end * np.geomspace(1e-6, 1.0, max(2, points // 3))])
    rho = np.zeros(len(coarse))
    rho[1:] = -stieltjes(p, p_star, a, alpha, lambda_minus + coarse[1:], done).imag
    weight = np.concatenate([[0.0], np.cumsum(0.5 * (rho[1:] + rho[:-1]) * np.diff(coarse))])
    thin = thinness(p, p_star, a, alpha)
    near = np.zeros(0)
    if thin is not None:  # where rho falls from 1/7 of its size to exp(-40): evenly in 1/distance
        near = thin / np.linspace(40.0, 2.0, points // 5)
    inside = np.linspace(0.0, weight[-1], max(2, points - len(coarse) - len(near)) + 2)[1:-1]
    grid: Array = np.unique(np.concatenate([coarse, near, np.interp(inside, weight, coarse)]))
    return grid[grid <= end]
