"""What is known of alpha_BBP(N) and of its inverse, N(alpha)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EffectiveThreshold:
    """alpha_BBP(N) of one model.

    Attributes
    ----------
    n : int
    alpha : float or None
        Where the fraction asked for (one half) of the p p* outliers of instances is seen; None where (13) does not
        hold.
    trusted : bool
        Whether the shift and the width of the resonance are small enough for the first order; docs/finite-n.md says
        how far alpha is from averages over sampled projections.
    reason : str
        Why there is no alpha; empty if there is one.

    Examples
    --------
    >>> from hpcbbp.theory import effective_threshold
    >>> effective_threshold(2, 1, 1.5, n=10**12).to_dict()["trusted"]
    True
    """

    n: int
    alpha: float | None
    trusted: bool
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"n": self.n, "alpha_bbp_n": self.alpha, "trusted": self.trusted, "reason": self.reason or None}


@dataclass(frozen=True)
class EffectiveSize:
    """N(alpha), the inverse of alpha_BBP(N).

    Attributes
    ----------
    alpha : float
    n : float or None
        N at which half of the outliers of this alpha are seen; fewer are at larger N.
    reason : str
        Why there is none; empty if there is one.
    trusted : bool
        As that of EffectiveThreshold.

    Examples
    --------
    >>> from hpcbbp.theory import effective_size
    >>> effective_size(2, 1, 1.5, alpha=2.0).n is None  # seen at any N
    True
    """

    alpha: float
    n: float | None
    reason: str
    trusted: bool = False
