"""Answers of several sets of nodes beside each other: how far apart they are, and their mean."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hpcbbp.theory.engine.limit import LeftEnd

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ModelTransition:
    """Thresholds of any model at N = infinity.

    Attributes
    ----------
    alpha_bbp : float
        Above it there is an outlier that knows the teacher; others, that know the student alone, may be there before.
    alpha_c : float or None
        Above it the edge is sharp, below smooth. None where two sets of nodes do not agree on one, as for an edge
        that is sharp at every alpha; and, for activations that are not even, at p > 1.
    kind : {"continuous", "discontinuous"}
    jump_overlap2 : float
        m^2 just above alpha_bbp; 0 for a continuous transition.
    error : float
        Largest difference of two sets of nodes in these numbers, relative for thresholds above 1.

    Examples
    --------
    >>> from hpcbbp import Problem
    >>> from hpcbbp.theory import ModelTheory
    >>> found = ModelTheory(Problem(p=1, p_star=1, alpha=6.0, a=1.5), tolerance=1e-3).transition()
    >>> found.kind, round(found.alpha_bbp, 2)
    ('discontinuous', 1.37)
    """

    alpha_bbp: float
    alpha_c: float | None
    kind: str
    jump_overlap2: float
    error: float


def agree(found: list[ModelTransition]) -> bool:
    """Whether alpha_c is the same on two sets of nodes: where it is none, it depends on them."""
    known = [at.alpha_c for at in found]
    if any(value is None for value in known):
        return False
    values = np.array(known, dtype=float)
    return bool(np.ptp(values) <= 1e-2 * values.min())


def mean(found: list[ModelTransition]) -> ModelTransition:
    """Of the answers of several scramblings, which are of one kind."""
    known = [at.alpha_c for at in found if at.alpha_c is not None]
    return replace(
        found[-1],
        alpha_bbp=float(np.mean([at.alpha_bbp for at in found])),
        alpha_c=float(np.mean(known)) if known else None,
        jump_overlap2=float(np.mean([at.jump_overlap2 for at in found])),
    )


def between(found: list[ModelTransition]) -> float:
    """Largest difference in any number; relative for thresholds above 1."""
    if len({at.kind for at in found}) > 1:
        return math.inf
    spreads = [
        float(np.ptp([at.alpha_bbp for at in found])) / max(1.0, found[-1].alpha_bbp),
        float(np.ptp([at.jump_overlap2 for at in found])),
    ]
    if agree(found):
        values = [float(at.alpha_c or 0.0) for at in found]
        spreads.append(float(np.ptp(values)) / max(1.0, values[-1]))
    return max(spreads)


def flat(at: LeftEnd) -> Array:
    """Of one answer: edge, outliers and both overlaps."""
    return np.concatenate([[at.edge.lambda_minus], at.eigenvalues, at.overlap2, at.student_overlap2])


def apart(found: list[LeftEnd]) -> float:
    """Largest spread between answers; infinite where they differ in the number of outliers or kind of the edge."""
    if len({(at.edge.kind, len(at.eigenvalues)) for at in found}) > 1:
        return math.inf
    numbers = np.array([flat(at) for at in found])
    return float(np.ptp(numbers, axis=0).max())
