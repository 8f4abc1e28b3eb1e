"""docs/finite-n.md: averages over drawn samples, and theory's own numbers there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from claims.density import mass_below
from claims.finite import claim, instances, mean_overlap2, samples, typeset, whole_table
from claims.half import fraction_seen_in, half_point_of
from claims.pages import Claim
from claims.tables import SHARP, SMOOTH, Model, bracket, mean_of, some, table
from hpcbbp import Instance, Problem, gaussian_instance
from hpcbbp.solvers.overlap import cosines
from hpcbbp.theory import effective_threshold, quenched, resonance, spectrum, transition
from hpcbbp.theory.limit.bulk import averages, left_edge
from hpcbbp.theory.limit.density import thinness
from hpcbbp.theory.limit.modes import modes


def on_average() -> Iterator[Claim]:
    """Sharp and smooth edges at all N; what lies below a discontinuous transition."""
    yield claim(
        "($p = 2$, $a = 1.5$, $\\alpha = 1$, $N = 800$: {} predicted, {} seen in 16 dense instances)", _too_low
    )
    rows = [f"| $10^{decade}$ | " + " | ".join(["{}"] * 6) + " |" for decade in range(2, 9)]
    yield claim(
        whole_table("smooth: informed |", 7, rows),
        lambda: [word for decade in range(2, 9) for word in _sharp_and_smooth(10**decade)],
    )
    yield claim(
        "In six decades $\\lambda_1 - \\lambda_-$ falls from {} to {}, from $10^4$ to $10^8$ by a sixth.", _slow
    )
    yield claim(
        "| 1.2 | {} | {} | {} | {} | - | {} | resonance |",
        lambda: [*_overlaps(1.2, (1e4, 1e5, 1e6, 1e7)), f"{resonance(*SMOOTH, 1.2).overlap2:.4f}"],
    )
    yield claim(
        "| 1.5 | {} | {} | {} | {} | {} | {} | outlier |",
        lambda: [*_overlaps(1.5, (1e4, 1e5, 1e6, 1e7, 1e8)), f"{spectrum(*SMOOTH, 1.5).overlap2:.4f}"],
    )
    yield claim(
        "12 instances by deferred Krylov differ from their own predictions by {} in $\\lambda$ and {} in $m^2$ ({} "
        "on average over pairs)",
        _below,
    )


def _overlaps(alpha: float, sizes: tuple[float, ...]) -> list[str]:
    """Mean m^2 of the p p* lowest vectors."""
    return [f"{mean_overlap2(samples(SMOOTH, alpha, n), 2).mean():.4f}" for n in sizes]


def _too_low() -> list[str]:
    rows = instances("smooth, alpha = 1", 800)
    return [f"{rows['quenched_overlap2'].mean():.3f}", f"{rows['overlap2'].mean():.3f}"]


def _sharp_and_smooth(n: int) -> list[str]:
    sharp, smooth = samples(SHARP, 0.85, n), samples(SMOOTH, 1.0, n)
    far = smooth["lambda_1"] - spectrum(*SMOOTH, 1.0).lambda_minus
    digits = 4 if n < 1e4 else 5
    from_edge = (sharp["lambda_1"] - sharp["edge"]).mean()
    return [
        f"{from_edge:.2g}",
        mean_of(sharp["lambda_1"] - spectrum(*SHARP, 0.85).lambda_minus, digits),
        mean_of(far, digits),
        f"{far.mean() * math.log(n):.3f}",
        f"{smooth['overlap2_1'].fillna(0.0).mean():.4f}",
        f"{(smooth['outliers'] > 0).mean():.2f}",
    ]


def _slow() -> list[str]:
    return [
        f"{(samples(SMOOTH, 1.0, n)['lambda_1'] - spectrum(*SMOOTH, 1.0).lambda_minus).mean():.3f}"
        for n in (1e2, 1e8)
    ]


def _below() -> list[str]:
    rows = instances("below", 1e4)
    gaps = [rows[what] - rows[f"quenched_{what}"] for what in ("eigenvalue", "overlap2")]
    return [*(bracket(gap.mean(), gap.sem()) for gap in gaps), f"{rows['overlap2'].mean():.3f}"]


LOST = [
    ((1, 1, 5.0), 10**4), ((1, 1, 5.0), 10**5), ((1, 1, 10.0), 10**4), ((1, 1, 10.0), 10**5), ((2, 1, 1.5), 10**5),
    ((3, 1, 1.5), 10**5), ((1, 2, 20.0), 10**4), ((1, 2, 20.0), 10**5), ((2, 2, 3.0), 10**4), ((2, 2, 3.0), 10**5),
]  # fmt: skip


def thresholds() -> Iterator[Claim]:
    """alpha_BBP(N) beside the half points of samples."""
    for model, n in LOST:
        p, p_star, a = model
        head = f"| ({p}, {p_star}, {a:g}) | {{}} | {typeset(n)} | "
        yield claim(head + " | ".join(["{}"] * 5) + " |", partial(_lost, model, n))
    yield claim(
        "half of the samples are informed at {}, and half of the outliers are seen at {}.", _informed_and_seen
    )


def _around(model: Model, n: int) -> pd.DataFrame:
    p, p_star, a = model
    rows = some(table("samples"), p=p, p_star=p_star, a=a, n=n)
    return rows[rows["seed"] >= 1000]


def _lost(model: Model, n: int) -> list[str]:
    rows, theory = _around(model, n), effective_threshold(*model, n)
    counts = rows.groupby("alpha")["seed"].count()
    value, error = half_point_of(rows, partial(fraction_seen_in, model))
    assert theory.alpha is not None
    return [
        f"{transition(*model).alpha_bbp:.4f}", str(counts.iloc[0]), bracket(value, error, 3), f"{theory.alpha:.3f}",
        f"{100 * (theory.alpha / value - 1):+.1f}%", "yes" if theory.trusted else "no",
    ]  # fmt: skip


def _informed_and_seen() -> list[str]:
    model, n = (1, 1, 10.0), 10**5
    rows = _around(model, n)
    informed, error = half_point_of(rows, lambda alpha, part: (part["outliers"] > 0).astype(float))
    seen, _ = half_point_of(rows, partial(fraction_seen_in, model))
    return [bracket(informed, error, 2), f"{seen:.2f}"]


def limits() -> Iterator[Claim]:
    """Theory's own numbers on this page."""
    yield claim(
        "The tangent to $\\alpha_0$ (red dots) says {} at $\\alpha = 1.2$,", lambda: [f"{tangent(SMOOTH, 1.2):.4f}"]
    )
    yield claim("here $A = {}$.\nThe distance", lambda: [f"{thinness(*SMOOTH, 1.0):.4f}"])
    yield claim(
        "The distance times $\\log M$ is {} at $N = 10^8$; it need not approach",
        lambda: [f"{_far(1e8) * math.log(1e8):.3f}"],
    )
    yield claim(
        "(the point where the density itself leaves half an eigenvalue has $x \\log N = {}$ at $10^8$ and {} at "
        "$10^{10}$)",
        lambda: [f"{_half_an_eigenvalue(n) * math.log(n):.3f}" for n in (1e8, 1e10)],
        slow=True,
    )
    yield claim(
        "Between $\\alpha = 1$ and $\\alpha_{\\rm BBP} = {}$ nearly every sample",
        lambda: [f"{transition(*SMOOTH).alpha_bbp:.4f}"],
    )
    yield claim("({} on traceless and {} on antisymmetric matrices, against 1)", softest)


