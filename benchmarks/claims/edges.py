"""docs/results.md: the law of an edge, and what the paper's questions get as answers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from claims.finite import samples, whole_table
from claims.pages import Claim
from claims.results import claim, curve
from claims.tables import SMOOTH, at_least, bracket, found, mean_of, one, power, records, times_bbp, times_ten
from hpcbbp.theory import resonance, spectrum, transition
from hpcbbp.theory.limit.density import thinness

SIZES = (100, 300, 1000, 3000, 10**4, 10**5, 10**6, 10**7)
SAMPLED = (100, 1000, 10**4, 10**5, 10**6, 10**7)


def edges() -> Iterator[Claim]:
    yield claim(
        r"which lies between $\alpha_0 = {}$ and $\alpha_{\rm BBP} = {}$: the edge is smooth, $A = {}$, and theory "
        "has no outlier.",
        lambda: [
            f"{transition(*SMOOTH).alpha_0:.3f}", f"{transition(*SMOOTH).alpha_bbp:.3f}",
            f"{thinness(*SMOOTH, 1.0):.4f}",
        ],
    )  # fmt: skip
    yield claim(whole_table("informed outlier, predicted |", 5, [_row(n) for n in SIZES]), _edge_table)
    yield claim(
        r"$c N^{-2/3}$, $A/\log N$ and $A/(\log N + B)$ are rejected with p-values {}, {} and {} up to $N = 10^5$",
        _rejected,
    )
    yield claim("it is within {} standard errors of every size.", _worst)
    yield claim(
        "At $N = 10^6$ the three instances lie {} to {} below their own predictions, {} units of the edge's scale on "
        "average:",
        _below_predictions,
    )


def _distance(n: float) -> tuple[float, float]:
    row = curve("figure-edge", SMOOTH, 1.0, n)
    return row["lambda_1"] - row["theory_lambda_minus"], row["lambda_1_sem"]


def _quenched_distance(n: float) -> Any:
    return samples(SMOOTH, 1.0, n)["lambda_1"] - spectrum(*SMOOTH, 1.0).lambda_minus


def _row(n: int) -> str:
    simulated = "{} | {}" if n < 10**7 else "- | -"
    return f"| {power(n)} | {simulated} | {'{} | {}' if n in SAMPLED else '- | -'} |"


def _edge_table() -> list[str]:
    said = []
    for n in SIZES:
        if n < 10**7:
            said += [str(int(curve("figure-edge", SMOOTH, 1.0, n)["seeds"])), bracket(*_distance(n))]
        if n in SAMPLED:
            informed = (samples(SMOOTH, 1.0, n)["outliers"] > 0).mean()
            said += [mean_of(_quenched_distance(n)), f"{informed:.2g}"]
    return said


def _rejected() -> list[str]:
    rows = found("figure-edge").edges
    if not rows["rejected"].all():
        raise LookupError("a law of the edge is not rejected any more")
    return [times_ten(one(rows, law=law)["p_value"]) for law in ("power", "log", "shifted log")]


def _worst() -> list[str]:
    ratios = []
    for n in (100, 1000, 10**4, 10**5, 10**6):
        far = _quenched_distance(n)
        value, error = _distance(n)
        ratios.append(abs(value - far.mean()) / math.hypot(error, far.sem()))
    return [at_least(max(ratios), 1)]


def _below_predictions() -> list[str]:
    some_records = [record for record in records("figure-edge") if record["n"] == 10**6]
    if len(some_records) != 3:
        raise LookupError(f"{len(some_records)} instances at N = 10^6")
    gaps = [record["quenched"]["lambda_1"] - record["eigenvalues"][0] for record in some_records]
    units = [gap / record["quenched"]["edge_scale"] for gap, record in zip(gaps, some_records, strict=True)]
    return [f"{min(gaps):.4f}", f"{max(gaps):.4f}", f"{np.mean(units):.1f}"]


def answers() -> Iterator[Claim]:
    yield claim(
        r"from $N = 2 \cdot 10^4$ on means of $m^2$ have standard errors of {} to {}, and differ", _errors_above
    )
    yield claim(
        r"$\lambda_1$ stays at the resonance ({} above $\lambda_-$ here, where the table has {} and {} at $N = 10^5$ "
        "and $10^6$)",
        lambda: [
            f"{resonance(*SMOOTH, 1.0).lambda_r - spectrum(*SMOOTH, 1.0).lambda_minus:.4f}",
            bracket(*_distance(1e5)), bracket(*_distance(1e6)),
        ],
    )  # fmt: skip
    yield claim("Theory {} ($p = 2$, $a = 1.5$); data", lambda: [f"{transition(*SMOOTH).alpha_0:.3f}"])
    yield claim(
        r"Below ($\alpha = {}$, just above $\alpha_0 = {}$) it moves",
        lambda: [f"{times_bbp(SMOOTH, 0.7):.3f}", f"{transition(*SMOOTH).alpha_0:.3f}"],
    )


def _errors_above() -> list[str]:
    rows = found("figure-1").curves
    above = rows.apply(lambda row: row["alpha"] > 1.1 * transition(2, 1, row["a"]).alpha_bbp, axis=1)
    errors = rows[above & (rows["n"] >= 2e4)]["overlap2_sem"].dropna()
    return [f"{errors.quantile(0.1):.3f}", f"{errors.quantile(0.9):.3f}"]
