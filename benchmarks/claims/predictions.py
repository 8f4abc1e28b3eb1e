"""docs/results.md: lambda_1 of figure 3's instances beside what their own projections predict."""

from __future__ import annotations

from collections.abc import Iterator

from claims.finite import whole_table
from claims.pages import Claim
from claims.results import claim
from claims.tables import bracket, found, some

SIZES = (100, 200, 400, 800, 1600)


def predictions() -> Iterator[Claim]:
    yield claim(
        whole_table(r"$\times N$ |", 5, [f"| {n} | {{}} | {{}} | {{}} | {{}} |" for n in SIZES]),
        lambda: [word for n in SIZES for word in _of(n)],
    )
    yield claim("{} of the {} points of a report lie outside of their 90% intervals", _outside)


def _of(n: int) -> list[str]:
    rows = some(found("figure-3").agreement, n=n)
    said = []
    for part, factor in ((rows[rows["alpha"] < 1.1], n**0.5), (rows[rows["alpha"] > 1.3], n)):
        weights = part["lambda_1_quenched_sem"] ** -2
        mean = float((weights * part["lambda_1_quenched_difference"]).sum() / weights.sum())
        error = float(weights.sum() ** -0.5)
        said += [bracket(mean, error), bracket(factor * mean, factor * error, 2)]
    return said


def _outside() -> list[str]:
    within = found("figure-3").agreement["lambda_1_quenched_within"].dropna()
    return [str(int((within == 0).sum())), str(len(within))]
