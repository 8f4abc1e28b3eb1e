"""Which claims are of which page, and what may stand there without a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from claims import results
from claims.pages import Claim

Part = Callable[[], Iterable[Claim]]

CLAIMS: dict[str, list[Part]] = {
    results.PAGE: [
        results.overlaps, results.distributions, results.phis, results.continuations, results.densities,
        results.teachers,
    ],
}  # fmt: skip

EXEMPT: dict[str, list[str]] = {}
"""Regular expressions of a page: what looks like data and is not, each with its reason."""
