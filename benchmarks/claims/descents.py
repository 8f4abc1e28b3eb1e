"""docs/results.md: the largest overlap along gradient descent (figures 9 and 10)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import pandas as pd

from claims.finite import whole_table
from claims.pages import Claim
from claims.results import claim
from claims.tables import records, some, times_ten
from hpcbbp.campaign.courses import courses, reached
from hpcbbp.theory import effective_threshold, spectrum, transition

CONSTANTS = {"figure-9": 1.0, "figure-10": 3.0}
ROWS = {"figure-9": (1.15, 2.0, 3.0, 4.0, 5.0, 6.0), "figure-10": (2.3, 3.0, 4.0, 5.0, 6.0, 8.0)}
SIZES = (1000, 10**4, 10**5)
KINDS = {"figure-9": "| 9 | continuous", "figure-10": "| 10 | discontinuous"}
STEPS = {"figure-9": "600 | 0.03 | 18", "figure-10": "500 | 0.05 | 25"}


@cache
def single(name: str) -> pd.DataFrame:
    return courses(records(name))


@cache
def means(name: str) -> pd.DataFrame:
    return reached(single(name))


def descents() -> Iterator[Claim]:
    for name, a in CONSTANTS.items():
        yield claim(
            f"{KINDS[name]} | {a:g} | {{}} | {STEPS[name]} | {{}} | {{}} |",
            lambda name=name, a=a: [
                f"{transition(1, 1, a).alpha_bbp:.3f}", str(len(single(name))),
                str(int((single(name)["reason"] != "").sum())),
            ],
        )  # fmt: skip
        yield claim(
            whole_table(f"initial outlier, $a = {a:g}$ |", 5, [_row(alpha) for alpha in ROWS[name]]),
            partial(_cells, name),
        )
    yield claim(
        r"$\alpha_{\rm BBP}(N)$ of $a = 3$ is {} at $N = 10^4$ and {} at $10^5$.",
        lambda: [f"{effective_threshold(1, 1, 3.0, n).alpha:.2f}" for n in (10**4, 10**5)],
    )
    yield claim(
        r"the descents up to $\alpha = 2.3$ gain factors of {} and {} on average at $N = 10^3$, and {} and {} at "
        "$10^4$",
        lambda: [_gain(name, n) for n in (1000, 10**4) for name in CONSTANTS],
    )
    yield claim("The largest $m^2$ of any of them is {} at $N = 10^3$ and {} at $10^4$.", _largest)


def _row(alpha: float) -> str:
    return f"| {alpha:g} | {{}} | {{}} | {{}} | {{}} |"


def _cells(name: str) -> list[str]:
    return [word for alpha in ROWS[name] for word in [*(_cell(name, alpha, n) for n in SIZES), _outlier(name, alpha)]]


def _cell(name: str, alpha: float, n: int) -> str:
    rows: Any = some(means(name), alpha=alpha, n=n)
    if rows.empty:
        return "-"
    row = rows.iloc[0]
    median = row["largest_overlap2_median"]
    first = times_ten(median) if median < 0.01 else f"{median:.2g}" if median < 0.95 else f"{median:.1f}"
    return f"{first} / {10 ** row['log10_gain']:.0f} / {row['recovered']:.2f}"


def _outlier(name: str, alpha: float) -> str:
    return f"{spectrum(1, 1, CONSTANTS[name], alpha).overlap2:.2f}"


def _gain(name: str, n: int) -> str:
    rows = some(means(name), n=n)
    rows = rows[rows["alpha"] <= 2.3]
    return f"{10 ** rows['log10_gain'].mean():.0f}"


def _largest() -> list[str]:
    found = []
    for n in (1000, 10**4):
        every = pd.concat([some(single(name), n=n) for name in CONSTANTS])
        found.append(f"{every[every['alpha'] <= 2.3]['largest_overlap2'].max():.2f}")
    return found
