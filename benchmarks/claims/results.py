"""docs/results.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from claims.density import mass_below
from claims.finite import whole_table
from claims.pages import Claim
from claims.tables import (
    RETRIEVAL,
    SHARP,
    SMOOTH,
    Model,
    at_least,
    bracket,
    found,
    interval,
    mean_of,
    one,
    power,
    records,
    say,
    some,
    times_bbp,
)
from hpcbbp.theory import resonance, spectrum, transition

PAGE = "docs/results.md"

claim = partial(Claim, PAGE)


def count(name: str, **where: float) -> str:
    return str(len(some(found(name).instances, **where)))


def curve(name: str, model: Model, alpha: float, n: float) -> Any:
    p, p_star, a = model
    return one(found(name).curves, p=p, p_star=p_star, a=a, alpha=alpha, n=n)


def mean(name: str, model: Model, alpha: float, n: float, column: str = "overlap2") -> str:
    row = curve(name, model, alpha, n)
    return bracket(row[column], row[f"{column}_sem"])


def limit(model: Model, alpha: float) -> str:
    return f"{spectrum(*model, alpha).overlap2:.4f}"


def overlaps() -> Iterator[Claim]:
    def at(model: Model, factor: float, *sizes: float) -> list[Callable[[], str]]:
        return [partial(mean, "figure-1", model, times_bbp(model, factor), n) for n in sizes]

    yield claim(
        "{} instances, $p = 2$, $p^\\ast = 1$, $N = 400$ to $10^6$, all converged.",
        lambda: [_all_converged("figure-1")],
    )
    above, below = (4000, 2e4, 2e5), (4000, 2e4)
    for model, factor, sizes, rest, theory in (
        (SHARP, 1.4, above, "- | {}", _limit_at),
        (SMOOTH, 1.4, (*above, 1e6), "{}", _limit_at),
        (SMOOTH, 1.0, above, "- | {}", _jump),
        (SHARP, 0.8, below[:1], "- | - | - | 0", None),
        (SMOOTH, 0.8, below, "- | - | 0", None),
    ):
        cells = " | ".join("{}" for _ in sizes)
        values = at(model, factor, *sizes)
        if theory is not None:
            values.append(partial(theory, model, factor))
        yield claim(f"| {model[2]:g} | {factor} | {cells} | {rest} |", say(*values))
    yield claim(
        "at $a = 0.7$ they are {}, {} and {} at $N = 400$, 1200 and 4000.", say(*at(SHARP, 0.8, 400, 1200, 4000))
    )
    yield claim(
        r"From $2 \cdot 10^4$ on, measured and quenched averages differ by less than {} wherever "
        r"$\alpha \ge 1.2 \alpha_{\rm BBP}$ but for $a = 0.7$, $\alpha = 1.4$ and $1.6 \alpha_{\rm BBP}$ "
        "({} and {}, six instances).",
        _differences,
    )
    yield claim(
        r"There, at $\alpha = 0.8 \alpha_{\rm BBP} = {}$, the resonance has {}.",
        lambda: [
            f"{times_bbp(SMOOTH, 0.8):.3f}", f"{resonance(*SMOOTH, times_bbp(SMOOTH, 0.8)).overlap2:.4f}",
        ],
    )  # fmt: skip
    yield claim(
        r"At $\alpha_{\rm BBP}$ itself, where $m^2$ jumps from 0 to {}, the data", lambda: [_jump(SMOOTH, 1.0)]
    )


def _limit_at(model: Model, factor: float) -> str:
    return limit(model, times_bbp(model, factor))


def _jump(model: Model, factor: float) -> str:
    assert factor == 1.0
    return f"{transition(*model).jump_overlap2:.4f}"


def _all_converged(name: str) -> str:
    instances = found(name).instances
    if not instances["whole"].all():
        raise LookupError(f"{name}: {int((~instances['whole']).sum())} instances did not converge")
    return str(len(instances))


def _differences() -> list[str]:
    rows = found("figure-1").curves
    above = rows.apply(lambda row: row["alpha"] / transition(2, 1, row["a"]).alpha_bbp, axis=1)
    rows = rows.assign(factor=above, gap=(rows["overlap2"] - rows["quenched_overlap2"]).abs())
    rows = rows[(rows["n"] >= 2e4) & (rows["factor"] > 1.19)]
    apart = [one(some(rows, a=0.7), alpha=times_bbp(SHARP, factor), n=2e4) for factor in (1.4, 1.6)]
    others = rows.drop([row.name for row in apart])
    return [at_least(others["gap"].max(), 3), *(f"{row['gap']:.3f}" for row in apart)]


def distributions() -> Iterator[Claim]:
    for factor, theory in ((0.7, "0"), (1.0, "{} (0 just below)"), (1.3, "{}")):
        alpha = times_bbp(SMOOTH, factor)
        cells = " | ".join(["{}, {}"] * 3)
        values = [partial(_mean_and_median, alpha, n, what) for n in (400, 1200, 10**4) for what in (0, 1)]
        if factor == 1.0:
            values.append(lambda: f"{transition(*SMOOTH).jump_overlap2:.4f}")
        elif factor > 1:
            values.append(partial(limit, SMOOTH, alpha))
        yield claim(f"| {factor} | {cells} | {theory} |", say(*values))
    yield claim(r"$\chi^2 = {}$ for one degree of freedom rejects one above (local exponents {} and {})", _spread)


def _mean_and_median(alpha: float, n: float, what: int) -> str:
    row = curve("figure-distribution", SMOOTH, alpha, n)
    return bracket(row["overlap2_1"], row["overlap2_1_sem"]) if what == 0 else f"{row['overlap2_1_median']:.4f}"


def _spread() -> list[str]:
    alpha = times_bbp(SMOOTH, 1.3)
    fit = one(found("figure-distribution").spreads, alpha=alpha)
    spreads = [curve("figure-distribution", SMOOTH, alpha, n)["overlap2_std"] for n in (400, 1200, 10**4)]
    local = [-math.log(spreads[i + 1] / spreads[i]) / math.log(step) for i, step in enumerate((3, 1e4 / 1200))]
    return [f"{fit['overlap2_chi2']:.1f}", *(f"{value:.2f}" for value in local)]


def phis() -> Iterator[Claim]:
    yield claim(
        r"(300, 300, 200, 80, 16 a point; {} instances); $\alpha_{\rm BBP} = {}$.",
        lambda: [_all_converged("figure-3"), f"{transition(*RETRIEVAL).alpha_bbp:.3f}"],
    )
    sizes = (100, 200, 400, 800, 1600)
    yield claim(
        whole_table(r"$\phi = 1/2$ at $\alpha$ |", 5, [f"| {n} | {{}} | {{}} | {{}} | {{}} |" for n in sizes]),
        lambda: [word for n in sizes for word in _phi_of(n)],
    )
    yield claim(
        "Crossings of successive $N$ are bounded in two of four cases, {} for 200 and 400 and {} for 800 and 1600:",
        _crossings,
    )
    yield claim(
        r"Continued to $N = \infty$ the half points give {} under $N^{-1/3}$ and {} under $1/\log N$; "
        "the data cannot tell the two (weights {} and {}).",
        _continued,
    )


def _phi_of(n: int) -> list[str]:
    low, high = (curve("figure-3", RETRIEVAL, times_bbp(RETRIEVAL, factor), n) for factor in (0.5, 1.6))
    half = interval(one(found("figure-3").thresholds, n=n), "half_phi")
    return [f"{low['phi']:.2f}", f"{high['phi']:.2f}", f"{low['quenched_phi']:.2f}", half]


def _crossings() -> list[str]:
    rows = found("figure-3").crossings
    bounded = rows[np.isfinite(rows["alpha_low"]) & np.isfinite(rows["alpha_high"])]
    if list(bounded["n"]) != [200, 800] or len(rows) != 4:
        raise LookupError(f"crossings bounded at N = {list(bounded['n'])} of {len(rows)}")
    return [interval(row, "alpha", 2) for _, row in bounded.iterrows()]


def _continued() -> list[str]:
    rows = found("figure-3").limits
    fits = [one(rows, law=law) for law in sorted(rows["law"], key=lambda law: "log" in law)]
    return [
        *(f"{fit['limit']:.2f} [{fit['low']:.2f}, {fit['high']:.2f}]" for fit in fits),
        *(f"{fit['weight']:.2f}" for fit in fits),
    ]


def continuations() -> Iterator[Claim]:
    for p, n in ((2, 1000), (2, 1e4), (3, 1000), (3, 1e4), (4, 1000), (5, 1000)):
        yield claim(f"| {p} | {power(n)} | {{}} | {{}} | {{}} | {{}} | {{}} | {{}} |", partial(_alpha_0, p, n))
    yield claim(r"theory over the same $\alpha$ lies {} to {} below the tangent.", _bends)
    yield claim("within their intervals: {} of the {} 90% intervals hold it, $N = 4000$ included", _held)
    yield claim(
        r"From figure 1, with 1.2 to $1.4 \alpha_{\rm BBP}$, $p = 2$: {} at $N = 2 \cdot 10^4$, {} at "
        r"$2 \cdot 10^5$; theory there {}.",
        _narrower,
    )


def _alpha_0(p: int, n: float) -> list[str]:
    row = one(found("figure-4").alpha_0, p=p, n=n)
    return [
        str(int(row["instances"])), interval(row, "data"), interval(row, "quenched"),
        f"{row['theory_in_window']:.3f}", f"{row['theory_alpha_0']:.5f}", f"{row['theory_alpha_bbp']:.5f}",
    ]  # fmt: skip


def _bends() -> list[str]:
    rows = found("figure-4").alpha_0
    gaps = rows["theory_alpha_0"] - rows["theory_in_window"]
    return [f"{gaps.min():.2f}", f"{gaps.max():.2f}"]


def _held() -> list[str]:
    rows = found("figure-4").alpha_0
    held = [
        rows["theory_in_window"].between(rows[f"{name}_low"], rows[f"{name}_high"]) for name in ("data", "quenched")
    ]
    return [str(int(sum(one.sum() for one in held))), str(2 * len(rows))]


def _narrower() -> list[str]:
    from hpcbbp.analysis.analysis import analyse

    rows = analyse(records("figure-1"), window=(1.2, 1.4)).alpha_0
    at = [one(rows, a=1.5, n=n) for n in (2e4, 2e5)]
    return [*(interval(row, "data") for row in at), f"{at[0]['theory_in_window']:.3f}"]


def densities() -> Iterator[Claim]:
    cases = ((SHARP, 2.0, (-0.5, 0, 1, 2)), (SMOOTH, 1.0, (-0.5, -0.3, -0.1)))
    for model, alpha, points in cases:
        for x in points:
            yield claim(f"| {model[2]:g} | {alpha:g} | {x:g} | {{}} | {{}} |", partial(_fractions, model, alpha, x))
    yield claim(
        r"Left of $\lambda_-$ there are {} to {} eigenvalues a spectrum at the sharp edge ($\alpha = 2$ has the two "
        "outliers), and {} in {} of six at the smooth one.",
        _left_of_edge,
    )


def _spectra(model: Model) -> np.ndarray[Any, Any]:
    return np.array([record["eigenvalues"] for record in records("figure-5") if record["a"] == model[2]])


def _fractions(model: Model, alpha: float, x: float) -> list[str]:
    return [mean_of((_spectra(model) < x).mean(axis=1)), f"{mass_below(model, alpha, x):.4f}"]


def _left_of_edge() -> list[str]:
    counts = {
        model: (_spectra(model) < spectrum(*model, alpha).lambda_minus).sum(axis=1)
        for model, alpha in ((SHARP, 2.0), (SMOOTH, 1.0))
    }
    some_left = counts[SMOOTH][counts[SMOOTH] > 0]
    words = {1: "one", 2: "two", 3: "three"}
    return [
        str(counts[SHARP].min()), str(counts[SHARP].max()), "/".join(map(str, sorted(set(some_left)))),
        words.get(len(some_left), str(len(some_left))),
    ]  # fmt: skip


def teachers() -> Iterator[Claim]:
    yield claim(
        r"($a = 1$: {} at $p^\ast = 1$, {} at 2, {} at 4).",
        lambda: [f"{transition(1, p_star, 1.0).alpha_bbp:.3g}" for p_star in (1, 2, 4)],
    )
    yield claim(
        r"at $a = 10$ it is discontinuous up to $p^\ast = {}$, with $\alpha_{\rm BBP} = {} p^\ast$.", _growing
    )


def _growing() -> list[str]:
    at = {p_star: transition(1, p_star, 10.0) for p_star in range(1, 8)}
    for a in (1.0, 0.1):
        assert all(transition(1, p_star, a).kind == "continuous" for p_star in (1, 2, 4, 10, 100))
    last = max(p_star for p_star, t in at.items() if t.kind == "discontinuous")
    ratios = {round(at[p_star].alpha_bbp / p_star, 2) for p_star in range(1, last + 1)}
    return [str(last), "/".join(f"{ratio:g}" for ratio in sorted(ratios))]
