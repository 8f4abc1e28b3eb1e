"""`hpcbbp predict`: finite N over sampled projections, as table, picture, CSV and JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpcbbp.cli.options import A, Activation, Covariance, Estimator, Json, Link, Loss, Noise
from hpcbbp.cli.theory import Out, P, PStar, check_picture, files, parse_units, whole_number, writing

if TYPE_CHECKING:
    from hpcbbp.theory import Prediction


def predict(
    p: P,
    alpha: Annotated[list[float], typer.Option("--alpha", help="M/N; may be repeated.")],
    n: Annotated[list[str], typer.Option("-n", "--n", help="N, as 1000 or 1e6; may be repeated.")],
    a: A = None,
    p_star: PStar = 1,
    activation: Activation = None,
    loss: Loss = None,
    noise: Noise = None,
    link: Link = None,
    estimator: Estimator = None,
    covariance: Covariance = None,
    samples: Annotated[
        int | None, typer.Option("--samples", help="Samples of each (some 20 s worth on two cores, 3 to 400).")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Sample i has seed + i.")] = 0,
    out: Out = Path("predict.png"),
    as_json: Json = False,
) -> None:
    """Finite N: overlap, phi and lowest eigenvalue over sampled projections, no matrix; N up to 1e8 and more."""
    from hpcbbp.cli.output import Output
    from hpcbbp.cli.progress import SPOKEN
    from hpcbbp.cli.theory_tables import predict_tables
    from hpcbbp.figures.canvas import save
    from hpcbbp.figures.theory import predict_figure
    from hpcbbp.model.words import Parts
    from hpcbbp.theory.sampled.predict import sweep

    parts = Parts.given(
        activation=activation, loss=loss, noise=noise, link=link, estimator=estimator, covariance=covariance
    )
    sizes = [whole_number(word) for word in n]
    asked = sweep(parse_units(p), p_star, parts.constant(a, "-a"), alpha, sizes, samples, seed, parts)
    csv = check_picture(out)
    output = Output(as_json)

    def keep(known: Prediction) -> None:
        with writing(out):  # what is known survives a kill
            known.table().to_csv(csv, index=False, float_format="%.10g")

    found = asked.run(SPOKEN, keep)
    with writing(out):
        save(predict_figure(found), out)
    if as_json:
        answer = found.to_dict()
        points = answer.pop("points")
        output.json({**answer, "files": [str(out), str(csv)], "points": points})
    else:
        output.show(*predict_tables(found), *files(out, csv))
