"""Theory of a model in words: closed forms for the paper's, the engine for any other.

What is asked for again is kept: campaigns, tables and pictures ask for the same points many times.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from hpcbbp import theory  # what it loads only when it is asked for
from hpcbbp.errors import InputError
from hpcbbp.model.words import Parts
from hpcbbp.theory.limit.outlier import Spectrum, spectrum
from hpcbbp.theory.limit.resonance import Resonance, resonance, resonance_end
from hpcbbp.theory.limit.transition import Transition, transition

if TYPE_CHECKING:
    from hpcbbp.theory.engine.answers import ModelTheory
    from hpcbbp.theory.finite.effective import EffectiveSize, EffectiveThreshold

Model = tuple[float, int, float] | tuple[float, int, float, str]
"""p, p*, a and the words of Parts: none or empty for the paper's model, which alone has p = inf."""

FINE, ROUGH = 1e-6, 1e-4
"""Tolerances: of what is asked for itself, and of what stands beside instances, whose errors are larger."""

NO_RESONANCE = "what the outlier is below alpha_BBP is known for the paper's model alone"
"""Why other models have none."""


def _four(model: Model) -> tuple[float, int, float, str]:
    return model if len(model) == 4 else (*model, "")


def is_the_papers_own(model: Model) -> bool:
    """Whether closed forms know it."""
    return not _four(model)[3]


def spectrum_of(model: Model, alpha: float, tolerance: float = FINE) -> Spectrum:
    """Left edge, outliers and overlaps at N = infinity; of other models to a tolerance, if it can be reached."""
    p, p_star, a, parts = _four(model)
    return _spectrum(model, alpha, tolerance) if parts else spectrum(p, p_star, a, alpha)


@lru_cache(maxsize=4096)
def known_spectrum_of(model: Model, alpha: float) -> Spectrum:
    """The same, for tables and pictures of instances; not a number where a model has no left edge at N = infinity."""
    try:
        return spectrum_of(model, alpha, ROUGH)
    except InputError:
        if is_the_papers_own(model):
            raise
        return Spectrum(alpha, math.nan, "none", None, math.nan, math.nan, math.nan)


def transition_of(
    model: Model, tolerance: float = FINE, progress: Callable[[float], None] | None = None
) -> Transition:
    """Thresholds at N = infinity; InputError where a model has none. What takes long tells its share that is done."""
    p, p_star, a, parts = _four(model)
    return _transition(model, tolerance, progress) if parts else transition(p, p_star, a)


@lru_cache(maxsize=256)
def known_transition_of(model: Model) -> Transition | None:
    """Thresholds, for tables and pictures of instances; None where a model has none, or has no left edge."""
    try:
        return transition_of(model, ROUGH)
    except InputError:
        return None


def alpha_bbp_of(model: Model) -> float:
    """alpha_BBP; not a number where there is none."""
    at = known_transition_of(model)
    return math.nan if at is None else at.alpha_bbp


def resonance_of(model: Model, alpha: float) -> Resonance:
    """The outlier below alpha_BBP, or why there is none."""
    p, p_star, a, parts = _four(model)
    return Resonance(alpha, None, None, None, None, NO_RESONANCE) if parts else resonance(p, p_star, a, alpha)


def resonance_end_of(model: Model) -> float | None:
    """The smallest alpha with a resonance."""
    p, p_star, a, parts = _four(model)
    return None if parts else resonance_end(p, p_star, a)


def effective_threshold_of(model: Model, n: int) -> EffectiveThreshold:
    """alpha_BBP(N), or why there is none."""
    p, p_star, a, parts = _four(model)
    if parts:
        return theory.EffectiveThreshold(n, None, False, NO_RESONANCE)
    return theory.effective_threshold(p, p_star, a, n)


def effective_size_of(model: Model, alpha: float) -> EffectiveSize:
    """N up to which half of the outliers are seen, or why there is none."""
    p, p_star, a, parts = _four(model)
    return theory.EffectiveSize(alpha, None, NO_RESONANCE) if parts else theory.effective_size(p, p_star, a, alpha)


@lru_cache(maxsize=4096)
def known_overlap2_of(model: Model, alpha: float) -> float | None:
    """m^2 of the outlier at N = infinity, of the resonance below alpha_BBP; None without either."""
    limit = known_spectrum_of(model, alpha)
    if math.isnan(limit.lambda_minus):
        return None
    return resonance_of(model, alpha).overlap2 if limit.lambda_star is None else limit.overlap2


@lru_cache(maxsize=1)
def theory_of(model: Model, tolerance: float) -> ModelTheory:
    """The engine for a model; InputError for one without a left edge, or p = inf.

    The last one is kept, and no others: their nodes take memory.
    """
    p, p_star, a, parts = _four(model)
    if math.isinf(p):
        raise InputError(f"p = inf with {parts}: this limit is known for the paper's model alone")
    return theory.ModelTheory(Parts.of(parts).problem(int(p), p_star, 1.0, a), tolerance)


@lru_cache(maxsize=4096)
def _spectrum(model: Model, alpha: float, tolerance: float) -> Spectrum:
    return theory_of(model, tolerance).spectrum(alpha).named()


_transitions: dict[tuple[Model, float], Transition] = {}


def _transition(model: Model, tolerance: float, progress: Callable[[float], None] | None) -> Transition:
    if (model, tolerance) not in _transitions:
        found = theory_of(model, tolerance).transition(progress=progress)
        _transitions[model, tolerance] = Transition(
            found.alpha_c, found.alpha_bbp, found.kind, found.jump_overlap2, None, found.error
        )
    return _transitions[model, tolerance]
