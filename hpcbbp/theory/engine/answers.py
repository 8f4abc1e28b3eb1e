"""Theory at N = infinity for any model: edge, outliers, overlaps and thresholds, each with an estimate of its error.

Two answers on different nodes tell the error: a grid and one of two thirds of the step; or several scramblings of
Sobol points where p + p* is too large for a grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from hpcbbp.errors import InputError, shown
from hpcbbp.model.problem import Problem
from hpcbbp.theory.domain import check_alpha
from hpcbbp.theory.engine.limit import LeftEnd, Transform, pool
from hpcbbp.theory.engine.nodes import Nodes, grid, grid_size, sobol
from hpcbbp.theory.engine.support import Support
from hpcbbp.theory.finite.projections import check_widths

Array = NDArray[np.float64]

TOLERANCE = 1e-6
"""Of answers by a grid, absolute."""

_STEP, _FINER = 0.5, 2.0 / 3.0
_MOST = 3_000_000  # nodes of a grid
_SCRAMBLINGS, _LOG2 = 4, 17


@dataclass(frozen=True, eq=False)
class ModelSpectrum:
    """Left end of the spectrum of any model's Hessian at N = infinity.

    Attributes
    ----------
    alpha : float
    lambda_minus : float
        Left edge of the bulk.
    edge : {"sharp", "smooth"}
    eigenvalues : (r,) array
        Outliers below the edge, ascending, each as often as it occurs.
    overlap2, student_overlap2 : (r,) arrays
        m^2 with the teacher's and the student's weights.
    error : float
        Estimate of the error of all these numbers: the largest difference between two sets of nodes.
    nodes : int
        Of the finer one.
    """

    alpha: float
    lambda_minus: float
    edge: str
    eigenvalues: Array
    overlap2: Array
    student_overlap2: Array
    error: float
    nodes: int


@dataclass(frozen=True)
class ModelTransition:
    """Thresholds of any model at N = infinity.

    Attributes
    ----------
    alpha_bbp : float
        Above it there is an outlier.
    alpha_c : float or None
        Above it the edge is sharp, below smooth; None where it is sharp at every alpha that was tried.
    kind : {"continuous", "discontinuous"}
    jump_overlap2 : float
        m^2 just above alpha_bbp; 0 for a continuous transition.
    error : float
        Of alpha_bbp, estimated from two sets of nodes.
    """

    alpha_bbp: float
    alpha_c: float | None
    kind: str
    jump_overlap2: float
    error: float


class ModelTheory:
    """Theory at N = infinity for one model, whatever its alpha: docs/models.md.

    Nodes and the search for the lowest curvature are kept, so that several alphas cost little more than one.

    Parameters
    ----------
    problem : Problem
        p (p + p*) <= 400. Its alpha does not matter.
    tolerance : float
        Wanted of the error; a grid stops at three million nodes and then says what it has reached.

    Raises
    ------
    InputError
        Curvatures without a lower bound, or without any below 0; labels that the loss has no value for.
    """

    def __init__(self, problem: Problem, tolerance: float = TOLERANCE) -> None:
        if not isinstance(problem, Problem):
            raise InputError(f"problem = {shown(problem)}: a hpcbbp.Problem is wanted")
        check_widths(problem.p, problem.p_star)
        self.problem, self.tolerance = problem, tolerance
        self.support = Support(problem)
        self.support.check_bounded()
        self._nodes: dict[Any, Nodes] = {}

    @property
    def _by_grid(self) -> bool:
        return grid_size(self.problem, _STEP * _FINER**2) <= _MOST

    def _sets(self) -> Iterator[Nodes]:
        """Nodes, finer and finer; or scrambling by scrambling."""
        if not self._by_grid:
            for seed in range(_SCRAMBLINGS):
                yield self._kept(("sobol", seed), lambda seed=seed: sobol(self.problem, _LOG2, seed))  # type: ignore[misc]
            return
        step = _STEP
        while grid_size(self.problem, step) <= _MOST:
            yield self._kept(step, lambda step=step: grid(self.problem, step))  # type: ignore[misc]
            step *= _FINER

    def _kept(self, key: Any, make: Callable[[], Nodes]) -> Nodes:
        if key not in self._nodes:
            self._nodes[key] = make()
        return self._nodes[key]

    def _at(self, nodes: Nodes, alpha: float, threads: ThreadPoolExecutor) -> Transform:
        return Transform(nodes, alpha, self.support, threads)

    def spectrum(self, alpha: float) -> ModelSpectrum:
        """Edge and outliers at one alpha."""
        alpha = check_alpha(alpha)
        found: list[LeftEnd] = []
        nodes = None
        with pool() as threads:
            for nodes in self._sets():
                found.append(self._at(nodes, alpha, threads).left_end())
                if self._by_grid and len(found) > 1 and _apart(found[-2:]) <= self.tolerance:
                    break
        assert nodes is not None
        if self._by_grid:
            numbers, error = _numbers(found[-1]), _apart(found[-2:])
        else:
            error = _apart(found) / math.sqrt(len(found))
            numbers = np.mean([_numbers(at) for at in found], axis=0) if error < math.inf else _numbers(found[0])
        eigenvalues, overlap2, student = np.split(numbers[1:], 3)
        return ModelSpectrum(
            alpha, float(numbers[0]), found[-1].edge.kind, eigenvalues, overlap2, student, error, len(nodes)
        )

    def transition(self, lowest: float = 1e-2, highest: float = 1e4) -> ModelTransition:
        """Thresholds, where the first outlier appears as alpha grows; InputError if none does."""
        found: list[float] = []
        with pool() as threads:
            for nodes in self._sets():
                found.append(self._threshold(nodes, threads, lowest, highest, found[-1] if found else None))
                if self._by_grid and len(found) > 1 and abs(found[-1] - found[-2]) <= self.tolerance * found[-1]:
                    break
            at = self._at(nodes, found[-1] * (1 + 1e-9), threads).left_end()
            alpha_c = at.edge.alpha_c or self._alpha_c(nodes, threads, lowest, highest)
        best = found[-1] if self._by_grid else float(np.mean(found))
        error = abs(found[-1] - found[-2]) if self._by_grid else float(np.std(found, ddof=1)) / math.sqrt(len(found))
        jumps = at.edge.kind == "smooth"
        jump = float(at.overlap2.max(initial=0.0)) if jumps else 0.0
        return ModelTransition(best, alpha_c, "discontinuous" if jumps else "continuous", jump, error)

    def _threshold(
        self, nodes: Nodes, threads: ThreadPoolExecutor, lowest: float, highest: float, near: float | None
    ) -> float:
        def gap(log_alpha: float) -> float:
            return self._at(nodes, math.exp(log_alpha), threads).edge().gap

        if near is not None:
            low, high = math.log(near) - 0.05, math.log(near) + 0.05
            if not gap(low) > 0.0 > gap(high):
                near = None
        if near is None:
            low, high = self._bracket(gap, math.log(lowest), math.log(highest))
        return math.exp(float(brentq(gap, low, high, xtol=1e-11)))

    @staticmethod
    def _bracket(gap: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
        """Neighbouring points of a scan between which the gap first closes."""
        points = np.arange(low, high, math.log(1.5))
        before = points[0]
        if gap(before) <= 0.0:
            raise InputError(f"there is an outlier at alpha = {math.exp(before):g} already: no threshold above it")
        for point in points[1:]:
            if gap(point) <= 0.0:
                return float(before), float(point)
            before = point
        raise InputError(f"no outlier appears up to alpha = {math.exp(high):g}")

    def _alpha_c(self, nodes: Nodes, threads: ThreadPoolExecutor, lowest: float, highest: float) -> float | None:
        """Where the edge turns sharp; bisection, since the slope of a sharp edge is 0."""

        def smooth(log_alpha: float) -> bool:
            return self._at(nodes, math.exp(log_alpha), threads).edge().kind == "smooth"

        low, high = math.log(lowest), math.log(highest)
        if not smooth(low):
            return None
        while smooth(high):
            return math.inf
        while high - low > 1e-9:
            middle = 0.5 * (low + high)
            low, high = (middle, high) if smooth(middle) else (low, middle)
        return math.exp(0.5 * (low + high))


def _numbers(at: LeftEnd) -> Array:
    return np.concatenate([[at.edge.lambda_minus], at.eigenvalues, at.overlap2, at.student_overlap2])


def _apart(found: list[LeftEnd]) -> float:
    """Largest spread between answers; infinite where they differ in the number of outliers or kind of the edge."""
    if len({(at.edge.kind, len(at.eigenvalues)) for at in found}) > 1:
        return math.inf
    numbers = np.array([_numbers(at) for at in found])
    return float(np.ptp(numbers, axis=0).max())
