"""How far the Hessian of a rounded X is from that of the X it was made of, told by the pairs that were found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hpcbbp.operators.hessian import Hessian
from hpcbbp.solvers.result import EigenResult


def with_source(result: EigenResult, hessian: Hessian) -> EigenResult:
    """The same with source_residuals |H' v - lambda v|, a product with H' a pair. Collective.

    Parameters
    ----------
    result : EigenResult
    hessian : Hessian
        H', of X before it was rounded.
    """
    vectors = result.vectors.reshape(len(result.eigenvalues), -1)
    images = np.array([hessian.apply(vector) for vector in vectors]).reshape(vectors.shape)
    rest = images - result.eigenvalues[:, None] * vectors
    return replace(result, source_residuals=np.sqrt(hessian.data.group.sum((rest**2).sum(axis=1))))
