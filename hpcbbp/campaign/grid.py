"""One [[grid]] of a campaign file: every combination of its lists."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hpcbbp.campaign.values import (
    MOST_POINTS,
    AlphaRange,
    Alphas,
    Constants,
    Count,
    Flag,
    Names,
    Number,
    Numbers,
    Pairs,
    Seeds,
    Sizes,
    Units,
    among,
    seed_range,
)
from hpcbbp.dynamics import Schedule
from hpcbbp.dynamics.instances import check_descent
from hpcbbp.errors import InputError
from hpcbbp.model.covariance import FEW, count_of
from hpcbbp.model.problem import Problem
from hpcbbp.model.words import PARTS, Parts
from hpcbbp.solvers.checks import check_means
from hpcbbp.solvers.methods import METHODS, STORAGES
from hpcbbp.solvers.point import Point
from hpcbbp.solvers.request import KEYS, Request, usual_block
from hpcbbp.theory.named import ROUGH, Model, transition_of

DEFERRED_FROM = 8000
"""Method "auto" takes deferred Krylov from this N on, where nothing but its outliers is wanted."""


class Grid(BaseModel):
    """One [[grid]] of a campaign file: every combination of its lists.

    Attributes
    ----------
    p, p_star : int or list of int
    a : float or list
    alpha : float, str, or list of both
        Numbers; "1.1 alpha_bbp"; ranges "0.5..1.5 alpha_bbp in 9" or "0.8..2.0 in 7" (9 values unless said).
    n : int or list
    seeds : int, str or table
        How many instances a point: independent ones at each point. "0..9": these seeds at every point. A table
        {400 = 24, 1200 = 10} gives the number for each N.
    method : {"auto", "stored", "dice", "deferred", "dense"}
        auto: deferred from N = 8000 on, unless more pairs than the p p* outliers are wanted. dense: the whole
        spectrum by LAPACK, so that phi is known and not only from the lowest pairs.
    storage : {"auto", "float64", "float32", "int16", "bf16", "int8"}
        auto: float32 for stored, float64 for dense; for dice and deferred what `tol` allows.
    nev : int or "all", optional
        Pairs computed (dense: recorded), p p* by default; "all" with dense alone.
    tol : float
    activation, loss, noise, link, estimator, covariance : str or list of str
        Of the model, by their names (`hpcbbp models`); the paper's by default. A loss without a constant takes no a.
    steps : int, optional
        Gradient descent from each instance's start, of so many steps (hpcbbp.dynamics.Schedule).
    eta, momentum, batch, overlap : float or list
    sphere : bool
        Of the descent, as `hpcbbp descend` has them.
    hessian_every : int, optional
        Steps between Hessians of the descent; none by default.

    Examples
    --------
    >>> grid = Grid(p=1, a=1.5, alpha=["1.5 alpha_bbp"], n=[100, 200], seeds=3, method="deferred")
    >>> grid.size()
    6
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    p: Units
    p_star: Units = Field(default=[1])
    a: Constants | None = None
    alpha: Alphas
    n: Sizes
    seeds: Seeds = 1
    method: Annotated[str, among("auto", *METHODS)] = "auto"
    storage: Annotated[str, among("auto", *STORAGES)] = "auto"
    nev: Pairs | None = None
    tol: Annotated[Number, Field(gt=0, lt=1)] = 1e-6
    activation: Names = Field(default=[Parts.activation])
    loss: Names | None = None
    noise: Names = Field(default=[Parts.noise])
    link: Names | None = None
    estimator: Names | None = None
    covariance: Names | None = None
    steps: Count | None = None
    eta: Constants = Field(default=[0.05])
    sphere: Flag = False
    momentum: Numbers = Field(default=[0.0])
    batch: Numbers = Field(default=[1.0])
    overlap: Numbers | None = None
    hessian_every: Count | None = None

    def size(self) -> int:
        """How many instances it has, without making them; InputError for seeds and alphas that are none."""
        if isinstance(self.seeds, dict):
            for n in self.seeds:
                if n not in self.n:
                    raise InputError(f"seeds: N = {n} is no N of the grid ({', '.join(map(str, self.n[:20]))})")
        lists = [getattr(self, name) for name in (*PARTS, "a")]
        combined = math.prod(len(values) for values in lists if values is not None)
        if combined > MOST_POINTS:  # before any of them is made
            raise InputError(f"{combined} combinations of a and parts of the model; at most {MOST_POINTS} instances")
        models = len(self.p) * len(self.p_star) * len(self.models())
        alphas = sum(AlphaRange.of(entry).count for entry in self.alpha)
        return models * alphas * len(self.descents()) * sum(self.instances(n) for n in self.n)

    def descents(self) -> list[Schedule | None]:
        """Every combination of what a descent is made of; one None where there is none."""
        names = ("eta", "sphere", "momentum", "batch", "overlap", "hessian_every")
        if self.steps is None:
            if alone := [name for name in names if name in self.model_fields_set]:
                raise InputError(f"{alone[0]} without steps: it belongs to a descent; say of how many steps")
            return [None]
        starts: Sequence[float | None] = self.overlap or [None]
        every = itertools.product(self.eta, [self.sphere], self.momentum, self.batch, starts)
        return [Schedule(self.steps, *values) for values in every]

    def instances(self, n: int) -> int:
        """How many instances each point of that N has."""
        if isinstance(self.seeds, str):
            seeds = seed_range(self.seeds)
            return seeds.stop - seeds.start  # len() ends at 2^63
        count = self.seeds if isinstance(self.seeds, int) else self.seeds.get(n, 0)
        if count < 1:
            raise InputError(f"seeds: {count} instances at N = {n}; at least 1 is wanted for every N")
        return count

    def points(self) -> Iterator[Point]:
        """Every combination; InputError for values that fit no model."""
        for p, p_star, (parts, a) in itertools.product(self.p, self.p_star, self.models()):
            model = p, p_star, a, str(parts)
            for alpha, n in itertools.product(self.alphas(model), self.n):
                problem = parts.problem(p, p_star, alpha, a)
                problem.samples(n)
                method, storage, nev, block = self._means(problem, n)
                for schedule in self.descents():
                    way = None if schedule is None else schedule.words
                    words = {**vars(parts), "block": block, "descent": way, "hessian_every": self.hessian_every}
                    for seed in self.seeds_at(model, alpha, n):
                        yield Point(p, p_star, a, alpha, n, seed, method, storage, nev, self.tol, **words)

    def models(self) -> list[tuple[Parts, float]]:
        """Every combination of activation, loss, noise and link, with the constants of the loss."""
        made = []
        names: list[Sequence[str | None]] = [getattr(self, name) or [None] for name in PARTS]
        for words in itertools.product(*names):
            parts = Parts.given(**dict(zip(PARTS, words, strict=True)))
            # With several losses a belongs to those that have it.
            several = self.loss is not None and len(self.loss) > 1
            constants: Sequence[float | None] | None = self.a if parts.has_constant or not several else None
            made += [(parts, parts.constant(a)) for a in constants or [None]]
        return made

    def alphas(self, model: Model) -> list[float]:
        """Numbers, in units of alpha_BBP or not, rounded to 1e-6."""
        ranges = [AlphaRange.of(entry) for entry in self.alpha]
        unit = transition_of(model, ROUGH).alpha_bbp if any(entry.in_units for entry in ranges) else 1.0
        return [value for entry in ranges for value in entry.values(unit if entry.in_units else 1.0)]

    def seeds_at(self, model: Model, alpha: float, n: int) -> Sequence[int]:
        """Seeds of the instances of one point."""
        p, p_star, a, *parts = model
        if isinstance(self.seeds, str):
            return seed_range(self.seeds)
        count = self.instances(n)
        # Another stretch of seeds at each point: error bars of different alpha are independent.
        words = " ".join([f"{p} {p_star} {a!r} {alpha!r} {n}", *filter(None, map(str, parts))]).encode()
        first = int.from_bytes(hashlib.sha256(words).digest()[:4], "big") << 16
        return [first + i for i in range(count)]

    def _means(self, problem: Problem, n: int) -> tuple[str, str, int, int | None]:
        """Method, storage, pairs and block of a point's instances; InputError for what does not go together.

        Deferred Krylov takes one vector a step by default, and where fewer outliers than p p* are asked for.
        """
        size, outliers = problem.p * n, problem.p * problem.p_star
        if self.nev == "all" and self.method != "dense":
            raise InputError('nev = "all" goes with method = "dense": other methods compute some pairs')
        nev = size if self.nev == "all" else min(outliers, size) if self.nev is None else self.nev
        if nev > size:
            raise InputError(f"nev = {nev}: the Hessian has only p N = {size} eigenpairs at p = {problem.p}, N = {n}")
        method = self.method
        if method == "auto":
            fits = count_of(problem.covariance, n) <= FEW
            method = "deferred" if n >= DEFERRED_FROM and nev <= outliers and fits else "stored"
        one = problem.p > 1 and (nev < outliers or usual_block(problem) == 1)
        block = 1 if method == "deferred" and (one or self.steps is not None) else None
        # A descent without Hessians solves nothing, to no tolerance.
        tol = self.tol if self.steps is None or self.hessian_every is not None else 0.5
        request = Request(problem, n, method=method, nev=nev, tol=tol, block=block)
        storage = METHODS[method].storage(request) if self.storage == "auto" else self.storage
        if self.steps is not None:
            storage = "float32" if storage == "int16" and self.storage == "auto" else storage
            check_descent(problem, method, storage, KEYS)
        check_means(replace(request, storage=storage), KEYS)
        return method, storage, nev, block
