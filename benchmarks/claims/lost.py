"""docs/results.md: where outliers are lost below discontinuous transitions (figure threshold)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from claims.finite import whole_table
from claims.pages import Claim
from claims.results import claim
from claims.tables import Model, bracket, found, interval, one, power
from hpcbbp.theory import effective_threshold, transition

NAME = "figure-threshold"
ONE, TWO = (1, 1, 10.0), (1, 2, 20.0)
SIZES = {ONE: (3000, 10**4, 3 * 10**4, 10**5, 10**6, 10**7), TWO: (3000, 10**4, 3 * 10**4, 10**5, 10**6)}
ALONG = [
    (ONE, 4.0, 10**4), (ONE, 5.0, 10**4), (ONE, 4.5, 10**5), (ONE, 5.3, 10**5), (ONE, 4.6, 10**6), (ONE, 5.3, 10**6),
    (TWO, 10.0, 10**4), (TWO, 15.0, 10**4), (TWO, 11.0, 10**5), (TWO, 16.0, 10**5), (TWO, 9.3, 10**6),
]  # fmt: skip


def named(model: Model) -> str:
    p, p_star, a = model
    return f"$({p}, {p_star}, {a:g})$"


def lost() -> Iterator[Claim]:
    yield claim(
        r"$(1, 1, 10)$ with $\alpha_{\rm BBP} = {}$ and $(1, 2, 20)$ with $\alpha_{\rm BBP} = {}$; {} instances, all "
        "converged.",
        lambda: [
            *(f"{transition(*model).alpha_bbp:.3f}" for model in (ONE, TWO)),
            str(int(found(NAME).curves["seeds"].sum())) + _unconverged(),
        ],
    )
    points = [(model, n) for model, sizes in SIZES.items() for n in sorted(sizes)]
    rows = [f"| {named(model)} | {power(n)} | {{}} | {{}} | {{}} | {{}} |" for model, n in points]
    yield claim(
        whole_table(r"$\alpha_{\rm BBP}(N)$, theory | trusted |", 6, rows),
        lambda: [word for model, n in points for word in _half(model, n)],
    )
    rows = [
        f"| {named(model)} | {alpha:g} | {power(n)} | {{}} | {{}} | {{}} | {{}} | {{}} |" for model, alpha, n in ALONG
    ]
    yield claim(
        whole_table(r"$\lambda_r - \lambda_-$ of theory |", 8, rows),
        lambda: [word for point in ALONG for word in _along(*point)],
    )
    yield claim("theory lies within {} per cent of the data from $N = 10^4$ on", partial(_furthest, "half_seen"))
    yield claim("and within {} of the predictions", partial(_furthest, "half_quenched_seen"))


def _unconverged() -> str:
    count = int(found(NAME).curves["unconverged"].sum())
    if count:
        raise LookupError(f"{count} instances did not converge")
    return ""


def _half(model: Model, n: int) -> list[str]:
    p, p_star, a = model
    row = one(found(NAME).thresholds, p=p, p_star=p_star, a=a, n=n)
    theory = effective_threshold(*model, n)
    assert theory.alpha is not None
    words = [
        interval(row, name, 2) if math.isfinite(row[name]) else "-" for name in ("half_seen", "half_quenched_seen")
    ]
    return [*words, f"{theory.alpha:.2f}", "yes" if theory.trusted else "no"]


def _along(model: Model, alpha: float, n: int) -> list[str]:
    p, p_star, a = model
    row = one(found(NAME).curves, p=p, p_star=p_star, a=a, alpha=alpha, n=n)
    edge = row["theory_lambda_minus"]
    return [
        f"{row['seeds']:.0f}", bracket(row["overlap2"], row["overlap2_sem"]), f"{row['resonance_overlap2']:.4f}",
        bracket(row["lambda_mean"] - edge, row["lambda_mean_sem"]), f"{row['resonance_lambda'] - edge:.4f}",
    ]  # fmt: skip


def _furthest(name: str) -> list[str]:
    gaps = []
    for model, sizes in SIZES.items():
        for n in sizes:
            p, p_star, a = model
            row = one(found(NAME).thresholds, p=p, p_star=p_star, a=a, n=n)
            if n >= 10**4 and math.isfinite(row[name]):
                gaps.append(abs(row["theory_alpha_bbp_n"] / row[name] - 1))
    return [f"{100 * max(gaps):.1f}"]
