"""The covariance Sigma of the data, x ~ N(0, Sigma/N), by its eigenvalues: weights are isotropic, axes do not matter.

A law of eigenvalues is its quantile function, so that every N has its own: eigenvalue i of N is the quantile at
(i + 1/2)/N. Users' own are classes with `name` and `quantile`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hpcbbp.errors import InputError, real_number, shown
from hpcbbp.machine.wording import exact

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

FEW = 8
"""Distinct eigenvalues that deferred Krylov takes: its queries ask for directions of each eigenspace."""

BINS = 64
"""Distinct eigenvalues that predictions of one sample know as they are; of more, neighbours are put together."""

_MIDPOINTS, _STEPS, _REACH = 512, 64, 3.1
_SMALLEST, _LARGEST = 1e-6, 1e6
_TOGETHER = 1 << 16


class Covariance(Protocol):
    """A law of the eigenvalues of Sigma.

    Examples
    --------
    >>> from hpcbbp import Problem
    >>> Problem(p=1, p_star=1, alpha=3.0, a=1.5, covariance=Uniform(0.5)).covariance
    Uniform(half_width=0.5, name='uniform:0.5')
    """

    @property
    def name(self) -> str:
        """What it is called in records."""
        ...

    def quantile(self, t: Array) -> Array:
        """Eigenvalues > 0 that a share t of them lies below, 0 < t < 1; does not fall with t."""
        ...


@dataclass(frozen=True)
class Levels:
    """Few distinct eigenvalues, each of a share of all of them.

    Parameters
    ----------
    numbers : tuple of float
        VALUE, SHARE, VALUE, SHARE, ...: different values > 0, shares > 0 that sum to 1.

    Examples
    --------
    >>> eigenvalues_of(Levels((0.5, 0.5, 1.5, 0.5)), 4).tolist()
    [0.5, 0.5, 1.5, 1.5]
    """

    numbers: tuple[float, ...]
    name: str = field(init=False)
    values: tuple[float, ...] = field(init=False)
    shares: tuple[float, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Check the numbers, sort them by value, and name the law after them."""
        wrong = InputError(
            f"covariance levels = {shown(self.numbers)}: VALUE,SHARE,VALUE,SHARE,... is wanted, different values "
            f"from {_SMALLEST:g} to {_LARGEST:g} and shares > 0 that sum to 1"
        )
        given = [real_number(number) for number in self.numbers]
        numbers = [number for number in given if number is not None and number > 0.0]
        if len(numbers) != len(given) or len(numbers) % 2 or not 4 <= len(numbers) <= 16:
            raise wrong
        pairs = sorted(zip(numbers[::2], numbers[1::2], strict=True))
        values, shares = zip(*pairs, strict=True)
        if len(set(values)) < len(values) or not _SMALLEST <= values[0] <= values[-1] <= _LARGEST:
            raise wrong
        if abs(sum(shares) - 1.0) > 1e-9:
            raise wrong
        object.__setattr__(self, "numbers", tuple(number for pair in pairs for number in pair))
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "shares", shares)
        object.__setattr__(self, "name", "levels:" + ",".join(map(exact, self.numbers)))

    def quantile(self, t: Array) -> Array:
        """The value whose shares reach t."""
        ends = np.cumsum(self.shares)[:-1]
        result: Array = np.asarray(self.values)[np.searchsorted(ends, t)]
        return result


