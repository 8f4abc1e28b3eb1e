"""`hpcbbp predict`: finite N over sampled projections, as table, picture, CSV and JSON."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from hpcbbp.cli.options import Json
from hpcbbp.cli.theory import A, Out, P, PStar, check_picture, files, parse_units, word, writing
from hpcbbp.errors import InputError

_SECONDS = 6.5e-7  # of a prediction a sample mu, p = 2, p* = 1 (benchmarks/theory.py)


def predict(
    p: P,
    a: A,
    alpha: Annotated[list[float], typer.Option("--alpha", help="M/N; may be repeated.")],
    n: Annotated[list[str], typer.Option("-n", "--n", help="N, as 1000 or 1e6; may be repeated.")],
    p_star: PStar = 1,
    samples: Annotated[
        int | None, typer.Option("--samples", help="Samples of each (some 20 s worth on two cores, 3 to 400).")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Sample i has seed + i.")] = 0,
    out: Out = Path("predict.png"),
    as_json: Json = False,
) -> None:
    """Finite N: overlap, phi and lowest eigenvalue over sampled projections, no matrix; N up to 1e8 and more."""
    import pandas as pd

    from hpcbbp.model.problem import Problem
    from hpcbbp.theory import spectrum, transition
    from hpcbbp.theory.finite.projections import check_widths

    units = parse_units(p)
    if units == math.inf:
        raise InputError("p = inf: predictions at finite N are for a finite number of hidden units")
    sizes = sorted({whole_number(word) for word in n})
    problems = [Problem(p=int(units), p_star=p_star, alpha=value, a=a) for value in sorted(set(alpha))]
    check_widths(int(units), p_star)
    at = transition(units, p_star, a)
    limits = [spectrum(units, p_star, a, problem.alpha) for problem in problems]
    csv = check_picture(out)
    from hpcbbp.cli.output import Output
    from hpcbbp.cli.output import note as tell
    from hpcbbp.cli.progress import CampaignProgress
    from hpcbbp.cli.tables import predict_tables
    from hpcbbp.figures.canvas import save
    from hpcbbp.figures.theory import predict_figure
    from hpcbbp.machine.wording import duration
    from hpcbbp.theory.domain import check_count
    from hpcbbp.theory.finite.average import SAMPLES_MAX, default_samples, finite_size
    from hpcbbp.theory.finite.projections import check_samples

    output = Output(as_json)
    jobs = [(size, problem, limit) for size in sizes for problem, limit in zip(problems, limits, strict=True)]
    if samples is not None:
        check_count("samples", samples, 2, SAMPLES_MAX)
    counts = [default_samples(problem, size) if samples is None else samples for size, problem, _ in jobs]
    work = [check_samples(problem, size) + 1e4 for size, problem, _ in jobs]
    rows: list[dict[str, Any]] = []
    total = sum(each * count for each, count in zip(work, counts, strict=True))
    rows_drawn = sum(problem.samples(size) * count for (size, problem, _), count in zip(jobs, counts, strict=True))
    expected = _SECONDS * rows_drawn * (int(units) * (int(units) + p_star) / 6) ** 2
    if expected > 120:
        tell(f"about {duration(expected)} on two cores")
    with CampaignProgress(total, sum(counts), noun="samples") as bar:
        for (size, problem, limit), count, each in zip(jobs, counts, work, strict=True):
            label = f"N = {size:.3g}, alpha = {problem.alpha:g}"

            told = 0.0  # share of the current sample

            def note(_: Any, each: float = each, label: str = label) -> None:
                nonlocal told
                bar.advance(each * (1.0 - told), label)
                told = 0.0

            def within(share: float, each: float = each, label: str = label) -> None:
                nonlocal told
                bar.advance(each * (share - told), label, instances=0)
                told = share

            found = finite_size(problem, size, count, seed, note, within)
            limits_at = {"limit_lambda_minus": limit.lambda_minus, "limit_lambda_star": limit.lambda_star}
            rows.append({"alpha": problem.alpha, **vars(found), **limits_at, "limit_overlap2": limit.overlap2})
            with writing(out):  # what is known survives a kill
                pd.DataFrame(rows).to_csv(csv, index=False, float_format="%.10g")
    answer = {
        "p": int(units),
        "p_star": p_star,
        "a": a,
        "seed": seed,
        "alpha_bbp": at.alpha_bbp,
        "transition": at.kind,
        "alpha_0": at.alpha_0,
        "files": [str(out), str(csv)],
        "points": rows,
    }
    with writing(out):
        save(predict_figure(answer), out)
    if as_json:
        output.json(answer)
    else:
        output.show(*predict_tables(answer), *files(out, csv))


def whole_number(text: str) -> int:
    """N >= 2 as 1000 or 1e3; InputError for anything else."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value == int(value) and value >= 2):
        raise InputError(f"N = {word(text)}: a whole number >= 2 is wanted, as 1000 or 1e6")
    return int(value)
