"""Theory at N = infinity for any model: edge, outliers, overlaps and thresholds, each with an estimate of its error.

Two answers on different nodes tell the error: a grid and one of two thirds of the step; or several scramblings of
Sobol points where p + p* is too large for a grid.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from hpcbbp.errors import InputError, real_number, shown
from hpcbbp.model.problem import Problem
from hpcbbp.theory.domain import check_alpha
from hpcbbp.theory.engine import compare
from hpcbbp.theory.engine.compare import ModelTransition
from hpcbbp.theory.engine.limit import LeftEnd, Transform, pool
from hpcbbp.theory.engine.nodes import Nodes, grid, grid_size, sobol
from hpcbbp.theory.engine.support import Support
from hpcbbp.theory.engine.symmetric import Symmetries
from hpcbbp.theory.finite.projections import check_widths
from hpcbbp.theory.limit.outlier import Outlier, Spectrum

Array = NDArray[np.float64]

TOLERANCE = 1e-6
"""Of answers by a grid, absolute."""

_KNOWS, _SAME = 1e-9, 1e-7
"""m^2 above which an outlier knows the teacher, which parity makes 0 elsewhere; distance of its copies."""

_STEP, _FINER = 0.5, 2.0 / 3.0
_MOST = 4_000_000  # nodes of a grid
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

    Examples
    --------
    >>> from hpcbbp import Problem
    >>> found = ModelTheory(Problem(p=1, p_star=1, alpha=6.0, a=1.5), tolerance=1e-3).spectrum(alpha=6.0)
    >>> found.edge, found.eigenvalues.shape, round(float(found.overlap2[0]), 2)
    ('sharp', (1,), 0.53)
    """

    alpha: float
    lambda_minus: float
    edge: str
    eigenvalues: Array
    overlap2: Array
    student_overlap2: Array
    error: float
    nodes: int

    def named(self) -> Spectrum:
        """As the spectrum of the paper's model: lambda_star is the lowest outlier that knows the teacher."""
        found = tuple(map(Outlier, self.eigenvalues.tolist(), self.overlap2.tolist(), self.student_overlap2.tolist()))
        knows = [at for at in found if at.overlap2 > _KNOWS]
        copies = [at for at in knows if at.eigenvalue - knows[0].eigenvalue < _SAME * abs(self.lambda_minus)]
        return Spectrum(
            self.alpha,
            self.lambda_minus,
            self.edge,
            copies[0].eigenvalue if copies else None,
            float(np.mean([at.overlap2 for at in copies])) if copies else 0.0,
            float(np.mean([at.student_overlap2 for at in copies])) if copies else 0.0,
            self.error,
            found,
        )


