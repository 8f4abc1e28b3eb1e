"""Campaign files: TOML, checked by pydantic, to a list of points."""

from __future__ import annotations

import difflib
import itertools
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from hpcbbp.campaign.grid import Grid
from hpcbbp.campaign.values import MOST_POINTS, Interval, Number, Ranks, Seconds, plain
from hpcbbp.errors import InputError, shown
from hpcbbp.machine.text import text_of
from hpcbbp.solvers.deferred import INTERVAL
from hpcbbp.solvers.point import Point


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

    Examples
    --------
    >>> made = Campaign(name="small", grid=[Grid(p=1, a=1.5, alpha=3.0, n=100, seeds=2)])
    >>> made.size()
    2
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
                    f"N = {point.n}, seed {point.seed}"
                    + (f", {point.descent}" if point.descent else "")
                    + " appears twice"
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

    Examples
    --------
    >>> _ = Path("small.toml").write_text(text)
    >>> load_campaign(Path("small.toml")).size()
    12
    """
    return parse_campaign(text_of(path), str(path))


def parse_campaign(text: str, name: str) -> Campaign:
    """Check the text of a campaign file; errors name it as given.

    Examples
    --------
    >>> parse_campaign(text, "small.toml").name
    'small'
    """
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
