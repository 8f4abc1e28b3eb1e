"""What is known of the weights at each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.dynamics.schedule import Schedule
from hpcbbp.model.problem import Problem

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Moment:
    """Weights after `step` steps, and the loss they have.

    Attributes
    ----------
    step : int
    loss : float
        L, of all samples.
    overlaps : (p, p_star) array
        m_kl = w_k . w*_l / (|w_k| |w*_l|).
    norms2 : (p,) array
        |w_k|^2 / N.
    projections2 : (p,) array
        <s_k^2>, the mean over all samples.
    gradient_norm : float
        |grad L|, of the samples that count in the next step; along the sphere where weights stay there.

    Examples
    --------
    >>> at = Moment(0, 0.7, np.array([[0.6]]), np.array([1.0]), np.array([1.0]), 0.1)
    >>> at.overlap2
    0.36
    """

    step: int
    loss: float
    overlaps: Array
    norms2: Array
    projections2: Array
    gradient_norm: float

    @property
    def overlap2(self) -> float:
        """m^2, the mean over hidden units of sum_l m_kl^2."""
        return float((self.overlaps**2).sum(axis=1).mean())

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Moment:
        """Made of what to_dict returns."""
        return cls(
            int(values["step"]), float(values["loss"]), np.array(values["overlaps"], dtype=np.float64),
            np.array(values["norms2"], dtype=np.float64), np.array(values["projections2"], dtype=np.float64),
            float(values["gradient_norm"]),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "step": self.step, "loss": self.loss, "overlap2": self.overlap2, "norm2": float(self.norms2.mean()),
            "gradient_norm": self.gradient_norm, "overlaps": self.overlaps.tolist(), "norms2": self.norms2.tolist(),
            "projections2": self.projections2.tolist(),
        }  # fmt: skip


@dataclass(frozen=True)
class Landscape:
    """The k lowest eigenpairs of the Hessian at the weights after `step` steps.

    Attributes
    ----------
    step : int
    eigenvalues, residuals : (k,) arrays
    converged : (k,) array of bool
    overlap2, student_overlap2 : (k,) arrays
        sum_kl (v_k . w_l)^2 / |w_l|^2 with the teacher's weights, and with the present ones of the student.
    gradient_overlap : (k,) array
        |v . grad L| / |grad L|.
    reason : str
        Why the solve ended.
    products : int

    Examples
    --------
    >>> from hpcbbp import Problem
    >>> from hpcbbp.dynamics import Schedule, deferred_walk, descend
    >>> schedule = Schedule(steps=2, eta=0.02)
    >>> walk = deferred_walk(Problem(p=1, p_star=1, alpha=6.0, a=1.5), 200, schedule, hessians=2)
    >>> found = descend(walk, schedule, hessian_every=2, nev=1, tol=1e-3)
    >>> [at.step for at in found.landscapes], found.landscapes[0].eigenvalues.shape
    ([0, 2], (1,))
    """

    step: int
    eigenvalues: Array
    residuals: Array
    converged: NDArray[np.bool_]
    overlap2: Array
    student_overlap2: Array
    gradient_overlap: Array
    reason: str
    products: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Landscape:
        """Made of what to_dict returns."""
        arrays = ("eigenvalues", "residuals", "overlap2", "student_overlap2", "gradient_overlap")
        made: dict[str, Any] = {name: np.array(values[name], dtype=np.float64) for name in arrays}
        converged = np.array(values["converged"], dtype=bool)
        return cls(
            step=int(values["step"]), converged=converged, reason=str(values["reason"]),
            products=int(values["products"]), **made,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(self).items()
        }


@dataclass(frozen=True)
class Trajectory:
    """A descent, as far as it came.

    Attributes
    ----------
    problem : Problem
    n, m, seed : int
        N, M and the seed.
    data, storage : str
        How X was made, and the numbers that it, or its images, were kept in.
    schedule : Schedule
    moments : tuple of Moment
        Of steps 0, 1, ...
    landscapes : tuple of Landscape
        Of the steps they were asked for.
    reason : str
        Why it ended early; empty if it did not.
    seconds : float
        That this run took.
    resumed : int or None
        Steps that were taken from a checkpoint.
    provenance : dict
        Versions and ranks.

    Examples
    --------
    >>> from hpcbbp import Problem, gaussian_instance
    >>> from hpcbbp.dynamics import Schedule, descend
    >>> instance = gaussian_instance(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=100)
    >>> found = descend(instance, Schedule(steps=5, eta=0.02))
    >>> found.n, len(found.moments), len(found.landscapes)
    (100, 6, 0)
    """

    problem: Problem
    n: int
    m: int
    seed: int
    data: str
    storage: str
    schedule: Schedule
    moments: tuple[Moment, ...]
    landscapes: tuple[Landscape, ...]
    reason: str
    seconds: float
    resumed: int | None
    provenance: dict[str, Any]

    def __repr__(self) -> str:
        """What was descended and how far, in a line; never the arrays."""
        model, last = self.problem, self.moments[-1] if self.moments else None
        found = f"m^2 = {last.overlap2:.4g}, L/M = {last.loss / self.m:.4g}" if last is not None else "nothing"
        return (
            f"Trajectory(p={model.p}, p_star={model.p_star}, a={model.a:g}, alpha={model.alpha:g}, N={self.n}, "
            f"M={self.m}, seed={self.seed}, data={self.data}: {len(self.moments) - 1} of {self.schedule.steps} "
            f"steps, {found}{'; ' if self.reason else ''}{self.reason})"
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "data": self.data,
            "storage": self.storage,
            **self.problem.named(),
            "n": self.n,
            "m": self.m,
            "seed": self.seed,
            "schedule": asdict(self.schedule),
            "steps": [moment.to_dict() for moment in self.moments],
            "hessians": [landscape.to_dict() for landscape in self.landscapes],
            "reason": self.reason,
            "seconds": self.seconds,
            "resumed": self.resumed,
            "provenance": self.provenance,
        }
