"""docs/accuracy.md: how often intervals hold the truth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from claims.pages import Claim
from claims.tables import some, table
from hpcbbp.machine.wording import with_error

PAGE = "docs/accuracy.md"

_EDGE = ("400, 200, 80, 30, 16, 6, 3", "100, 60, 30, 8", "24, 10, 3")
_LAWS = ("c of c N^(-2/3)", "A of A/log N", "A of A/(log N + B)", "B of A/(log N + B)")
_SHOWN = {
    "c of c N^(-2/3)": r"$c$ of $c N^{-2/3}$",
    "A of A/log N": r"$A$ of $A/\log N$",
    "A of A/(log N + B)": r"$A$ of $A/(\log N + B)$",
    "B of A/(log N + B)": r"$B$ of $A/(\log N + B)$",
    "alpha_0": r"$\alpha_0$",
    "phi = 1/2": r"$\phi = 1/2$",
}
"""How the page writes what the table calls so."""
_SPREADS = ("400, 200, 80, 30, 16, 6, 3", "400, 120, 40", "24, 10, 3")
_SCATTERS = ("normal", "Student, 4", "log-normal")
_CURVES = ("0 to 1", "0.1 to 0.9", "0.05 to 0.8", "0.4 to 1", "normal law")


def coverage() -> Iterator[Claim]:
    rows = [(law, instances, _SCATTERS) for instances in _EDGE for law in _LAWS]
    rows += [("exponent of the spread", instances, _SCATTERS) for instances in _SPREADS]
    rows += [("alpha_0", f"{count} an alpha", _SCATTERS) for count in (24, 3)]
    rows += [("phi = 1/2", f"{count} an alpha", _CURVES) for count in (300, 80, 16)]
    rows += [("crossing", f"{counts} an alpha", _CURVES[:2]) for counts in ("300, 200", "80, 16")]
    for estimate, instances, truths in rows:
        counts = instances.replace("an alpha", r"an $\alpha$")
        text = f"| {_SHOWN.get(estimate, estimate)} | {counts} | " + " | ".join("{}" for _ in truths) + " |"
        yield Claim(PAGE, text, partial(_cells, estimate, instances, truths))


def _cells(estimate: str, instances: str, truths: tuple[str, ...]) -> list[str]:
    return [_cell(estimate, instances, truth) for truth in truths]


def _cell(estimate: str, instances: str, truth: str) -> str:
    """Coverage with its error; how many data sets were refused or rejected, where more than 2% were."""
    (row,) = some(table("coverage"), estimate=estimate, instances=instances, truth=truth).to_dict("records") or [None]
    if row is None:
        raise LookupError("not computed")
    refused = 1 - row["given"] / row["trials"]
    words = f"; {refused:.0%} refused" if refused > 0.02 else ""
    if row["given"] < 50:
        return words.removeprefix("; ")
    held = row["held"] / row["given"]
    return with_error(held, math.sqrt(held * (1 - held) / row["given"])) + words
