"""What is asked of a method: one instance, and how far to solve it; and in whose words a refusal speaks of it."""

from __future__ import annotations

from dataclasses import dataclass

from hpcbbp.model.problem import Problem

DEFAULT_TOL = 1e-8
"""Relative residual that is asked for where nothing is said."""

BYTES = {"float64": 8, "float32": 4, "int16": 2, "bf16": 2, "int8": 1}
"""Of a number that X, or its images, are kept in."""


@dataclass(frozen=True)
class Request:
    """One instance to be solved, and by which method. Command line, campaign files and Python all come to this.

    `hpcbbp.solvers.checks.check` says whether it can work.

    Attributes
    ----------
    problem : Problem
    n : int
        N.
    seed : int
    method : str
        A name of `hpcbbp.solvers.methods.METHODS`.
    storage : {"float64", "float32", "int16", "bf16", "int8"}
        Numbers that X, or its images, are kept in.
    nev : int or None
        Pairs; None: what the method finds by default. Of a whole spectrum: None, all of them.
    tol : float
        Relative residual |H v - lambda v| / |lambda|.
    below : float or None
        All eigenvalues below this one and the next, in place of `nev`.
    verify : bool
        Search for copies of exactly multiple eigenvalues.
    block : int or None
        Vectors a step of deferred Krylov; None: `usual_block`.

    Examples
    --------
    >>> from hpcbbp.solvers.checks import check
    >>> check(Request(Problem(p=1, p_star=1, alpha=3.0, a=1.5), n=1000, method="dice", tol=1e-6)).name
    'dice'
    """

    problem: Problem
    n: int
    seed: int = 0
    method: str = "stored"
    storage: str = "float64"
    nev: int | None = None
    tol: float = DEFAULT_TOL
    below: float | None = None
    verify: bool = False
    block: int | None = None

    @property
    def m(self) -> int:
        """Samples, M."""
        return self.problem.samples(self.n)

    @property
    def outliers(self) -> int:
        """p p*, as many outliers as there may be."""
        return self.problem.p * self.problem.p_star

    @property
    def options(self) -> dict[str, object]:
        """What some methods take and others do not, None where it is not asked for."""
        return options_of(self.below, self.verify, self.block)

    @property
    def few(self) -> bool:
        """Whether a step of deferred Krylov has fewer vectors than there may be copies of the outlier."""
        return self.problem.p > 1 and self.vectors < self.outliers

    @property
    def vectors(self) -> int:
        """Of a step of deferred Krylov."""
        return self.block or usual_block(self.problem)


def usual_block(problem: Problem) -> int:
    """Vectors a step of deferred Krylov by default: p p*, or one where that is many times faster.

    Of an estimator left queries may coincide: then copies are exact, and asked for together.
    """
    outliers = problem.p * problem.p_star
    return 1 if problem.p > 1 and outliers > 2 and problem.estimator is None else outliers


def options_of(below: float | None, verify: bool, block: int | None) -> dict[str, object]:
    """Options that belong to some methods, by their names in Request; None: not asked for."""
    return {"below": below, "verify": verify or None, "block": block}


@dataclass(frozen=True)
class Words:
    """How a caller writes what he asks for: --tol 1e-06, tol = 1e-06, tol=1e-06.

    Attributes
    ----------
    option : bool
        Dashes before the name.
    between : str
        What stands between name and value.
    quote : str
        Around a value that is text.
    """

    option: bool
    between: str
    quote: str

    def __call__(self, name: str, value: object = None) -> str:
        """A name of Request, with its value if there is one."""
        shown = f"{'-' if len(name) == 1 else '--'}{name.replace('_', '-')}" if self.option else name
        if value is None or (self.option and value is True):
            return shown
        text = f"{self.quote}{value}{self.quote}" if isinstance(value, str) else f"{value:g}"
        return f"{shown}{self.between}{text}"

    def among(self, name: str, values: list[str]) -> str:
        """A name with several values that it may have."""
        return f"{self(name)}{self.between}{one_of([f'{self.quote}{value}{self.quote}' for value in values])}"


OPTIONS = Words(option=True, between=" ", quote="")
KEYS = Words(option=False, between=" = ", quote='"')
ARGUMENTS = Words(option=False, between="=", quote='"')
"""The command line's words, those of campaign files, and Python's."""


def one_of(names: list[str]) -> str:
    """Names as a choice: a, b or c."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
