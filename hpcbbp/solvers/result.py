"""What a solve gives back: eigenpairs, how they were found, overlaps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcbbp.model.problem import Problem
from hpcbbp.solvers.cluster import Cluster, Known, cluster_of, separated
from hpcbbp.solvers.overlap import overlap2

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """One restart of SLEPc as its monitor reports it, or one step of deferred Krylov.

    Attributes
    ----------
    restart, products, converged : int
        Restarts, products with H and converged pairs so far.
    eigenvalues, estimates : tuple of float
        Current approximations and the solver's estimates of their residual norms (relative to |lambda| where
        the convergence test is).

    Examples
    --------
    >>> from hpcbbp import Problem, deferred_instance, solve_deferred
    >>> steps = []
    >>> instance = deferred_instance(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=500)
    >>> solution = solve_deferred(instance, tol=1e-3, progress=steps.append)
    >>> steps[-1].converged, steps[-1].estimates[0] < steps[0].estimates[0]
    (1, True)
    """

    restart: int
    products: int
    converged: int
    eigenvalues: tuple[float, ...]
    estimates: tuple[float, ...]


@dataclass(frozen=True)
class EigenResult:
    """Eigenpairs of a Hessian and how they were found.

    Attributes
    ----------
    eigenvalues : (k,) array
        Ascending (or in the order of the end of the spectrum asked for with PETSc options).
    residuals : (k,) array
        |H v - lambda v| for |v| = 1, from a product with v itself.
    converged : (k,) array of bool
        The residual reaches the tolerance times |lambda|, or rounding (1e-13 |H|), and the vector is none of the
        earlier pairs' again. It says that the pair is an eigenpair, not that none was missed: of an exactly multiple
        eigenvalue copies may be missing (see verified). Pairs with False are Ritz approximations.
    vectors : array
        Unit eigenvectors: (k, n_local, p), this rank's part, from SLEPc; (k, directions, p), coordinates in the
        basis of directions met so far, from deferred Krylov (docs/deferred.md).
    reason : str
        The solver's reason to stop, in words.
    products : int
        Products with H made by the solver (SLEPc: the k checks not counted).
    tolerance : float
        Residual norm, relative to |lambda|, that was asked for.
    history : tuple of Step
    seconds : float
        Wall-clock time of the solver, set-up of X not counted.
    provenance : dict
        Versions, commit, ranks, seed of the start vector.
    nev : int or None
        Pairs asked for; None: as many as there are here.
    verified : bool or None
        Whether the complement of the pairs was searched and nothing lower was left there; None: not asked for.
    found_by_verification : int
        Pairs that this search has added.
    source_residuals : (k,) array or None
        Where X is a rounded copy of a user's own (bf16, int8): |H' v - lambda v| with the Hessian H' of X as it was.
        An eigenvalue of H' lies within that of lambda. None for all others.
    lowest : bool
        Whether the lowest pairs were asked for, and not those of another end with PETSc's options.

    Examples
    --------
    >>> from hpcbbp import Problem, deferred_instance, solve_deferred
    >>> eigen = solve_deferred(deferred_instance(Problem(p=1, p_star=1, alpha=6.0, a=1.5), n=500), tol=1e-3).eigen
    >>> bool(eigen.residuals[0] <= eigen.tolerance * abs(eigen.eigenvalues[0])), eigen.reason.split(":")[0]
    (True, 'converged')
    """

    eigenvalues: Array
    residuals: Array
    converged: NDArray[np.bool_]
    vectors: Array
    reason: str
    products: int
    tolerance: float
    history: tuple[Step, ...]
    seconds: float
    provenance: dict[str, Any]
    nev: int | None = None
    verified: bool | None = None
    found_by_verification: int = 0
    source_residuals: Array | None = None
    lowest: bool = True

    def __repr__(self) -> str:
        """What was found, in a line; never the arrays."""
        return f"EigenResult({self.brief()}, tolerance={self.tolerance:g}, products={self.products})"

    def brief(self) -> str:
        """How many pairs, how many of them converged, and the range of the eigenvalues."""
        count = len(self.eigenvalues)
        if not count:
            return "no pairs"
        ends = f"{self.eigenvalues[0]:.6g}" + (f" to {self.eigenvalues[-1]:.6g}" if count > 1 else "")
        return f"{count} pairs, {int(self.converged.sum())} converged, eigenvalues {ends}"

    def to_dict(self) -> dict[str, Any]:
        """Everything but the vectors, for JSON."""
        return {
            "eigenvalues": self.eigenvalues.tolist(),
            "residuals": self.residuals.tolist(),
            "source_residuals": None if self.source_residuals is None else self.source_residuals.tolist(),
            "converged": int(self.converged.sum()),
            "converged_flags": self.converged.tolist(),
            "nev": len(self.eigenvalues) if self.nev is None else self.nev,
            "found": len(self.eigenvalues),
            "verified": self.verified,
            "found_by_verification": self.found_by_verification,
            "tol": self.tolerance,
            "reason": self.reason,
            "products": self.products,
            "seconds": self.seconds,
            "history": [
                {"restart": step.restart, "products": step.products, "converged": step.converged}
                for step in self.history
            ],
            "provenance": self.provenance,
        }


@dataclass(frozen=True)
class Solution:
    """Eigenpairs of an instance with their overlaps.

    Attributes
    ----------
    problem : Problem
    n, m : int
        N and M.
    seed : int
    data : str
        What X was: the class of the data matrix, or "deferred".
    method : {"krylov-schur", "deferred", "dense"}
        The solver: stored and dice are both solved by Krylov-Schur.
    eigen : EigenResult
    teacher_overlaps : (k, p, p_star) array
        m_kl = v_k . w*_l / |w*_l| of each pair.
    student_overlaps : (k, p, p) array
        v_k . w_l / |w_l| of each pair.
    beyond : Known or None
        Ritz pairs behind these that the solve knows besides, however roughly.

    Examples
    --------
    >>> from hpcbbp import Problem, deferred_instance, solve_deferred
    >>> solution = solve_deferred(deferred_instance(Problem(p=2, p_star=1, alpha=6.0, a=1.5), n=500), tol=1e-3)
    >>> solution.overlap2.shape, solution.teacher_overlaps.shape, solution.cluster.pairs
    ((2,), (2, 2, 1), 2)
    >>> sorted(solution.to_dict())[:3]
    ['a', 'activation', 'alpha']
    """

    problem: Problem
    n: int
    m: int
    seed: int
    data: str
    method: str
    eigen: EigenResult
    teacher_overlaps: Array
    student_overlaps: Array
    beyond: Known | None = None

    def __repr__(self) -> str:
        """What was solved and found, in a line; never the arrays."""
        model = self.problem
        return (
            f"Solution(p={model.p}, p_star={model.p_star}, a={model.a:g}, alpha={model.alpha:g}, N={self.n}, "
            f"M={self.m}, seed={self.seed}, data={self.data}, method={self.method}: {self.eigen.brief()})"
        )

    @property
    def overlap2(self) -> Array:
        """m^2 = sum_kl m_kl^2 of each pair."""
        return overlap2(self.teacher_overlaps)

    @property
    def student_overlap2(self) -> Array:
        """Sum of the squared overlaps with the student's own weights, of each pair."""
        return overlap2(self.student_overlaps)

    @property
    def known(self) -> Known:
        """All Ritz pairs that are known, those asked for first."""
        pairs = Known(self.eigen.eigenvalues, self.eigen.residuals, self.overlap2)
        return pairs if self.beyond is None else pairs.then(self.beyond)

    @property
    def separated(self) -> list[bool]:
        """Whether the residual of each pair keeps it apart from all others that are known (cluster.py)."""
        return separated(self.known, len(self.eigen.eigenvalues))

    @property
    def cluster(self) -> Cluster | None:
        """Means over the p p* lowest pairs, where so many are known."""
        return cluster_of(self.known, self.problem.p * self.problem.p_star) if self.eigen.lowest else None

    def lowest(self, count: int) -> Solution:
        """The same with the first `count` pairs alone."""
        first: dict[str, Any] = {
            name: None if (values := getattr(self.eigen, name)) is None else values[:count]
            for name in ("eigenvalues", "residuals", "converged", "vectors", "source_residuals")
        }
        asked = None if self.eigen.nev is None else min(self.eigen.nev, count)
        return replace(
            self,
            eigen=replace(self.eigen, nev=asked, **first),
            beyond=self.beyond if count >= len(self.eigen.eigenvalues) else None,
            teacher_overlaps=self.teacher_overlaps[:count],
            student_overlaps=self.student_overlaps[:count],
        )

    def below(self, threshold: float) -> Solution:
        """The same with the pairs below a threshold, and the next."""
        return self.lowest(int((self.eigen.eigenvalues < threshold).sum()) + 1)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the vectors, for JSON."""
        problem, result = self.problem, self.eigen
        return {
            "data": self.data,
            "method": self.method,
            **problem.named(),
            "n": self.n,
            "m": self.m,
            "seed": self.seed,
            **result.to_dict(),
            "overlap2": self.overlap2.tolist(),
            "separated": self.separated,
            "cluster": None if self.cluster is None else asdict(self.cluster),
            "student_overlap2": self.student_overlap2.tolist(),
            "teacher_overlaps": self.teacher_overlaps.tolist(),
            "student_overlaps": self.student_overlaps.tolist(),
        }