class ModelTheory:
    """Theory at N = infinity for one model, whatever its alpha: docs/models.md.

    Nodes and the search for the lowest curvature are kept, so that several alphas cost little more than one.

    Parameters
    ----------
    problem : Problem
        p (p + p*) <= 400. Its alpha does not matter.
    tolerance : float
        Wanted of the error; a grid stops at four million nodes and then says what it has reached.

    Raises
    ------
    InputError
        Curvatures without a lower bound, or without any below 0; labels that the loss has no value for.

    Examples
    --------
    >>> from hpcbbp import Problem
    >>> from hpcbbp.model import registry
    >>> tanh = Problem(p=1, p_star=1, alpha=6.0, a=2.0, activation=registry.activation("tanh"))
    >>> found = ModelTheory(tanh, tolerance=1e-3).spectrum(alpha=6.0)
    >>> found.error < 1e-2
    True
    """

    def __init__(self, problem: Problem, tolerance: float = TOLERANCE) -> None:
        if not isinstance(problem, Problem):
            raise InputError(f"problem = {shown(problem)}: a hpcbbp.Problem is wanted")
        check_widths(problem.p, problem.p_star)
        wanted = real_number(tolerance)
        if wanted is None or not 0.0 < wanted < 1.0:
            raise InputError(f"tolerance = {shown(tolerance)}: a number between 0 and 1 is wanted, such as 1e-6")
        self.problem, self.tolerance = problem, wanted
        self.support, self.symmetries = Support(problem), Symmetries(problem)
        self.support.check_bounded()
        self._nodes: dict[Any, Nodes] = {}

    @property
    def _by_grid(self) -> bool:
        return grid_size(self.problem, _STEP * _FINER) <= _MOST

    def _sets(self) -> Iterator[Nodes]:
        """Nodes, finer and finer; or scrambling by scrambling."""
        if not self._by_grid:
            for seed in range(_SCRAMBLINGS):
                yield self._kept(("sobol", seed), partial(sobol, self.problem, _LOG2, seed))
            return
        step = _STEP
        while grid_size(self.problem, step) <= _MOST:
            yield self._kept(step, partial(grid, self.problem, step))
            step *= _FINER

    @property
    def _count(self) -> int:
        """Sets of nodes at most."""
        if not self._by_grid:
            return _SCRAMBLINGS
        sizes = (grid_size(self.problem, _STEP * _FINER**k) for k in itertools.count())
        return sum(1 for _ in itertools.takewhile(lambda size: size <= _MOST, sizes))

    def _kept(self, key: Any, make: Callable[[], Nodes]) -> Nodes:
        if key not in self._nodes:
            self._nodes[key] = make()
        return self._nodes[key]

    def _at(self, nodes: Nodes, alpha: float, threads: ThreadPoolExecutor) -> Transform:
        return Transform(nodes, alpha, self.support, self.symmetries, threads)

    def spectrum(self, alpha: float) -> ModelSpectrum:
        """Edge and outliers at one alpha."""
        alpha = check_alpha(alpha)
        found: list[LeftEnd] = []
        nodes = None
        with pool() as threads:
            for nodes in self._sets():
                found.append(self._at(nodes, alpha, threads).left_end())
                if self._by_grid and len(found) > 1 and compare.apart(found[-2:]) <= self.tolerance:
                    break
        assert nodes is not None
        if self._by_grid:
            numbers, error = compare.flat(found[-1]), compare.apart(found[-2:])
        else:
            error = compare.apart(found)
            numbers = (
                np.mean([compare.flat(at) for at in found], axis=0) if error < math.inf else compare.flat(found[0])
            )
        eigenvalues, overlap2, student = np.split(numbers[1:], 3)
        return ModelSpectrum(
            alpha, float(numbers[0]), found[-1].edge.kind, eigenvalues, overlap2, student, error, len(nodes)
        )

    def transition(
        self, lowest: float = 1e-2, highest: float = 1e4, progress: Callable[[float], None] | None = None
    ) -> ModelTransition:
        """Thresholds, where the first outlier that knows the teacher appears as alpha grows from `lowest`.

        It may take a minute, of which `progress` hears the share that is done.

        Raises
        ------
        InputError
            None appears up to `highest`, or one is there at `lowest` already.
        """
        lowest, highest = check_alpha(lowest), check_alpha(highest)
        if not lowest < highest:
            raise InputError(f"lowest = {lowest:g}, highest = {highest:g}: the first has to be the smaller one")
        found: list[ModelTransition] = []
        with pool() as threads:
            for nodes in self._sets():
                found.append(self._on(nodes, threads, (lowest, highest), found[-1] if found else None))
                if progress is not None:
                    progress(min(0.99, len(found) / self._count))
                if self._by_grid and len(found) > 1 and compare.between(found[-2:]) <= self.tolerance:
                    break
        compared = found[-2:] if self._by_grid else found
        error = compare.between(compared)
        answer = found[-1] if self._by_grid or error == math.inf else compare.mean(found)
        return replace(answer, error=error, alpha_c=answer.alpha_c if compare.agree(compared) else None)

    def _on(
        self, nodes: Nodes, threads: ThreadPoolExecutor, within: tuple[float, float], near: ModelTransition | None
    ) -> ModelTransition:
        """What one set of nodes says."""

        def gap(log_alpha: float, exact: bool = True) -> float:
            return self._at(nodes, math.exp(log_alpha), threads).edge(exact).gap

        ends = None
        if near is not None:
            ends = math.log(near.alpha_bbp) - 0.05, math.log(near.alpha_bbp) + 0.05
            if not gap(ends[0]) > 0.0 > gap(ends[1]):
                ends = None
        if ends is None:
            ends = _scanned(gap, *map(math.log, within))
        alpha = math.exp(float(brentq(gap, *ends, xtol=1e-3 * self.tolerance)))
        at = self._at(nodes, alpha * (1 + 1e-9), threads).left_end()
        jumps = at.edge.kind == "smooth"
        return ModelTransition(
            alpha,
            at.edge.alpha_c,
            "discontinuous" if jumps else "continuous",
            float(at.overlap2.max(initial=0.0)) if jumps else 0.0,
            math.inf,
        )


def _scanned(gap: Callable[..., float], low: float, high: float) -> tuple[float, float]:
    """Ends between which the gap closes, by a scan that knows few extreme samples, or else all."""
    try:
        ends = _bracket(gap, low, high)
        if gap(ends[0]) > 0.0 > gap(ends[1]):
            return ends
    except InputError:
        pass
    return _bracket(gap, low, high, exact=True)


def _bracket(gap: Callable[..., float], low: float, high: float, exact: bool = False) -> tuple[float, float]:
    """Neighbouring points of a scan between which the gap first closes."""
    points = [*np.arange(low, high, math.log(1.5)), high]
    if gap(points[0], exact) <= 0.0:
        raise InputError(f"an outlier knows the teacher at alpha = {math.exp(low):g} already: no threshold above it")
    for before, point in itertools.pairwise(points):
        if gap(point, exact) <= 0.0:
            return float(before), float(point)
    raise InputError(f"no outlier that knows the teacher appears up to alpha = {math.exp(high):g}")
