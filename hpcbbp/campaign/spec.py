"""Campaign files: TOML, checked by pydantic, to a list of points."""

from __future__ import annotations

import difflib
import hashlib
import itertools
import math
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from hpcbbp.campaign.text import text_of
from hpcbbp.campaign.values import (
    MOST_POINTS,
    AlphaRange,
    Alphas,
    Constants,
    Interval,
    Names,
    Number,
    Pairs,
    Ranks,
    Seconds,
    Seeds,
    Sizes,
    Units,
    among,
    plain,
    seed_range,
)
from hpcbbp.errors import InputError, shown
from hpcbbp.model.covariance import FEW, count_of
from hpcbbp.model.problem import Problem
from hpcbbp.model.words import PARTS, Parts
from hpcbbp.solvers.checks import check_means
from hpcbbp.solvers.deferred import INTERVAL
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
        return models * alphas * sum(self.instances(n) for n in self.n)

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
                words = {**vars(parts), "block": block}
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
        block = 1 if method == "deferred" and one else None
        request = Request(problem, n, method=method, nev=nev, tol=self.tol, block=block)
        storage = METHODS[method].storage(request) if self.storage == "auto" else self.storage
        check_means(replace(request, storage=storage), KEYS)
        return method, storage, nev, block


class Campaign(BaseModel):
    """A campaign file.

    Attributes
    ----------
    name : str
        Of the files it leaves.
    ranks_per_instance : int
        Ranks that solve one instance together; the others solve other instances meanwhile.
    wall_time : float, optional
        Seconds (or "2 h") after which no new instance is started.
    core_hours : float, optional
        What is missing may not need more by the estimate.
    checkpoint_every : float
        Seconds (or "10 min") between checkpoints of a long deferred instance; 0: after every step, of every one.
    grid : list of Grid
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
    ranks_per_instance: Ranks = 1
    wall_time: Seconds | None = None
    core_hours: Annotated[Number, Field(gt=0)] | None = None
    checkpoint_every: Interval = INTERVAL
    grid: Annotated[list[Grid], Field(min_length=1)]

    _source: str = PrivateAttr("")
    """The file it was read from, for what is found to be wrong only when its points are listed."""

    def size(self) -> int:
        """How many instances there are, without making them; InputError for more than a campaign may have."""
        count = sum(grid.size() for grid in self.grid)
        if count > MOST_POINTS:
            raise InputError(
                f"{self.name}: {count} instances; a campaign has at most {MOST_POINTS}: take fewer seeds or values, "
                "or several files"
            )
        return count

    def points(self, progress: Callable[[int, int], None] | None = None) -> list[Point]:
        """All points; InputError, naming the file, if two are the same, there are too many, or one cannot work.

        A listener is told now and then how many there are, and of how many.
        """
        try:
            return self._listed(progress)
        except InputError as error:
            raise InputError(f"{self._source}: {error}" if self._source else str(error)) from None

    def _listed(self, progress: Callable[[int, int], None] | None) -> list[Point]:
        total, made, seen = self.size(), list[Point](), set[Point]()
        for point in itertools.chain.from_iterable(grid.points() for grid in self.grid):
            if point in seen:
                raise InputError(
                    f"duplicate point: p = {point.p}, p* = {point.p_star}, a = {point.a:g}, alpha = {point.alpha:g}, "
                    f"N = {point.n}, seed {point.seed} appears twice"
                )
            seen.add(point)
            made.append(point)
            if progress is not None and (len(made) % 64 == 0 or len(made) == total):
                progress(len(made), total)
        return made


def load_campaign(path: Path) -> Campaign:
    """Read and check a campaign file.

    Raises
    ------
    InputError
        One line: the file, the key, what is wrong and what would be right.
    """
    return parse_campaign(text_of(path), str(path))


def parse_campaign(text: str, name: str) -> Campaign:
    """Check the text of a campaign file; errors name it as given."""
    try:
        made = Campaign.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise InputError(f"{name}: {_first(error)}") from None
    except ValueError as error:  # of syntax, and of integers with thousands of digits
        said = "an integer of thousands of digits" if "integer string conversion" in str(error) else error
        raise InputError(f"{name}: not a TOML file ({said})") from None
    except RecursionError:
        raise InputError(f"{name}: nested too deeply for a campaign file") from None
    made._source = name
    return made


def _first(error: ValidationError) -> str:
    """The first thing wrong, in one line."""
    what = error.errors()[0]
    place = [str(part) for part in what["loc"]]
    name = ".".join(part for part in place if not part.startswith(("function-", "list[", "constrained-")))
    if what["type"] == "extra_forbidden":
        model = Grid if place[0] == "grid" else Campaign
        near = difflib.get_close_matches(place[-1][:80], model.model_fields, n=1, cutoff=0.0)
        return f"unknown key {plain(name)}; the nearest known one is {near[0]}"
    if what["type"] == "missing":
        return f"{name} is missing"
    if what["type"] == "too_short":
        return f"{plain(name)} is empty: at least one {'[[grid]]' if name == 'grid' else 'value'} is wanted"
    return f"{plain(name)} = {shown(what['input'])}: {what['msg'].removeprefix('Value error, ')}"
