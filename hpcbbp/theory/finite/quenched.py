"""What is predicted of one sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TRACY_WIDOM_MEAN, TRACY_WIDOM_STD = -1.2065335745820, 1.2679831
"""Of the largest eigenvalue of the Gaussian orthogonal ensemble in Airy units (Tracy, Widom 1996; Bornemann 2010)."""

TRACY_WIDOM_95 = 0.9793
"""Its 95th percentile: the lowest eigenvalue of a bulk without outlier lies further out than that in 5 of 100."""


@dataclass(frozen=True, eq=False)
class Quenched:
    """Left end of the spectrum of one sample's Hessian, as its projections predict it.

    Attributes
    ----------
    n, m : int
        N and M.
    edge : float
        The sample's left edge of the bulk.
    g_edge : float
        Stieltjes transform there, 1/d_min < g_edge < 0.
    edge_scale : float
        Unit of the lowest eigenvalues' own fluctuations at the edge, ~ N^(-2/3) at a sharp one: (20) of
        docs/finite-n.md.
    eigenvalues : (r,) array
        Outliers below the edge, ascending; r <= p (p + p*), possibly 0.
    overlap2 : (r,) array
        m^2 with the teacher, sum_kl (v_k . w*_l)^2 / N.
    student_overlap2 : (r,) array
        The same with the student's weights.

    Examples
    --------
    >>> from hpcbbp.theory import quenched_sample
    >>> found = quenched_sample(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=1000)
    >>> found.visible, found.lowest == found.eigenvalues[0], bool(found.separation[0] > 1)
    (True, True, True)
    """

    n: int
    m: int
    edge: float
    g_edge: float
    edge_scale: float
    eigenvalues: Array
    overlap2: Array
    student_overlap2: Array

    @property
    def separation(self) -> Array:
        """(edge - eigenvalue) / edge_scale of each outlier: in the unit in which the lowest of the bulk fluctuate."""
        return (self.edge - self.eigenvalues) / self.edge_scale

    @property
    def visible(self) -> bool:
        """Whether the lowest outlier lies further out than lambda_1 beyond a sharp edge does in 95 of 100 samples."""
        return bool((self.separation > TRACY_WIDOM_95).any())

    @property
    def lowest(self) -> float:
        """lambda_1: the lowest outlier; without one the edge, and what Tracy-Widom fluctuations add on average."""
        if len(self.eigenvalues):
            return float(self.eigenvalues[0])
        return self.edge - TRACY_WIDOM_MEAN * self.edge_scale
