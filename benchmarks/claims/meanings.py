"""docs/campaigns.md: phi of figure 3 under four meanings of "the largest overlap"."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from claims.pages import Claim
from claims.tables import RETRIEVAL, interval, records, table
from hpcbbp.analysis.phi import half_point, rising_fit
from hpcbbp.analysis.student import REJECTED
from hpcbbp.theory import transition

PAGE = "docs/campaigns.md"
ROWS = {
    "eigenspaces, by their mean (here)": "mean",
    "simple eigenvalues alone": "simple",
    "any unit vector of an eigenspace": "any",
    "LAPACK's vectors (one processor's)": "lapack",
}


def meanings() -> Iterator[Claim]:
    yield Claim(PAGE, r"| the largest is taken over | {} | {} | {} | {} | $\phi = 1/2$ |", _alphas)
    for words, column in ROWS.items():
        yield Claim(PAGE, f"| {words} | {{}} | {{}} | {{}} | {{}} | {{}} |", partial(_row, column))
    yield Claim(PAGE, r"$\alpha_{\rm BBP} = {}$):", lambda: [f"{transition(*RETRIEVAL).alpha_bbp:.3f}"])
    yield Claim(
        PAGE,
        r"({} to {} of that on average over figure 3's 300 instances of $N = 100$ at each $\alpha$)",
        _null_space,
    )
    yield Claim(PAGE, "(in {} of figure 3's {} instances with $M < N$)", _winners)


def _alphas() -> list[str]:
    return [f"{alpha:.3f}" for alpha in sorted(set(table("eigenspaces")["alpha"])) if alpha < 1]


def _row(column: str) -> list[str]:
    counts = [(alpha, float(part[column].sum()), len(part)) for alpha, part in table("eigenspaces").groupby("alpha")]
    said = [f"{yes / trials:.3f}" for alpha, yes, trials in counts if alpha < 1]
    fit = rising_fit(counts).p_value
    if fit < REJECTED:
        digit, exponent = f"{fit:.0e}".split("e")
        return [*said, rf"no rising curve fits ($p = {digit} \cdot 10^{{{int(exponent)}}}$)"]
    half = half_point(counts)
    return [*said, interval({"x": half.value, "x_low": half.low, "x_high": half.high}, "x")]


def _null_space() -> list[str]:
    means = table("eigenspaces").groupby("alpha")["null_overlap2_times_n"].mean().dropna()
    return [f"{means.min():.2f}", f"{means.max():.2f}"]


def _winners() -> list[str]:
    wide = [record for record in records("figure-3") if record["m"] < record["n"]]
    count = sum(record["largest_overlap_space"]["dimension"] > 1 for record in wide)
    return ["none" if count == 0 else str(count), str(len(wide))]
