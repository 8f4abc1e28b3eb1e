"""docs/finite-n.md: what instances and samples say."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd
from quenched import MODELS

from claims.pages import Claim
from claims.tables import SMOOTH, Model, bracket, mean_of, some, table
from hpcbbp.theory import outlier_std

PAGE = "docs/finite-n.md"

claim = partial(Claim, PAGE)


def power(n: float) -> str:
    """N as tables have it."""
    exponent = round(math.log10(n))
    return f"10^{exponent}" if n >= 1e4 and n == 10**exponent else f"{n:.0f}"


def typeset(n: float) -> str:
    """The same as a formula."""
    return re.sub(r"^10\^(\d+)$", r"$10^{\1}$" if n >= 1e10 else r"$10^\1$", power(n))


def samples(model: Model, alpha: float, n: float) -> pd.DataFrame:
    p, p_star, a = model
    rows = some(table("samples"), p=p, p_star=p_star, a=a, alpha=alpha, n=n)
    rows = rows[rows["seed"] < 1000]
    if rows.empty:
        raise LookupError(f"no samples of {model} at alpha = {alpha}, N = {n:g}")
    return rows


def mean_overlap2(rows: pd.DataFrame, outliers: int) -> pd.Series[float]:
    """Of the p p* outliers of each sample, 0 for what is lost."""
    return rows[[f"overlap2_{i + 1}" for i in range(outliers)]].fillna(0.0).mean(axis=1)


def whole_table(end_of_head: str, columns: int, rows: list[str]) -> str:
    """A piece of a page: the end of a table's head and its rows, so that each row is told from those of others."""
    return f"{end_of_head}\n|{'---|' * columns}\n" + "\n".join(rows)


def edges() -> Iterator[Claim]:
    """lambda_1 - edge in units of (20)."""
    sizes = [(100, 100), (200, 200), (400, 400), (800, 800), (1600, 1000)]
    names = ["100", "200", "400", "800", "1600 ($p = 2$: 1000)"]
    yield claim(
        whole_table(
            "in $\\sigma$ | deviation |", 7, [f"| {name} | " + " | ".join(["{}"] * 6) + " |" for name in names]
        ),
        lambda: [word for n_1, n_2 in sizes for word in _edge(n_1, n_2)],
    )
    yield claim(
        "From $N = 100$ to 1600 the measured distance falls by {} at $p = 1$; $N^{-2/3}$ is {}.\nFor $p = 2$", _falls
    )


def _distances(p: int, n: int) -> Any:
    rows = some(table("edge"), p=p, n=n, outliers=0)
    return (rows["lambda_1"] - rows["edge"]), rows["edge_scale"]


def _edge(n_1: int, n_2: int) -> list[str]:
    said = []
    for p, n in ((1, n_1), (2, n_2)):
        distance, unit = _distances(p, n)
        said += [mean_of(distance), mean_of(distance / unit, 2), f"{(distance / unit).std():.2f}"]
    return said


def _falls() -> list[str]:
    means = []
    for n in (100, 1600):
        distance, _ = _distances(1, n)
        means.append((distance.mean(), distance.sem() / distance.mean()))
    ratio = means[0][0] / means[1][0]
    return [bracket(ratio, ratio * math.hypot(means[0][1], means[1][1]), 1), f"{16 ** (2 / 3):.1f}"]


def separations() -> Iterator[Claim]:
    alphas = (1.0, 1.1, 1.2, 1.3)
    head = "| " + " | ".join(f"$\\alpha = {alpha:g}$" for alpha in alphas) + " |"
    yield claim(whole_table(head, 4, ["| {} | {} | {} | {} |"]), lambda: list(map(_separation, alphas)))


def _separation(alpha: float) -> str:
    rows = samples(SMOOTH, alpha, 1e4)
    return f"{((rows['edge'] - rows['eigenvalue_1']) / rows['edge_scale']).fillna(0.0).median():.2g}"


SCATTER = {
    "2, 1, 1.5, 3": ("smooth, alpha = 3", (2, 1, 1.5, 3.0), 300),
    "3, 1, 1.5, 3": ("wide, alpha = 3", (3, 1, 1.5, 3.0), 250),
    "1, 2, 1, 30": ("two teachers, a = 1", (1, 2, 1.0, 30.0), 300),
    "1, 2, 10, 30": ("two teachers, a = 10", (1, 2, 10.0, 30.0), 300),
}


def scatter() -> Iterator[Claim]:
    """Measured minus predicted means beside (21)."""
    for words, (name, point, n) in SCATTER.items():
        yield claim(f"| {words} | {n} | {{}} | {{}} | {{}} |", partial(_scatter, name, point, n))


