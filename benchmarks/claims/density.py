"""Integrals of the density of the bulk."""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import simpson

from hpcbbp.theory import density, spectrum


def mass_below(model: tuple[int, int, float], alpha: float, x: float) -> float:
    """Integral of rho from lambda_- to x, over t, x = lambda_- + t^2: smooth at an edge like a square root."""
    left = spectrum(*model, alpha).lambda_minus
    t = np.linspace(0.0, math.sqrt(x - left), 401)
    rho = np.append(0.0, density(*model, alpha, x=left + t[1:] ** 2).rho)
    return float(simpson(2 * t * rho, x=t))
