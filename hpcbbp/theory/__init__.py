"""Exact predictions: at N = infinity, and sample by sample at finite N (no MPI, no PETSc).

What compiles with numba is loaded only when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpcbbp.machine import lazy
from hpcbbp.theory.limit.boundary import a_c, p_c
from hpcbbp.theory.limit.outlier import Spectrum, spectrum
from hpcbbp.theory.limit.resonance import Resonance, resonance, resonance_end
from hpcbbp.theory.limit.transition import Transition, transition

if TYPE_CHECKING:
    from hpcbbp.theory.engine.answers import ModelSpectrum, ModelTheory
    from hpcbbp.theory.engine.compare import ModelTransition
    from hpcbbp.theory.engine.density import ModelDensity, model_density
    from hpcbbp.theory.finite.effective import EffectiveSize, EffectiveThreshold
    from hpcbbp.theory.finite.fluctuations import outlier_std
    from hpcbbp.theory.finite.quenched import Quenched
    from hpcbbp.theory.finite.sample import quenched, quenched_model, quenched_sample
    from hpcbbp.theory.finite.threshold import (
        effective_size,
        effective_threshold,
        fraction_seen,
    )
    from hpcbbp.theory.limit.density import Density, density
    from hpcbbp.theory.sampled.average import FiniteSize, finite_size
    from hpcbbp.theory.sampled.predict import predict
    from hpcbbp.theory.sampled.prediction import PredictedPoint, Prediction

__all__ = [
    "Density",
    "EffectiveSize",
    "EffectiveThreshold",
    "FiniteSize",
    "ModelDensity",
    "ModelSpectrum",
    "ModelTheory",
    "ModelTransition",
    "PredictedPoint",
    "Prediction",
    "Quenched",
    "Resonance",
    "Spectrum",
    "Transition",
    "a_c",
    "density",
    "effective_size",
    "effective_threshold",
    "finite_size",
    "fraction_seen",
    "model_density",
    "outlier_std",
    "p_c",
    "predict",
    "quenched",
    "quenched_model",
    "quenched_sample",
    "resonance",
    "resonance_end",
    "spectrum",
    "transition",
]

__getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "engine.answers": ["ModelSpectrum", "ModelTheory"],
        "engine.compare": ["ModelTransition"],
        "engine.density": ["ModelDensity", "model_density"],
        "sampled.average": ["FiniteSize", "finite_size"],
        "finite.fluctuations": ["outlier_std"],
        "sampled.predict": ["predict"],
        "sampled.prediction": ["PredictedPoint", "Prediction"],
        "finite.effective": ["EffectiveSize", "EffectiveThreshold"],
        "finite.quenched": ["Quenched"],
        "finite.sample": ["quenched", "quenched_model", "quenched_sample"],
        "finite.threshold": [
            "effective_size",
            "effective_threshold",
            "fraction_seen",
        ],
        "limit.density": ["Density", "density"],
    },
)
