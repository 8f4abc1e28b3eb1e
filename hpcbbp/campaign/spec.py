"""Campaign files: TOML, checked by pydantic, to a list of points."""

from __future__ import annotations

import difflib
import hashlib
import math
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from hpcbbp.campaign.point import Point
from hpcbbp.errors import InputError
from hpcbbp.theory import transition

DEFERRED_FROM = 8000
"""Method "auto" takes deferred Krylov from this N on, where nothing but its outliers is wanted."""

_RANGE = re.compile(r"([0-9.eE+-]+?)\.\.([0-9.eE+-]+)( alpha_bbp)?(?: in ([0-9]+))?")
_VALUE = re.compile(r"([0-9.eE+-]+) alpha_bbp")
_SEEDS = re.compile(r"([0-9]+)\.\.([0-9]+)")
_TIME = re.compile(r"([0-9.]+) ?(s|min|h|d)")
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _seconds(value: Any) -> Any:
    if isinstance(value, str):
        found = _TIME.fullmatch(value.strip())
        if found is None:
            raise ValueError('a time is a number of seconds, or as "90 min", "2 h", "1 d"')
        return float(found[1]) * _SECONDS[found[2]]
    return value


def _whole(value: Any) -> Any:
    """10^5 may be written 1e5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Units = Annotated[list[Annotated[int, Field(ge=1, strict=True)]], BeforeValidator(_listed), Field(min_length=1)]
Sizes = Annotated[
    list[Annotated[int, BeforeValidator(_whole), Field(ge=2, strict=True)]],
    BeforeValidator(_listed),
    Field(min_length=1),
]
Constants = Annotated[
    list[Annotated[float, Field(gt=0, allow_inf_nan=False)]], BeforeValidator(_listed), Field(min_length=1)
]
Alphas = Annotated[list[float | str], BeforeValidator(_listed), Field(min_length=1)]


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
    storage : {"auto", "float64", "float32", "int16"}
        auto: float32 for stored and dice, float64 for dense; for deferred what `tol` allows.
    nev : int or "all", optional
        Pairs computed (dense: recorded), p p* by default; "all" with dense alone.
    tol : float
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    p: Units
    p_star: Units = Field(default=[1])
    a: Constants
    alpha: Alphas
    n: Sizes
    seeds: int | str | dict[str, int] = 1
    method: Literal["auto", "stored", "dice", "deferred", "dense"] = "auto"
    storage: Literal["auto", "float64", "float32", "int16"] = "auto"
    nev: Annotated[int, Field(ge=1)] | Literal["all"] | None = None
    tol: Annotated[float, Field(gt=0, lt=1)] = 1e-6

    def points(self) -> list[Point]:
        """Every combination; InputError for values that fit no model."""
        return [
            self._point(p, p_star, a, alpha, n, seed)
            for p in self.p
            for p_star in self.p_star
            for a in self.a
            for alpha in self.alphas(p, p_star, a)
            for n in self.n
            for seed in self.seeds_at(p, p_star, a, alpha, n)
        ]

    def alphas(self, p: int, p_star: int, a: float) -> list[float]:
        """Numbers, in units of alpha_BBP or not, rounded to 1e-6."""
        values: list[float] = []
        for entry in self.alpha:
            values += _alphas(entry, p, p_star, a)
        return [round(value, 6) for value in values]

    def seeds_at(self, p: int, p_star: int, a: float, alpha: float, n: int) -> list[int]:
        """Seeds of the instances of one point."""
        if isinstance(self.seeds, str):
            found = _SEEDS.fullmatch(self.seeds.strip())
            if found is None:
                raise InputError(f'seeds = "{self.seeds}": a number of instances, or a range of seeds as "0..9"')
            return list(range(int(found[1]), int(found[2]) + 1))
        count = self.seeds if isinstance(self.seeds, int) else self.seeds.get(str(n), 0)
        if count < 1:
            raise InputError(f"seeds: {count} instances at N = {n}; at least 1 is wanted for every N")
        # Another stretch of seeds at each point: error bars of different alpha are independent.
        words = f"{p} {p_star} {a!r} {alpha!r} {n}".encode()
        first = int.from_bytes(hashlib.sha256(words).digest()[:4], "big") << 16
        return [first + i for i in range(count)]

    def _point(self, p: int, p_star: int, a: float, alpha: float, n: int, seed: int) -> Point:
        if self.nev == "all" and self.method != "dense":
            raise InputError('nev = "all" goes with method = "dense": other methods compute some pairs')
        nev = p * n if self.nev == "all" else min(self.nev or p * p_star, p * n)
        method = self.method
        if method == "auto":
            method = "deferred" if n >= DEFERRED_FROM and nev == p * p_star else "stored"
        storage = self.storage
        if storage == "auto":
            storage = "float64" if method == "dense" else "float32"
            if method == "deferred" and self.tol < max(1e-7, 4e-4 / math.sqrt(n)):
                storage = "float64"
        return Point(p, p_star, a, alpha, n, seed, method, storage, nev, self.tol)


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

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    ranks_per_instance: Annotated[int, Field(ge=1)] = 1
    wall_time: Annotated[float, BeforeValidator(_seconds), Field(gt=0)] | None = None
    core_hours: Annotated[float, Field(gt=0)] | None = None
    checkpoint_every: Annotated[float, BeforeValidator(_seconds), Field(ge=0)] = 600.0
    grid: Annotated[list[Grid], Field(min_length=1)]

    def points(self) -> list[Point]:
        """All points; InputError if two are the same."""
        made = [point for grid in self.grid for point in grid.points()]
        seen: set[str] = set()
        for point in made:
            if point.key in seen:
                raise InputError(
                    f"duplicate point: p = {point.p}, p* = {point.p_star}, a = {point.a:g}, alpha = {point.alpha:g}, "
                    f"N = {point.n}, seed {point.seed} appears twice"
                )
            seen.add(point.key)
            point.problem.samples(point.n)
        return made


def _alphas(entry: float | str, p: int, p_star: int, a: float) -> list[float]:
    if isinstance(entry, str):
        single, spread = _VALUE.fullmatch(entry.strip()), _RANGE.fullmatch(entry.strip())
        try:
            if single is not None:
                return _positive([float(single[1]) * transition(p, p_star, a).alpha_bbp], entry)
            if spread is not None:
                low, high, count = float(spread[1]), float(spread[2]), int(spread[4] or 9)
                unit = transition(p, p_star, a).alpha_bbp if spread[3] else 1.0
                if low < high and count >= 2:
                    return _positive([unit * (low + (high - low) * i / (count - 1)) for i in range(count)], entry)
        except ValueError:
            pass
        raise InputError(f'alpha = "{entry}": as 1.5, "1.1 alpha_bbp", "0.5..1.5 alpha_bbp in 9" or "0.8..2.0 in 7"')
    return _positive([entry], entry)


def _positive(values: list[float], entry: object) -> list[float]:
    if not all(math.isfinite(value) and value > 0 for value in values):
        raise InputError(f"alpha = {entry}: alpha must be finite and > 0")
    return values


def load_campaign(path: Path) -> Campaign:
    """Read and check a campaign file.

    Raises
    ------
    InputError
        One line: the file, the key, what is wrong and what would be right.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        hint = "; mount its folder (apptainer --bind, docker -v) if it is there outside" if in_container() else ""
        raise InputError(f"{path}: cannot be read ({error.strerror}){hint}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a TOML file ({error})") from None
    return parse_campaign(text, str(path))


def in_container() -> bool:
    """Whether this process runs in a container: its files may not be those of the machine."""
    marks = (Path("/.dockerenv"), Path("/run/.containerenv"), Path("/.singularity.d"))
    return "APPTAINER_CONTAINER" in os.environ or any(mark.exists() for mark in marks)


def parse_campaign(text: str, name: str) -> Campaign:
    """Check the text of a campaign file; errors name it as given."""
    try:
        return Campaign.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name}: not a TOML file ({error})") from None
    except ValidationError as error:
        raise InputError(f"{name}: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    """The first thing wrong, in one line."""
    what = error.errors()[0]
    place = [str(part) for part in what["loc"]]
    name = ".".join(part for part in place if not part.startswith(("function-", "list[", "constrained-")))
    if what["type"] == "extra_forbidden":
        model = Grid if place[0] == "grid" else Campaign
        near = difflib.get_close_matches(place[-1], model.model_fields, n=1, cutoff=0.0)
        return f"unknown key {name}; the nearest known one is {near[0]}"
    if what["type"] == "missing":
        return f"{name} is missing"
    return f"{name} = {what['input']!r}: {what['msg'].removeprefix('Value error, ')}"
