"""docs/results.md: lambda_1 of figure 3's instances beside what their own projections predict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from claims.finite import whole_table
from claims.pages import Claim
from claims.results import claim
from claims.tables import RETRIEVAL, bracket, found, mean_of, records, some
from hpcbbp.theory import transition

SIZES = (100, 200, 400, 800, 1600)


def predictions() -> Iterator[Claim]:
    yield claim(r"(20) below $\alpha_c = {}$,", lambda: [f"{transition(*RETRIEVAL).alpha_c:.3f}"])
    yield claim(
        whole_table(r"$\alpha > 1.3$, $\times N$ |", 7, [f"| {n} |" + " {} |" * 6 for n in SIZES]),
        lambda: [word for n in SIZES for word in (*_below(n), *_above(n))],
    )
    yield claim("{} of the {} points of a report lie outside of their 90% intervals", _outside)


def _below(n: int) -> list[str]:
    """Numbers of samples without and with a predicted outlier, and differences in units of (20)'s sigma."""
    said = []
    mine: Any = [r for r in records("figure-3") if r["n"] == n and r["alpha"] < transition(*RETRIEVAL).alpha_c]
    for predicted in (False, True):
        made = [r for r in mine if bool(r["quenched"]["eigenvalues"]) == predicted]
        apart = [(r["eigenvalues"][0] - r["quenched"]["lambda_1"]) / r["quenched"]["edge_scale"] for r in made]
        said += [str(len(made)), mean_of(apart, 2) if len(made) > 1 else "-"]
    return said


def _above(n: int) -> list[str]:
    """The mean difference at alpha > 1.3, weighted with its errors, and N times that."""
    rows: pd.DataFrame = some(found("figure-3").agreement, n=n)
    part = rows[rows["alpha"] > 1.3]
    weights = part["lambda_1_quenched_sem"] ** -2
    mean = float((weights * part["lambda_1_quenched_difference"]).sum() / weights.sum())
    error = float(weights.sum() ** -0.5)
    return [bracket(mean, error), bracket(n * mean, n * error, 2)]


def _outside() -> list[str]:
    within = found("figure-3").agreement["lambda_1_quenched_within"].dropna()
    return [str(int((within == 0).sum())), str(len(within))]
