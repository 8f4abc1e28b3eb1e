"""docs/results.md: other activations (figure 8), and the loss's Hessian beside estimators (figure estimators)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd

from claims.pages import Claim
from claims.tables import bracket, found, records, some
from hpcbbp.theory.named import Model, known_spectrum_of, known_transition_of

PAGE = "docs/results.md"

claim = partial(Claim, PAGE)
slow = partial(Claim, PAGE, slow=True)

SIGMOID: Model = (2, 1, 1.0, "activation=sigmoid")
TANH: Model = (2, 1, 50.0, "activation=tanh")
RETRIEVAL: Model = (1, 1, 1.0, "")
PRODUCT: Model = (2, 2, 1.0, "loss=log-cosh link=product")
SIGN: Model = (2, 2, 1.0, "loss=log-cosh link=sign-product")


def optimal(model: Model) -> Model:
    """The estimator for the labels of a loss's model."""
    words = "link=product estimator=optimal" if model is PRODUCT else "link=sign-product estimator=optimal"
    return (1, 1, 1.0, "estimator=bounded:20") if model is RETRIEVAL else (2, 2, 1.0, words)


def rows_of(name: str, model: Model, **where: float) -> pd.DataFrame:
    p, p_star, a, *parts = model
    return some(found(name).curves, p=p, p_star=p_star, a=a, parts=str(*parts), **where)


def measured(name: str, model: Model, alpha: float, n: float) -> str:
    """m^2 of the lowest vector."""
    (row,) = rows_of(name, model, alpha=alpha, n=n).to_dict("records")
    return bracket(row["overlap2_1"], row["overlap2_1_sem"])


def told(model: Model, alpha: float) -> str:
    return f"{known_spectrum_of(model, alpha).mean_overlap2(1):.4f}"


def thresholds(*models: Model) -> list[str]:
    found_at = [known_transition_of(model) for model in models]
    return [f"{at.alpha_bbp:.4g}" for at in found_at if at is not None]


def apart(model: Model, n: float, least: float) -> str:
    """Largest difference between mean and theory at alphas from `least` on."""
    rows: Any = rows_of("figure-8", model, n=n)
    rows = rows[rows["alpha"] > least]
    off = [
        abs(row["overlap2_1"] - known_spectrum_of(model, row["alpha"]).mean_overlap2(1))
        for row in rows.to_dict("records")
    ]
    return f"{max(off):.4f}"


def counted(name: str) -> list[str]:
    known = records(name)  # not analysed: theory of these models takes seconds a point
    return [str(len(known)), str(sum(all(record["converged_flags"]) for record in known))]


def jump(model: Model) -> str:
    at = known_transition_of(model)
    assert at is not None
    return f"{at.jump_overlap2:.3f}"


def activations() -> Iterator[Claim]:
    yield claim("sigmoid and tanh: {} instances, {} of them converged.", lambda: counted("figure-8"))
    yield slow(
        r"$\alpha_{\rm BBP}$ is {} for the sigmoid with $a = 1$, where $m^2$ jumps to {}, and {} for tanh with "
        "$a = 50$, where it does not jump.",
        lambda: [*thresholds(SIGMOID), jump(SIGMOID), *thresholds(TANH)],
    )
    for name, model, alpha, sizes in (
        ("sigmoid", SIGMOID, (4.9, 9.8), (20_000, 200_000)),
        ("tanh", TANH, (2.7, 5.4), (20_000, 200_000)),
    ):
        for at in alpha:
            yield slow(
                f"| {name} | {at:g} | {{}} | {{}} | {{}} |",
                lambda at=at, model=model, sizes=sizes: [
                    *(measured("figure-8", model, at, n) for n in sizes), told(model, at)
                ],
            )  # fmt: skip
    yield slow(
        "At $N = 10^6$, one instance a point, the largest difference from theory is {} for the sigmoid and {} for "
        "tanh.",
        lambda: [apart(SIGMOID, 1e6, 0.0), apart(TANH, 1e6, 0.0)],
    )


def estimators() -> Iterator[Claim]:
    yield claim("three teachers: {} instances, {} of them converged.", lambda: counted("figure-estimators"))
    for name, model, alpha, n, other, other_n in (
        ("u^2", RETRIEVAL, 4.0, 1_000_000, 3.0, 1_000_000),
        ("u_1 u_2", PRODUCT, 3.0, 2000, 2.0, 100_000),
        (r"\mathrm{sign}(u_1 u_2)", SIGN, 40.0, 1000, 7.0, 100_000),
    ):
        yield slow(
            f"| $y = {name}$ | {{}} | {alpha:g} | {{}} | {{}} | {{}} | {other:g} | {{}} | {{}} |",
            lambda model=model, alpha=alpha, n=n, other=other, other_n=other_n: [
                *thresholds(model), measured("figure-estimators", model, alpha, n), told(model, alpha),
                *thresholds(optimal(model)), measured("figure-estimators", optimal(model), other, other_n),
                told(optimal(model), other),
            ],
        )  # fmt: skip
