r"""How far outliers scatter around the prediction of their sample: what X has besides its projections.

K of docs/theory.md fluctuates by its terms mu != nu, B_mu,nu = E_mu (x_mu'.R' x_nu') E_nu. For the sum over the p p*
copies of the outlier, with psi = alpha <y E (x) E> and -J = 1/g^2 - alpha <E (x) E> on matrices of each kind
(hpcbbp.theory.limit.modes):

    (21)  Var(mean of the p p* outliers | projections) =
           (2 m^4/(p^2 p* N)) [ psi_t^2/|j_t| + (p(p+1)/2 - 1) psi_s^2/|j_s| + (p(p-1)/2) psi_a^2/|j_a| ]

of docs/finite-n.md; for p = p* = 1 it is 2 |z'| (1 - m^2)^2 / N.
"""

from __future__ import annotations

import math

from hpcbbp.errors import InputError
from hpcbbp.theory.domain import check_alpha, check_model
from hpcbbp.theory.finite.projections import check_size
from hpcbbp.theory.limit.bulk import averages, left_edge
from hpcbbp.theory.limit.modes import modes, stiffness
from hpcbbp.theory.limit.outlier import outlier_gamma, overlap2


def outlier_std(p: int, p_star: int, a: float, alpha: float, n: int) -> float | None:
    """Standard deviation of the mean of the p p* outliers around the quenched prediction of their sample: (21).

    Parameters
    ----------
    p, p_star : int
        Hidden units, finite.
    a, alpha : float
    n : int
        N. The deviation falls as N^(-1/2).

    Returns
    -------
    float or None
        None where there is no outlier at N = infinity.

    Raises
    ------
    InputError
        Values out of their domain.

    Examples
    --------
    >>> outlier_std(1, 1, 1.5, alpha=6.0, n=400) / outlier_std(1, 1, 1.5, alpha=6.0, n=1600)
    2.0
    """
    units, p_star, a = check_model(p, p_star, a)
    if units == math.inf:
        raise InputError("p = inf: outliers fluctuate at a finite number of hidden units")
    alpha, size = check_alpha(alpha), check_size(n, int(units) + p_star)
    model = averages(units, p_star, a)
    gamma = outlier_gamma(model, alpha, left_edge(units, p_star, a, alpha)[2])
    if gamma is None:
        return None
    at, (plain, weighted) = model.moments(gamma), model.products(gamma)
    j, psi = stiffness(units, plain, at.g, alpha), modes(units, weighted)
    total = (
        psi.trace**2 / j.trace
        + (units * (units + 1.0) / 2.0 - 1.0) * psi.traceless**2 / j.traceless
        + units * (units - 1.0) / 2.0 * psi.antisymmetric**2 / j.antisymmetric
    )
    return alpha * overlap2(at, alpha) / units * math.sqrt(2.0 * total / (p_star * size))
