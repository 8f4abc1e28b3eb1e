"""What is predicted at finite N, and its table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpcbbp.machine.optional import require
from hpcbbp.model.words import Parts
from hpcbbp.theory.finite.effective import EffectiveThreshold
from hpcbbp.theory.limit.outlier import Spectrum
from hpcbbp.theory.limit.resonance import Resonance
from hpcbbp.theory.limit.transition import Transition
from hpcbbp.theory.sampled.average import FiniteSize

if TYPE_CHECKING:
    import pandas as pd

_LIMITS = {"alpha_bbp": "alpha_bbp", "transition": "kind", "alpha_0": "alpha_0"}


@dataclass(frozen=True)
class PredictedPoint:
    """Predictions at one alpha and N, beside their limits.

    Attributes
    ----------
    found : FiniteSize
        Averages over samples of the projections.
    limit : Spectrum
        N = infinity at the same alpha.
    resonance : Resonance
        Of the outlier below alpha_BBP, N = infinity.
    outliers : int
        p p*.

    Examples
    --------
    >>> from hpcbbp.theory import predict
    >>> point = predict(1, 1, 1.5, alpha=6.0, n=500, samples=2).points[0]
    >>> point.outliers, abs(point.mean_overlap2 - point.limit.overlap2) < 0.3
    (1, True)
    """

    found: FiniteSize
    limit: Spectrum
    resonance: Resonance
    outliers: int

    @property
    def mean_overlap2(self) -> float:
        """m^2 of the limit, averaged over the lowest p p* = `outliers` vectors."""
        return self.limit.mean_overlap2(self.outliers)

    def to_dict(self) -> dict[str, Any]:
        """For JSON and CSV: alpha, the averages, limits (limit_...) and the resonance (resonance_...)."""
        return {
            "alpha": self.limit.alpha,
            **vars(self.found),
            "limit_lambda_minus": self.limit.lambda_minus,
            "limit_lambda_star": self.limit.lambda_star,
            "limit_overlap2": self.mean_overlap2,
            "resonance_lambda": self.resonance.lambda_r,
            "resonance_width": self.resonance.width,
            "resonance_overlap2": self.resonance.overlap2,
            "resonance_reason": self.resonance.reason or None,
        }


@dataclass(frozen=True)
class Prediction:
    """Predictions of one model at finite N.

    Attributes
    ----------
    p, p_star : int
    a : float
    parts : str
        Of the model, those that are not the paper's (hpcbbp.model.words).
    seed : int
        Sample i of each point has seed + i.
    transition : Transition or None
        At N = infinity, if there is one.
    points : tuple of PredictedPoint
        By N, then by alpha.
    effective : tuple of EffectiveThreshold
        alpha_BBP(N) of theory for each N asked for.

    Examples
    --------
    >>> from hpcbbp.theory import predict
    >>> found = predict(1, 1, 1.5, alpha=6.0, n=[200, 400], samples=2)
    >>> found.table()["n"].tolist(), found.transition.kind
    ([200, 400], 'discontinuous')
    """

    p: int
    p_star: int
    a: float
    parts: str
    seed: int
    transition: Transition | None
    points: tuple[PredictedPoint, ...]
    effective: tuple[EffectiveThreshold, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "p": self.p,
            "p_star": self.p_star,
            "a": self.a,
            **Parts.of(self.parts).unusual(),
            "seed": self.seed,
            **{name: getattr(self.transition, key, None) for name, key in _LIMITS.items()},
            "effective": [at.to_dict() for at in self.effective],
            "points": [point.to_dict() for point in self.points],
        }

    def table(self) -> pd.DataFrame:
        """One row a point, its columns those numbers of PredictedPoint.to_dict()."""
        require("a table of predictions", "figures")
        import pandas as pd

        return pd.DataFrame([point.to_dict() for point in self.points]).drop(columns="resonance_reason")
