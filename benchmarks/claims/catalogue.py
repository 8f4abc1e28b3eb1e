"""Which claims are of which page, and what may stand there without a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from claims import (
    accuracy,
    averages,
    costs,
    descents,
    edges,
    finite,
    limit,
    lost,
    meanings,
    others,
    predictions,
    results,
)
from claims.pages import Claim

Part = Callable[[], Iterable[Claim]]

PARTS: list[Part] = [
    results.overlaps, results.distributions, results.phis, predictions.predictions, results.continuations,
    results.densities, results.teachers,
    edges.edges, edges.answers, lost.lost, others.activations, others.estimators, descents.descents,
    finite.edges, finite.separations, finite.scatter, finite.beside, averages.on_average, averages.thresholds,
    averages.limits, averages.gram, limit.resonances, limit.edges_and_kinks, limit.effective, limit.thresholds,
    accuracy.coverage, meanings.meanings, costs.costs,
]  # fmt: skip

EXEMPT: dict[str, list[str]] = {
    "docs/accuracy.md": [r"the smallest of the 112 p-values was 0\.005"],  # make test-laws
    "docs/first.md": [r"about 0\.069,"],  # an example prints it, and tests/test_docs.py runs it
    "docs/finite-n.md": [r"1\.2065 (\$\\sigma|\\pm 1\.2680)"],  # mean and deviation of Tracy and Widom's law
}
"""Regular expressions of a page: what looks like data and is not, each with its reason."""
