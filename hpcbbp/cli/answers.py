"""What `hpcbbp theory` and `hpcbbp density` answer, as JSON has it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hpcbbp.errors import InputError
from hpcbbp.machine.jsonable import hidden_units
from hpcbbp.model.words import Parts
from hpcbbp.theory import Spectrum, a_c, density, model_density, p_c, transition
from hpcbbp.theory.limit.outlier import CLOSED
from hpcbbp.theory.limit.transition import thresholds
from hpcbbp.theory.named import (
    FINE,
    Model,
    effective_size_of,
    effective_threshold_of,
    is_the_papers_own,
    resonance_end_of,
    resonance_of,
    spectrum_of,
    theory_of,
    transition_of,
)

Part = Callable[[str], Callable[[float], None]]


def theory_answer(model: Model, alphas: Sequence[float], sizes: Sequence[int], part: Part) -> dict[str, Any]:
    """Thresholds of a model, its spectrum at each alpha, alpha_BBP(N) for each N.

    part(label) hears how far each of the 1 + len(alphas) things is that may take long.

    Raises
    ------
    InputError
        Values out of their domain, or a model without a left edge.
    """
    p, p_star, a = model[:3]
    found = _of_the_papers(p, p_star, a) if is_the_papers_own(model) else _thresholds(model, part("thresholds"))
    return {
        **_named(model),
        **found,
        "points": [_point(model, _told(model, alpha, part)) for alpha in alphas],
        "resonance_end": resonance_end_of(model),
        "effective": [effective_threshold_of(model, size).to_dict() for size in sizes],
    }


def _named(model: Model) -> dict[str, Any]:
    """What a model is called; a is null for a loss that has none."""
    p, p_star, a, *words = model
    parts = Parts.of("".join(map(str, words)))
    return {"p": hidden_units(p), "p_star": p_star, "a": a if parts.has_constant else None, **parts.unusual()}


def _told(model: Model, alpha: float, part: Part) -> Spectrum:
    heard = part(f"alpha = {alpha:g}")
    at = spectrum_of(model, alpha)
    heard(1.0)
    return at


def _of_the_papers(p: float, p_star: int, a: float) -> dict[str, Any]:
    at = transition(p, p_star, a)
    return {
        **thresholds(at), "threshold_error": at.error, "threshold_reason": None,
        "a_c": a_c(p, p_star), "p_c": p_c(a, p_star),
    }  # fmt: skip


def _thresholds(model: Model, heard: Callable[[float], None]) -> dict[str, Any]:
    """Of another model, null with a reason where there are none; what has no left edge at all is refused."""
    theory_of(model, FINE)  # refused here, whatever else may be missing
    none = dict.fromkeys(("alpha_c", "alpha_bbp", "transition", "jump_overlap2", "alpha_0", "threshold_error"))
    beyond = {"a_c": None, "p_c": None}
    try:
        at = transition_of(model, progress=heard)
    except InputError as error:
        return {**none, "threshold_reason": str(error), **beyond}
    wrong = at.error if math.isfinite(at.error) else None
    return {**thresholds(at), "threshold_error": wrong, "threshold_reason": None, **beyond}


def _point(model: Model, at: Spectrum) -> dict[str, Any]:
    """One alpha."""
    size = effective_size_of(model, at.alpha)
    return {
        "alpha": at.alpha,
        "lambda_minus": at.lambda_minus,
        "edge": at.edge,
        "lambda_star": at.lambda_star,
        "overlap2": at.overlap2,
        "student_overlap2": at.student_overlap2,
        "error": at.error if math.isfinite(at.error) else None,
        "outliers": [
            {"eigenvalue": one.eigenvalue, "overlap2": one.overlap2, "student_overlap2": one.student_overlap2}
            for one in at.outliers
        ],
        **resonance_of(model, at.alpha).to_dict(),
        "effective_n": size.n,
        "effective_n_trusted": size.trusted,
        "effective_n_reason": size.reason or None,
    }


def density_answer(model: Model, alphas: Sequence[float], points: int, part: Part) -> dict[str, Any]:
    """Curves of the bulk's density; part(label) hears how far each of them is.

    Raises
    ------
    InputError
        Values out of their domain, or a model without a left edge.
    """
    limits = [spectrum_of(model, alpha) for alpha in alphas]  # all refused before any is computed
    curve = _closed_curve if is_the_papers_own(model) else _any_curve
    return {
        **_named(model),
        "curves": [
            {
                "alpha": limit.alpha,
                "lambda_minus": limit.lambda_minus,
                "edge": limit.edge,
                **curve(model, limit.alpha, points, part(f"alpha = {limit.alpha:g}")),
                "weight_at_zero": max(0.0, 1.0 - limit.alpha),
                "lambda_star": limit.lambda_star,
                "overlap2": limit.overlap2,
            }
            for limit in limits
        ],
    }


def _closed_curve(model: Model, alpha: float, points: int, heard: Callable[[float], None]) -> dict[str, Any]:
    """Of the paper's model."""
    bulk = density(*model[:3], alpha, points=points, progress=heard)
    tail = "D has no upper bound: the right tail has no edge"
    return {
        "thinness": bulk.thinness,
        "lambda_plus": None,
        "lambda_plus_reason": tail if model[0] < math.inf else "not computed at p = inf, where D <= 2/a",
        "error": CLOSED,
        "x": bulk.x.tolist(),
        "rho": bulk.rho.tolist(),
    }


def _any_curve(model: Model, alpha: float, points: int, heard: Callable[[float], None]) -> dict[str, Any]:
    """Of another model."""
    bulk = model_density(theory_of(model, FINE), alpha, points, heard)
    good = np.isfinite(bulk.rho)
    return {
        "thinness": None,
        "lambda_plus": None,
        "lambda_plus_reason": "not computed for other models than the paper's",
        "error": bulk.error,
        "x": bulk.x[good].tolist(),
        "rho": bulk.rho[good].tolist(),
    }