@dataclass(frozen=True)
class Uniform:
    """Eigenvalues spread evenly over 1 - half_width, ..., 1 + half_width.

    Examples
    --------
    >>> eigenvalues_of(Uniform(0.5), 3).round(3).tolist()
    [0.667, 1.0, 1.333]
    """

    half_width: float
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Check the width, and name the law after it."""
        width = real_number(self.half_width)
        if width is None or not 0.0 < width < 1.0:
            raise InputError(
                f"covariance uniform = {shown(self.half_width)}: a number between 0 and 1 is wanted, so that all "
                "eigenvalues are > 0"
            )
        object.__setattr__(self, "half_width", width)
        object.__setattr__(self, "name", f"uniform:{exact(width)}")

    def quantile(self, t: Array) -> Array:
        """1 + half_width (2 t - 1)."""
        result: Array = 1.0 + self.half_width * (2.0 * t - 1.0)
        return result


def eigenvalues_of(law: Covariance, n: int, where: range | None = None) -> Array:
    """Eigenvalues of Sigma in N dimensions, ascending, or those of some coordinates.

    Raises
    ------
    InputError
        A law of the user's that gives anything but numbers > 0 that do not fall.
    """
    where = range(n) if where is None else where
    t = (np.arange(where.start, where.stop, dtype=np.float64) + 0.5) / n
    try:
        given = np.asarray(law.quantile(t))
    except Exception as error:  # whatever the user's class does
        raise InputError(f"covariance = {shown(law.name)}: quantile(t): {type(error).__name__}: {error}") from None
    found = given.astype(np.float64) if given.dtype.kind in "iuf" else np.zeros(0)
    if found.shape != t.shape or not ((found >= _SMALLEST) & (found <= _LARGEST)).all():
        raise InputError(
            f"covariance = {shown(law.name)}: quantile(t) has to give one number from {_SMALLEST:g} to "
            f"{_LARGEST:g} for each t"
        )
    if (np.diff(found) < 0.0).any():
        raise InputError(
            f"covariance = {shown(law.name)}: quantile(t) falls; eigenvalues are wanted in ascending order"
        )
    return found


def check_law(law: Covariance, n: int) -> None:
    """Raise InputError, as eigenvalues_of does, for any of the N eigenvalues."""
    for start in range(0, n, _TOGETHER):  # one eigenvalue twice: a fall between two pieces is one
        eigenvalues_of(law, n, range(max(0, start - 1), min(n, start + _TOGETHER)))


def levels_of(law: Covariance, n: int, most: int) -> tuple[Array, Counts] | None:
    """Distinct eigenvalues in N dimensions, (k,), and how often each occurs; None if there are more than `most`.

    Where each ends is bisected, since they do not fall: N may be too large to look at all of them.
    """
    values: list[float] = []
    ends = [0]
    while ends[-1] < n:
        if len(values) == most:
            return None
        values.append(_one(law, n, ends[-1]))
        low, high = ends[-1], n
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _one(law, n, middle) == values[-1] else (low, middle)
        ends.append(high)
    return np.array(values), np.diff(np.array(ends, dtype=np.int64))


def _one(law: Covariance, n: int, index: int) -> float:
    return float(eigenvalues_of(law, n, range(index, index + 1))[0])


def spaces(law: Covariance | None, n: int) -> tuple[Array, Counts]:
    """Distinct eigenvalues in N dimensions and their multiplicities; InputError for more than FEW of them."""
    if law is None:
        return np.ones(1), np.array([n])
    found = levels_of(law, n, FEW)
    if found is None:
        raise InputError(
            f"covariance {law.name}: method deferred has a basis for each distinct eigenvalue, and N = {n} gives "
            f"more than {FEW}; take method stored or dice"
        )
    return found


def count_of(law: Covariance | None, n: int) -> int:
    """How many distinct eigenvalues there are in N dimensions; FEW + 1 where there are more."""
    found = None if law is None else levels_of(law, n, FEW)
    return 1 if law is None else FEW + 1 if found is None else len(found[0])


def binned(law: Covariance, n: int) -> tuple[Array, Counts]:
    """Eigenvalues in N dimensions and how many there are of each, those of neighbours put together.

    Up to BINS distinct ones are as they are. Else the first and last ones stand alone, and those between in bins that
    take a tenth of what lies between them and the nearer end: what matters of an end is how far from it one is.
    """
    found = levels_of(law, n, BINS)
    if found is not None:
        return found
    cuts = [0]
    while cuts[-1] < n - n // 2:
        cuts.append(cuts[-1] + max(1, cuts[-1] // 10))
    half = [cut for cut in cuts if cut <= n // 2]
    ends = np.array([*half, *(n - cut for cut in reversed(half))], dtype=np.int64)
    ends = np.unique(ends)
    counts = np.diff(ends)
    return np.asarray(law.quantile((ends[:-1] + 0.5 * counts) / n), dtype=np.float64), counts


def nodes_of(law: Covariance) -> tuple[Array, Array]:
    """Eigenvalues at N = infinity, (k,), and their shares, for averages over all of them.

    Steps of a law are found by bisection; a law that has too many of them is taken at points of the tanh-sinh rule in
    t, which are dense at both ends, where the spectrum's edge comes near.
    """
    if isinstance(law, Levels):
        return np.asarray(law.values), np.asarray(law.shares)
    even = eigenvalues_of(law, _MIDPOINTS)
    if len(np.unique(even)) <= _STEPS:
        return _steps(law, even)
    theta = np.linspace(-_REACH, _REACH, _MIDPOINTS)
    t = 1.0 / (1.0 + np.exp(-np.pi * np.sinh(theta)))
    weights = np.cosh(theta) * t * (1.0 - t)
    return np.asarray(law.quantile(t), dtype=np.float64), weights / weights.sum()


def _steps(law: Covariance, even: Array) -> tuple[Array, Array]:
    """Values of a law that is constant but for steps, and the shares between these."""
    ends = [0.0]
    for place in np.flatnonzero(np.diff(even)):
        low, high = (place + 0.5) / len(even), (place + 1.5) / len(even)
        while high - low > 1e-14:
            middle = 0.5 * (low + high)
            if float(np.asarray(law.quantile(np.array([middle])))[0]) > even[place]:
                high = middle
            else:
                low = middle
        ends.append(0.5 * (low + high))
    return even[np.append(True, np.diff(even) > 0.0)], np.diff([*ends, 1.0])
