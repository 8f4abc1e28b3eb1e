"""One use of an option, and short ways to write several (tests/helpers/option_table.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

KINDS = ("npy", "h5", "stored", "dice", "regenerated", "deferred", "dense")
MADE = ("stored", "dice", "regenerated")
FILES, DRAWN, SLEPC = ("npy", "h5"), (*MADE, "deferred"), ("npy", "h5", *MADE)
SIZES = {2: 1, 3: 1, 4: 1, 40: 2}
"""N -> p; p* = 1. Deferred Krylov asks for p + p* + p p directions at least, 3 for p = 1."""
SMALL = r"asks for p \+ p\* \+ block p = \d+ directions.*, and min\(N, M\) = \d"
GAUSSIAN = "--method deferred is exact only for a Gaussian X .* leave --data, --teacher and --student out"
DRAWS = "--method (dice|regenerated) draws X and the weights itself"
SHAPES = "N and alpha = M/N follow from the shape of X"


@dataclass(frozen=True)
class Row:
    """One use of an option.

    Attributes
    ----------
    words : str
        As above.
    refused : str or callable, optional
        Pattern of the message (of N), None where it works.
    sizes : bool
        Whether all sizes are tried.
    """

    words: str
    refused: str | Callable[[int], str | None] | None = None
    sizes: bool = False

    def message(self, n: int, kind: str) -> str | None:
        """What is told where it is refused; N = 2 is too small for deferred Krylov, whatever else is wrong."""
        told = self.refused(n) if callable(self.refused) else self.refused
        return f"{SMALL}|{told}" if kind == "deferred" and n == 2 else told


def each(kinds: tuple[str, ...], *rows: Row) -> dict[str, tuple[Row, ...]]:
    return dict.fromkeys(kinds, rows)


def small(n: int) -> str | None:
    """Deferred Krylov with M = N / 2."""
    return SMALL if n < 40 else None


def deferred_only(words: str, name: str) -> dict[str, tuple[Row, ...]]:
    return each(SLEPC, Row(words, f"--{name} belongs to --method deferred"))


def key(words: str, known: str | None = None) -> dict[str, tuple[Row, ...]]:
    """Of a campaign file with method = "dense": refused as a key, or with these words."""
    return {"dense": (Row(words, known or f"unknown key grid.*{words.split()[0]}"),)}