def instances(name: str, n: float) -> pd.DataFrame:
    """Means over the pairs of each instance."""
    rows = some(table("quenched"), model=name, n=n)
    means = rows.drop(columns="model").groupby("seed").mean()
    if len(means) != MODELS[name][1][int(n)]:
        raise LookupError(f"{len(means)} of {MODELS[name][1][int(n)]} instances of {name} at N = {n:g}")
    return means


def _scatter(name: str, point: tuple[int, int, float, float], n: int) -> list[str]:
    rows = instances(name, n)
    spread = float((rows["eigenvalue"] - rows["quenched_eigenvalue"]).std()) * math.sqrt(n)
    expected = outlier_std(*point, n)
    assert expected is not None
    count = len(rows)
    return [str(count), bracket(spread, spread / math.sqrt(2 * count), 3), f"{expected * math.sqrt(n):.3f}"]


BESIDE = [
    ("continuous", "$p = 1$, $a = 1$, $\\alpha = 3$ (continuous)", (200, 800, 1e4, 1e5, 1e6)),
    ("sharp", "$p = 2$, $a = 0.7$, $\\alpha = 2$ (continuous)", (200, 800, 1e4)),
    (
        "smooth",
        "$p = 2$, $a = 1.5$, $\\alpha = 1.5$ (discontinuous, smooth edge)",
        (200, 800, 1e4, 1e5, 1e6),
    ),
    ("wide", "$p = 3$, $a = 1.5$, $\\alpha = 2$ (discontinuous)", (200, 800, 1e4, 1e5)),
]


def beside() -> Iterator[Claim]:
    """Bias and scatter of eigenvalues and overlaps beside predictions, a table of each."""
    rows = [
        f"| {words if i == 0 else ''} | {typeset(n)} | {{}} | {{}} | {{}} | {{}} |"
        for _, words, sizes in BESIDE
        for i, n in enumerate(sizes)
    ]
    rows.append("| $p = 3$, $a = 1.5$, $\\alpha = 3$ | $10^6$ | 1 | {} |  |  |")
    for words, what in (("\\lambda", "eigenvalue"), ("m^2", "overlap2")):
        head = f"bias of ${words}$ | scatter | $\\times N^{{1/2}}$ |"
        yield claim(whole_table(head, 6, rows), partial(_all_beside, what))
    yield claim("gives {} for that of $\\lambda$ times $N^{1/2}$; measured were", _law_of_scatter)
    yield claim("| scatter of $\\lambda$ times $N^{1/2}$ |" + " {} |" * 5, _scatters)
    yield claim("| its relative error |" + " {}% |" * 5, _errors_of_scatter)
    yield claim("| measured | predicted |\n|---|---|" + "\n| {} | {} |" * 5, _splittings)


def _all_beside(what: str) -> list[str]:
    said = [word for name, _, sizes in BESIDE for n in sizes for word in _beside(name, n, what)]
    (single,) = _gaps("wide, alpha = 3", 1e6, what)
    return [*said, f"{single:.4f}"]


def _beside(name: str, n: float, what: str) -> list[str]:
    gap = _gaps(name, n, what)
    return [str(len(gap)), bracket(gap.mean(), gap.sem(), 5), f"{gap.std():.5f}", f"{gap.std() * math.sqrt(n):.3f}"]


def _gaps(name: str, n: float, what: str) -> pd.Series[float]:
    """Measured minus predicted."""
    rows = instances(name, n)
    return rows[what] - rows[f"quenched_{what}"]


def _law_of_scatter() -> list[str]:
    expected = outlier_std(1, 1, 1.0, 3.0, 10**6)
    assert expected is not None
    return [f"{expected * 1e3:.3f}"]


def _scatters() -> list[str]:
    said = []
    for n in (200, 800, 1e4, 1e5, 1e6):
        rows = instances("continuous", n)
        said.append(f"{(rows['eigenvalue'] - rows['quenched_eigenvalue']).std() * math.sqrt(n):.3f}")
    return said


def _errors_of_scatter() -> list[str]:
    counts = [len(instances("continuous", n)) for n in (200, 800, 1e4, 1e5, 1e6)]
    return [f"{100 / math.sqrt(2 * (count - 1)):.0f}" for count in counts]


def _splittings() -> list[str]:
    instances("smooth", 1e4)  # all of them
    rows = some(table("quenched"), model="smooth", n=10**4)
    gaps = []
    for column in ("eigenvalue", "quenched_eigenvalue"):
        wide = rows.pivot_table(index="seed", columns="pair", values=column)
        gaps.append((wide[2] - wide[1]).head(5))
    return [f"{gap:.4f}" for both in zip(*gaps, strict=True) for gap in both]