def softest() -> list[str]:
    """What delta -> G alpha <E delta E> G does to the regular modes, at the edge of (2, 1, 0.1), alpha = 0.7."""
    point = (2, 1, 0.1, 0.7)
    plain, _ = averages(*point[:3]).products(left_edge(*point)[2])
    at = modes(2, plain)
    return [f"{value / at.trace:.3f}" for value in (at.traceless, at.antisymmetric)]


def _far(n: float) -> float:
    return float((samples(SMOOTH, 1.0, n)["lambda_1"] - spectrum(*SMOOTH, 1.0).lambda_minus).mean())


def _half_an_eigenvalue(n: float) -> float:
    """x - lambda_- where p N times the integral of rho is 1/2."""
    left = spectrum(*SMOOTH, 1.0).lambda_minus
    return float(brentq(lambda x: 2 * n * mass_below(SMOOTH, 1.0, left + x) - 0.5, 0.015, 0.03, xtol=1e-7))


def gram() -> Iterator[Claim]:
    yield claim(
        "| dense eigenvalues and vectors | {} | {} | {} | {} |\n| predicted, with $C$ | {} | {} | {} | {} |\n"
        "| predicted, without | {} | {} | {} | {} |",
        _two_teachers,
    )


def _two_teachers() -> list[str]:
    """The instance of tests/theory/test_fluctuations.py."""
    n, rng = 400, np.random.default_rng(5)
    drawn = gaussian_instance(Problem(p=1, p_star=2, alpha=30.0, a=10.0), n, 1)
    first, other = rng.standard_normal((2, n))
    teacher = np.array([first, 0.3 * first + 0.95 * other]).T
    teacher *= math.sqrt(n) / np.linalg.norm(teacher, axis=0)
    instance = Instance(drawn.problem, drawn.data, teacher, drawn.student, 1)
    X, D = instance.data.local, instance.hessian.curvature.dense()[:, 0, 0]
    values, vectors = np.linalg.eigh(X.T @ (D[:, None] * X))
    m2 = ((vectors[:, :2].T @ teacher) ** 2).sum(axis=1) / n
    exact = quenched(*instance.projections, 10.0, n, gram=cosines(instance.student, teacher, instance.data.group))
    plain = quenched(*instance.projections, 10.0, n)
    numbers = [*values[:2], *m2]
    for found in (exact, plain):
        numbers += [*found.eigenvalues[:2], *found.overlap2[:2]]
    return [f"{number:.3f}" for number in numbers]


def tangent(model: Model, alpha: float) -> float:
    """m^2 on the straight line from alpha_0 to the jump at alpha_BBP."""
    at = transition(*model)
    assert at.alpha_0 is not None
    return at.jump_overlap2 * (alpha - at.alpha_0) / (at.alpha_bbp - at.alpha_0)
