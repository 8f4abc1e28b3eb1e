"""The density of the bulk of any model at N = infinity: rho(x) = -(1/(pi p)) Im tr G(x + i0), Z(G) = x 1.

G is a multiple of 1 (even activations, p = 1) or has one value more, on (1, ..., 1): docs/models.md. At each x the
solution is followed down from above the real axis, where G is near 1/z, so that it is the one with Im G <= 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError
from hpcbbp.model.covariance import nodes_of
from hpcbbp.model.problem import Problem
from hpcbbp.theory.domain import check_alpha, check_count
from hpcbbp.theory.engine.answers import ModelTheory
from hpcbbp.theory.engine.nodes import Nodes, grid, grid_size, sobol
from hpcbbp.theory.engine.symmetric import Symmetries
from hpcbbp.theory.limit.density import POINTS_MAX

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_NODES = 60_000  # of the finer of the two sets of nodes, over all p eigenvalues
_LOG2 = 15
_HEIGHTS = 10.0 ** np.arange(1.0, -6.5, -0.75)  # above the real axis, in units of the distance of edge and mean
_NEWTON, _SETTLED = 40, 1e-11
_WEIGHT = 0.985  # of the bulk, that the points reach
_TOGETHER = 16


@dataclass(frozen=True, eq=False)
class ModelDensity:
    """Density of the bulk of any model at points x.

    Attributes
    ----------
    x, rho : (k,) arrays
    error : float
        Largest difference of rho between two sets of nodes.

    Examples
    --------
    >>> from scipy.integrate import trapezoid
    >>> flat = ModelDensity(x=np.linspace(0.0, 2.0, 5), rho=np.full(5, 0.5), error=0.0)
    >>> float(trapezoid(flat.rho, flat.x))
    1.0
    """

    x: Array
    rho: Array
    error: float


class _Equation:
    """Z(G) - x 1 on what the symmetries leave of G, and its derivatives, on given nodes.

    With G = a + b 11^T and R = D (1 - a D)^-1, diagonal where D is, E = R + b R 1 1^T R/(1 - b 1.R1).
    Where data have a covariance it is sum nu sigma/(x - kappa sigma) - G.
    """

    def __init__(self, nodes: Nodes, problem: Problem, alpha: float, even: bool) -> None:
        self.alpha, self.w, self.p = alpha, nodes.w, problem.p
        D = np.zeros((len(nodes), self.p, self.p))
        rows, columns = np.triu_indices(self.p)
        D[:, rows, columns] = nodes.D.T
        D[:, columns, rows] = nodes.D.T
        self.single = even or self.p == 1
        self.shares = np.ones(1) if self.single else np.array([1.0, self.p - 1.0]) / self.p
        """Of the trace: of (1, ..., 1), and of what is orthogonal to it."""
        self.d, axes = np.linalg.eigh(D)
        self.ones2 = axes.sum(axis=1) ** 2  # of 1 in the eigenvectors of D
        self.mean = alpha * float(self.w @ self.d.mean(axis=1))
        self.law = None if problem.covariance is None else nodes_of(problem.covariance)
        self.trace: Complex = np.zeros(0, dtype=complex)

    def __call__(self, g: Complex, z: complex) -> tuple[Complex, Complex]:
        """Values and derivatives, (c,) and (c, c), c = 1 or 2."""
        a, p = g[-1], self.p
        R = self.d / (1.0 - a * self.d)
        R2 = R * R
        if self.single:
            first, second = self.w @ R.mean(axis=1), self.w @ R2.mean(axis=1)
            kappa, by_g = (self.alpha * np.asarray(part, dtype=np.complex128) for part in ([first], [[second]]))
            return self._beside(g, kappa, by_g, z)
        b = (g[0] - g[1]) / p
        s1, s2, s3 = (np.einsum("mk,mk->m", self.ones2, power) for power in (R, R2, R2 * R))
        c = b / (1.0 - b * s1)
        one_E_one, one_E2_one = s1 / (1.0 - b * s1), s2 / (1.0 - b * s1) ** 2
        trace_E, trace_E2 = R.sum(axis=1) + c * s2, R2.sum(axis=1) + 2.0 * c * s3 + (c * s2) ** 2
        along, across = self.w @ one_E_one / p, (self.w @ (trace_E - one_E_one / p)) / (p - 1)
        # d/da and d/db of both; a = g_2, b = (g_1 - g_2)/p.
        by_a = [self.w @ one_E2_one / p, self.w @ (trace_E2 - one_E2_one / p) / (p - 1)]
        by_b = [self.w @ one_E_one**2 / p, self.w @ (one_E2_one - one_E_one**2 / p) / (p - 1)]
        slope = [[by_b[i] / p, by_a[i] - by_b[i] / p] for i in range(2)]
        kappa, by_g = (self.alpha * np.asarray(part, dtype=np.complex128) for part in ([along, across], slope))
        return self._beside(g, kappa, by_g, z)

    def _beside(self, g: Complex, kappa: Complex, slope: Complex, z: complex) -> tuple[Complex, Complex]:
        """The equation and its derivative, from kappa and its derivative in g."""
        if self.law is None:
            return 1.0 / g + kappa - z, np.asarray(slope - np.diag(g**-2.0), complex)
        values, shares = self.law
        inverse = 1.0 / (z - np.outer(values, kappa))
        value = (shares * values) @ inverse - g
        second = (shares * values**2) @ (inverse * inverse)
        self.trace = shares @ inverse  # of the resolvent at the last point
        return value, np.asarray(second[:, None] * slope - np.eye(len(g)), complex)

    def newton(self, g: Complex, z: complex) -> Complex | None:
        """Solution near g, None where there is none with Im <= 0."""
        for _ in range(_NEWTON):
            with np.errstate(all="ignore"):  # what goes astray is not finite, and seen below
                value, slope = self(g, z)
            try:
                step = np.linalg.solve(slope, value)
            except np.linalg.LinAlgError:
                return None
            if not np.isfinite(step).all() or not np.abs(g - step).min() > 0.0:
                return None
            g = g - step
            if np.abs(step).max() <= _SETTLED * np.abs(g).max():
                return g if (g.imag <= 1e-9 * np.abs(g)).all() else None
        return None

    def _resolvent(self, g: Complex, z: complex) -> Complex:
        """Traces of the resolvent that belong to a solution: G itself, for white data."""
        if self.law is None:
            return g
        self(g, z)
        return self.trace

    def down(self, x: float, scale: float) -> Complex | None:
        """Solution at x + i0, from high above it."""
        g: Complex | None = np.full(len(self.shares), 1.0 / (x + 1j * _HEIGHTS[0] * scale - self.mean))
        for height in (*_HEIGHTS, 0.0):
            assert g is not None
            g = self.newton(g, x + 1j * height * scale)
            if g is None:
                return None
        return g

    def rho(self, x: Array, scale: float, progress: Callable[[float], None] | None = None) -> Array:
        """Density at some points, NaN where it was not found."""
        found, near = np.full(len(x), math.nan), None
        for place, point in enumerate(x):
            g = None if near is None or not (near.imag < -1e-4 * np.abs(near)).all() else self.newton(near, point)
            if g is None or not (g.imag < 0.0).any():
                g = self.down(float(point), scale)
            near = g
            if g is not None:
                found[place] = max(0.0, -float(self.shares @ self._resolvent(g, point).imag) / math.pi)
            if progress is not None and place % _TOGETHER == 0:
                progress(place / len(x))
        return found


def model_density(
    theory: ModelTheory, alpha: float, points: int = 300, progress: Callable[[float], None] | None = None
) -> ModelDensity:
    """Density of the bulk between its left edge and where 98.5 % of it lie to the left.

    Parameters
    ----------
    theory : ModelTheory
    alpha : float
    points : int
        At least 10.
    progress : callable, optional
        Hears the share of the work that is done.

    Raises
    ------
    InputError
        Values out of their domain, or a density that was not found anywhere.

    Examples
    --------
    >>> from hpcbbp import Problem
    >>> theory = ModelTheory(Problem(p=1, p_star=1, alpha=6.0, a=1.5), tolerance=1e-3)
    >>> model_density(theory, alpha=6.0, points=10).x.shape
    (10,)
    """
    alpha, points = check_alpha(alpha), check_count("points", points, 10, POINTS_MAX)
    problem, even = theory.problem, Symmetries(theory.problem).student
    edge = theory.spectrum(alpha).lambda_minus
    coarse, fine = (_Equation(nodes, problem, alpha, even) for nodes in _two_sets(problem))
    scale = abs(fine.mean - edge)
    x = _points(coarse, edge, scale, points)
    rho = fine.rho(x, scale, progress)
    other = coarse.rho(x[:: max(1, points // 60)], scale)
    differences = np.abs(other - rho[:: max(1, points // 60)])
    if not np.isfinite(differences).any():
        raise InputError(f"alpha = {alpha:g}: the density of the bulk was not found")
    if progress is not None:
        progress(1.0)
    return ModelDensity(x, rho, float(np.nanmax(differences)))


def _two_sets(problem: Problem) -> tuple[Nodes, Nodes]:
    """A grid and a finer one as fine as there is room for; or two scramblings."""
    step = 0.5
    if grid_size(problem, step) * problem.p > _NODES:
        return sobol(problem, _LOG2, 0), sobol(problem, _LOG2, 1)
    while grid_size(problem, 0.75 * step) * problem.p <= _NODES:
        step *= 0.75
    return grid(problem, step / 0.75), grid(problem, step)


def _points(equation: _Equation, edge: float, scale: float, count: int) -> Array:
    """Denser at the edge, as far as most of the bulk reaches."""
    reach, mass, step = edge, 0.0, scale / 25.0
    whole = min(1.0, equation.alpha)
    while mass < _WEIGHT * whole and reach < edge + 400.0 * step:
        reach += step
        rho = equation.rho(np.array([reach - 0.5 * step]), scale)[0]
        mass += 0.0 if math.isnan(rho) else rho * step
    return edge + (reach - edge) * np.linspace(0.0, 1.0, count + 1)[1:] ** 2
