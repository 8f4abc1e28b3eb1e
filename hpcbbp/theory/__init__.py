"""Exact predictions: at N = infinity, and sample by sample at finite N (no MPI, no PETSc).

What compiles with numba is loaded only when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from hpcbbp.theory.limit.boundary import a_c, p_c
from hpcbbp.theory.limit.outlier import Spectrum, spectrum
from hpcbbp.theory.limit.transition import Transition, transition

if TYPE_CHECKING:
    from hpcbbp.theory.finite.average import FiniteSize, finite_size
    from hpcbbp.theory.finite.predict import PredictedPoint, Prediction, predict
    from hpcbbp.theory.finite.sample import Quenched, quenched, quenched_sample
    from hpcbbp.theory.limit.density import Density, density

__all__ = [
    "Density",
    "FiniteSize",
    "PredictedPoint",
    "Prediction",
    "Quenched",
    "Spectrum",
    "Transition",
    "a_c",
    "density",
    "finite_size",
    "p_c",
    "predict",
    "quenched",
    "quenched_sample",
    "spectrum",
    "transition",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "finite.average": ["FiniteSize", "finite_size"],
        "finite.predict": ["PredictedPoint", "Prediction", "predict"],
        "finite.sample": ["Quenched", "quenched", "quenched_sample"],
        "limit.density": ["Density", "density"],
    },
)
