"""What is asked of a method: one drawn instance, and how far to solve it."""

from __future__ import annotations

from dataclasses import dataclass

from hpcbbp.model.problem import Problem


@dataclass(frozen=True)
class Request:
    """One drawn instance to be solved.

    Attributes
    ----------
    problem : Problem
    n : int
        N.
    seed : int
    storage : {"float64", "float32", "int16"}
        Numbers that X, or its images, are kept in.
    nev : int or None
        Pairs; None: what the method finds by default. Of a whole spectrum: None, all of them.
    tol : float
        Relative residual |H v - lambda v| / |lambda|.
    """

    problem: Problem
    n: int
    seed: int = 0
    storage: str = "float64"
    nev: int | None = None
    tol: float = 1e-8

    @property
    def m(self) -> int:
        """Samples, M."""
        return self.problem.samples(self.n)

    @property
    def outliers(self) -> int:
        """p p*, as many outliers as there may be."""
        return self.problem.p * self.problem.p_star
