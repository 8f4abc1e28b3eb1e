"""What happens at every restart of SLEPc: it is told of, its test is set anew, and the state may be kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hpcbbp.operators.base import Operator
from hpcbbp.solvers.result import Step
from hpcbbp.solvers.slepc import leading
from hpcbbp.solvers.thick import Basis

Array = NDArray[np.float64]


class Watched(Protocol):
    """What a monitor asks of a search (hpcbbp.solvers.krylov.Search)."""

    operator: Operator
    tolerance: float
    relative: bool
    goal: float
    largest_seen: float
    history: list[Step]
    progress: Callable[[Step], None] | None

    @property
    def products(self) -> int:
        """Products made so far, checks not counted."""

    @property
    def unit(self) -> float:
        """What all numbers are multiples of."""

    @property
    def floor(self) -> float:
        """Residual below which none is followed."""

    @property
    def keeps(self) -> bool:
        """Whether states are kept."""

    def keep(self, known: Array, wanted: int, basis: Callable[[], Basis | None]) -> None:
        """Write the state if it is time; StoppedError if the solve is to stop. Collective."""


class Watch:
    """A monitor of SLEPc's, of one run.

    Its test is relative to |lambda|, which nothing can meet where lambda is 0: residuals there are compared with
    rounding instead.

    Parameters
    ----------
    search : Watched
        Whose run it is.
    known : (k, n_local) array
        Vectors found before, in whose complement the run is.
    """

    def __init__(self, search: Watched, known: Array) -> None:
        self.search, self.known = search, known
        self.restart = len(search.history)
        self.near_zero = False  # the test in force: of an absolute residual

    def __call__(self, eps: Any, its: int, nconv: int, values: list[Any], errors: list[float]) -> None:
        """As SLEPc calls it. Collective."""
        search, wanted = self.search, int(eps.getDimensions()[0])
        ritz = np.real(np.array(values))
        search.largest_seen = max([search.largest_seen, *np.abs(ritz)])
        estimates = np.array(errors[:wanted], dtype=float)
        if self.near_zero:
            estimates = estimates * search.tolerance / max(search.floor, 1e-300)
        self.tell(int(nconv), ritz[:wanted], estimates * (1.0 if search.relative else search.unit))
        if search.relative and nconv < min(wanted, len(ritz)):
            self._set_test(eps, abs(float(ritz[nconv])))
        if search.keeps and nconv < wanted and its < eps.getTolerances()[1]:  # else the run is over

            def basis() -> Basis | None:
                found = leading(eps, int(nconv), ritz, search.operator.group)
                return found and Basis(*found)

            search.keep(self.known, wanted, basis)

    def tell(self, converged: int, ritz: Array, estimates: Array) -> None:
        """Of a restart, whoever makes it."""
        search = self.search
        self.restart += 1
        step = Step(
            self.restart, search.products, len(self.known) + converged, tuple((ritz * search.unit).tolist()),
            tuple(estimates.tolist()),
        )  # fmt: skip
        search.history.append(step)
        if search.progress is not None:
            search.progress(step)

    def _set_test(self, eps: Any, size: float) -> None:
        """Of what is looked for next, an eigenvalue of this size."""
        search, tests, floor = self.search, type(eps).Conv, self.search.floor
        quick = search.operator.quick
        self.near_zero = (0.1 if quick else search.tolerance) * size < floor
        eps.setConvergenceTest(tests.ABS if self.near_zero else tests.REL)
        goal = max(search.goal, floor / max(size, 1e-300)) if quick else search.goal
        eps.setTolerances(floor if self.near_zero else goal, eps.getTolerances()[1])
