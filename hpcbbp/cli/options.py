"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

A = Annotated[float | None, typer.Option("-a", "--a", help="Constant a > 0 of the normalised loss.")]
Activation = Annotated[
    str | None, typer.Option("--activation", help="Of student and teacher: quadratic, tanh, ... (hpcbbp models).")
]
Loss = Annotated[str | None, typer.Option("--loss", help="normalized-square, square, log-cosh, logistic.")]
Noise = Annotated[str | None, typer.Option("--noise", help="On the labels: gaussian:SIGMA, uniform:HALF-WIDTH, ...")]
Link = Annotated[
    str | None, typer.Option("--link", help="Of the teacher, in place of the student's form: product, norm, ...")
]

Covariance = Annotated[
    str | None,
    typer.Option(
        "--covariance", help="Of drawn data, x ~ N(0, Sigma/N): levels:VALUE,SHARE,..., uniform:HALF-WIDTH."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, and nothing else there.")]
Estimator = Annotated[
    str | None,
    typer.Option("--estimator", help="In place of a loss, p = p*: optimal, bounded:BOUND, trimmed:CUT (of -T)."),
]
