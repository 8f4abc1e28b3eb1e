"""What a request will take: products, basis vectors, directions and bytes, the same for plans and for solves."""

from __future__ import annotations

import math
from functools import lru_cache

from hpcbbp.data.panels import NUMBERS as PANEL
from hpcbbp.data.single import CHUNK
from hpcbbp.machine import memory
from hpcbbp.model.covariance import count_of
from hpcbbp.solvers.eigen import default_ncv, default_nev
from hpcbbp.solvers.request import BYTES, Request
from hpcbbp.theory import spectrum
from hpcbbp.theory.domain import is_the_papers
from hpcbbp.theory.limit.density import thinness


def pairs(request: Request) -> int:
    """Pairs that SLEPc is asked for."""
    problem = request.problem
    return request.nev or default_nev(problem.p, problem.p_star, request.n)


def products(request: Request) -> float:
    """Products that SLEPc will make: 133 to 160 were seen for the outliers to 1e-6, 350 with pairs of the bulk."""
    nev = pairs(request)
    return 130.0 + 40.0 * nev + (100.0 if nev > request.outliers else 0.0)


def basis(request: Request) -> int:
    """Vectors of SLEPc's basis."""
    return default_ncv(pairs(request), request.problem.p * request.n)


def least_directions(request: Request) -> int:
    """Directions that deferred Krylov wants room for before it begins; it may meet more, and takes what is free.

    At alpha = 3, a = 1.5: 120 to 180 were seen for p = p* = 1, 300 for p = 2, p* = 1, until the outliers converge
    to 1e-6; with one vector a step 160 to 200 for p = 2, 360 to 480 for p = 4. Bulk pairs take many more.
    """
    problem, nev = request.problem, request.nev or request.outliers
    steps = 100 * problem.p * request.vectors if request.few else 100 * (1 + request.outliers)
    each = steps + problem.p + problem.p_star + nev * problem.p
    return min(request.n, each * count_of(problem.covariance, request.n))


def directions(request: Request) -> int:
    """Directions that deferred Krylov will meet: 45 p p* / gap^(1/2) to a tolerance of 1e-4.

    The gap between outlier and bulk decides, as for every Krylov method: k gap^(1/2)/(p p*) was 42 to 45 for p = 1
    and 2 at alpha = 3, 32 to 52 nearer to the transition. Without an outlier it is the distance between the lowest
    eigenvalues, about N^(-2/3) at a sharp edge and A/(log N)^2 at a smooth one. With fewer vectors b a step than
    p p* it is 30 p b / gap^(1/2).
    """
    problem, n = request.problem, request.n
    model = (problem.p, problem.p_star, problem.a, problem.alpha)
    asked = 45.0 * max(request.nev or 0, request.outliers)  # a step asks about p p* pairs at least
    if request.few:
        asked = 30.0 * problem.p * max(request.vectors, (request.nev or 0) / request.outliers)
    gaps = (_gap(*model), _edge_gap(*model, n)) if is_the_papers(problem) else (_USUAL_GAP, n ** (-2 / 3))
    steps = asked * (math.log(1 / request.tol) + 2) / (math.log(1e4) + 2) / math.sqrt(max(gaps))
    return min(n, (math.ceil(steps) + problem.p + problem.p_star) * count_of(problem.covariance, n))


_USUAL_GAP = 0.05
"""Of other models, whose theory takes seconds a point: estimates of campaigns learn from what was computed."""


@lru_cache(maxsize=4096)
def _gap(p: int, p_star: int, a: float, alpha: float) -> float:
    at = spectrum(p, p_star, a, alpha)
    return 0.0 if at.lambda_star is None else at.lambda_minus - at.lambda_star


@lru_cache(maxsize=4096)
def _edge_gap(p: int, p_star: int, a: float, alpha: float, n: int) -> float:
    thin = thinness(p, p_star, a, alpha)
    return float(n ** (-2 / 3)) if thin is None else max(thin / math.log(n) ** 2, n ** (-2 / 3))


def stored_bytes(request: Request, ranks: int) -> int:
    """Bytes of the largest rank with its rows of X in memory, and what a product needs."""
    problem, size = request.problem, BYTES[request.storage]
    scales = 4 * -(-request.m // ranks) * -(-request.n // CHUNK) if request.storage != "float64" else 0
    rows = memory.stored_solve(request.n, request.m, problem.p, problem.p_star, size, basis(request), ranks)
    return rows + scales


def regenerated_bytes(request: Request, ranks: int) -> int:
    """Bytes of the largest rank with no rows of X but those of a panel, and what a product needs."""
    problem, panel = request.problem, 12 * max(PANEL, 8 * request.n)
    return panel + memory.stored_solve(request.n, request.m, problem.p, problem.p_star, 0, basis(request), ranks)


def dice_bytes(request: Request, ranks: int) -> int:
    """Bytes of the largest rank with what its products will have revealed, on both sides."""
    problem, size = request.problem, BYTES[request.storage]
    return memory.dice_solve(
        request.n, request.m, problem.p, problem.p_star, size, basis(request), math.ceil(products(request)), ranks
    )


def deferred_bytes(request: Request, ranks: int) -> tuple[int, int]:
    """Bytes of the largest rank of deferred Krylov: those that do not grow, and those of a direction met."""
    size = BYTES[request.storage]
    return memory.deferred_solve(request.m, request.problem.p, request.vectors, size, ranks, left=request.few)


def spectrum_bytes(order: int) -> int:
    """Bytes of a rank that diagonalises a matrix of this order: H, its vectors, LAPACK's workspace, H v."""
    return 8 * 5 * order**2 + memory.PER_RANK


def dense_bytes(request: Request, ranks: int) -> int:
    """Bytes of the largest rank of a whole spectrum: the matrix with its vectors, and the rows of X in float64."""
    return spectrum_bytes(request.problem.p * request.n) + request.m * request.n * 16 // ranks
