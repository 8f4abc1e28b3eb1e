r"""Beyond a smooth edge, gamma > 1: the few samples that have a curvature below 1/g there, and what they do.

d < 1/g, g = -p gamma / 2, reads y > y_0(gamma, yhat) = c yhat + (a + c yhat)/(gamma - 1): the poles of E of
docs/theory.md (5). Averages over them are exponentially small near gamma = 1 and are taken here as they stand, to
full relative accuracy, where those of hpcbbp.theory.limit.contour lose them in rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hpcbbp.theory.limit.bulk import Averages
from hpcbbp.theory.limit.quadrature import chi2_rule

Array = NDArray[np.float64]


def _poles(model: Averages, c: float, gamma: float) -> tuple[Array, Array, Array]:
    """y_0 - c yhat, y_0 and weights at nodes yhat, which resolve scales of gamma - 1 besides a."""
    k = model.p if model.kinds[0][0] == 3.0 else math.inf
    finest = 4.0 ** math.floor(math.log(min(model.a, gamma - 1.0), 4.0))
    yhat, weights = chi2_rule(k, finest)
    above = (model.a + c * yhat) / (gamma - 1.0)
    return above, above + c * yhat, weights


def _density(p_star: int, y: Array) -> Array:
    """Of y ~ chi2_{p*}/p*."""
    half = 0.5 * p_star
    log: Array = math.log(half) + special.xlogy(half - 1.0, half * y) - half * y - special.gammaln(half)
    return np.exp(log)


@dataclass(frozen=True)
class Steep:
    """Samples whose smallest curvature is below 1/g.

    Attributes
    ----------
    fraction : float
        P(d_min < 1/g); alpha N times it are expected in an instance.
    slope : float
        d fraction / d gamma.
    label : float
        Mean y of samples whose smallest curvature is 1/g.
    """

    fraction: float
    slope: float
    label: float


def steep(model: Averages, gamma: float) -> Steep:
    """Fraction of samples with a curvature below 1/g, gamma > 1; the smallest is d0, but d1 for p = 1."""
    c = min(c for c, _ in model.kinds)
    above, pole, weights = _poles(model, c, gamma)
    half = 0.5 * model.p_star
    fraction = float(weights @ special.gammaincc(half, half * pole))
    density = weights * _density(model.p_star, pole) * above
    total = float(density.sum())
    label = float(density @ pole) / total if total > 0.0 else float(pole.min())
    return Steep(fraction, total / (gamma - 1.0), label)


def golden_rule(model: Averages, gamma: float, alpha: float, overlap2: float) -> float:
    """Width of the resonance to first order in it: docs/theory.md (12).

    alpha [ (1 - m^2) Im <t[E]> + m^2 Im <y t[E]> ] with the residues at y_0, each of them
    pi (2/p) (y_0 - c yhat)/(gamma - 1) times the density of y there.
    """
    total = 0.0
    for c, share in model.kinds:
        above, pole, weights = _poles(model, c, gamma)
        known = 1.0 - overlap2 + overlap2 * pole
        total += share * float(weights @ (_density(model.p_star, pole) * above * known))
    return alpha * math.pi * (2.0 / model.p) * total / (gamma - 1.0)
