"""`hpcbbp theory`, `phase-diagram`: theory as tables, pictures, CSV and JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from hpcbbp.cli.options import A, Activation, Covariance, Estimator, Json, Link, Loss, Noise
from hpcbbp.errors import InputError
from hpcbbp.machine.files import check_writable

PStar = Annotated[int, typer.Option("--p-star", help="Hidden units of the teacher.")]
P = Annotated[str, typer.Option("-p", "--p", help="Hidden units of the student; inf for the limit (of p H).")]
Out = Annotated[Path, typer.Option("--out", help="Picture (.png, .pdf, .svg); its numbers beside it as .csv.")]

Sizes = Annotated[
    list[str] | None, typer.Option("-n", "--n", help="N for alpha_BBP(N), as 1000 or 1e6; may be repeated.")
]

_PATIENCE = 10.0  # seconds without a word about progress

MOST_DIGITS = 308
"""Of an N that is read: longer ones are none."""

PICTURES = (".png", ".pdf", ".svg")


def theory(
    p: P,
    a: A = None,
    p_star: PStar = 1,
    alpha: Annotated[list[float] | None, typer.Option("--alpha", help="M/N; may be repeated.")] = None,
    n: Sizes = None,
    activation: Activation = None,
    loss: Loss = None,
    noise: Noise = None,
    link: Link = None,
    estimator: Estimator = None,
    covariance: Covariance = None,
    as_json: Json = False,
) -> None:
    """Thresholds, left edge, outlier and overlap at N = infinity, exact to 1e-8; alpha_BBP(N) at finite N.

    Of other models than the paper's with an estimate of the error.
    """
    from hpcbbp.cli.answers import theory_answer
    from hpcbbp.cli.output import Output
    from hpcbbp.cli.theory_tables import theory_tables
    from hpcbbp.model.words import Parts

    parts = Parts.given(
        activation=activation, loss=loss, noise=noise, link=link, estimator=estimator, covariance=covariance
    )
    units, sizes = parse_units(p), [whole_number(word) for word in n or []]
    model, alphas = (units, p_star, parts.constant(a, "-a"), str(parts)), alpha or []
    if sizes and parts.unusual():
        raise InputError(
            f"-n {sizes[0]:g} with {str(parts).split()[0]}: alpha_BBP(N) is known for the paper's model alone; "
            "hpcbbp predict draws samples of any model at any N"
        )
    output = Output(as_json)
    with progress_of(1 + len(alphas), "answers") as part:
        answer = theory_answer(model, alphas, sizes, part)
    if as_json:
        output.json(answer)
    else:
        output.show(*theory_tables(answer))


def phase_diagram(
    p_star: PStar = 1,
    p: Annotated[
        list[str] | None, typer.Option("-p", "--p", help="Hidden units of a student, a curve each; may be repeated.")
    ] = None,
    a_min: Annotated[float, typer.Option("--a-min", help="Smallest loss constant.")] = 0.01,
    a_max: Annotated[float, typer.Option("--a-max", help="Largest loss constant.")] = 3.0,
    points: Annotated[int, typer.Option("--points", help="Values of a, evenly spaced.")] = 60,
    a: Annotated[
        list[float] | None,
        typer.Option("-a", "--a", help="These values of a instead, shown in full; may be repeated."),
    ] = None,
    inset: Annotated[
        list[float] | None, typer.Option("--inset-a", help="Values of a for the panel against p; may be repeated.")
    ] = None,
    n: Sizes = None,
    out: Out = Path("phase-diagram.png"),
    as_json: Json = False,
) -> None:
    """alpha_BBP(a) for several widths: continuous and discontinuous parts, p = infinity, alpha_0 (figures 2, 6).

    With -n also alpha_BBP(N), where half of the outliers of instances of that N are seen.
    """
    import pandas as pd

    from hpcbbp.cli.output import Output
    from hpcbbp.cli.theory_tables import phase_tables
    from hpcbbp.figures.canvas import save
    from hpcbbp.figures.theory import phase_figure
    from hpcbbp.theory.finite.threshold import check_effective_size
    from hpcbbp.theory.phase_diagram import INSET, WIDTHS, even, phase_table

    widths = [parse_units(word) for word in p] if p else list(WIDTHS)
    sizes = sorted({whole_number(word) for word in n or []})
    for width in widths:
        for size in sizes:
            check_effective_size(size, width, p_star)
    csv = check_picture(out)
    constants = a or even(a_min, a_max, points)
    with progress_of(1) as part:
        heard = part(f"p* = {p_star}")
        made = phase_table(widths, p_star, constants, inset or INSET, sizes=sizes, with_a_c=not a, progress=heard)
    output = Output(as_json)
    with writing(out):
        pd.concat([made.rows, made.thresholds] if sizes else [made.rows]).to_csv(
            csv, index=False, float_format="%.10g"
        )
        save(phase_figure(made), out)
    if as_json:
        names = [str(out), str(csv)]
        output.json({"p_star": p_star, "files": names, "curves": made.curves(), "rows": made.points(),
                     "effective": made.at_finite_n()})  # fmt: skip
    else:
        output.show(
            *phase_tables(made.curves(), p_star, made.points() if a else [], made.at_finite_n()), *files(out, csv)
        )


@contextmanager
def progress_of(count: int, noun: str = "tables") -> Iterator[Callable[[str], Callable[[float], None]]]:
    """Progress of a few equal parts, on standard error, if they take long: part(label) hears the share of one."""
    from hpcbbp.cli.progress import CampaignProgress

    with CampaignProgress(float(count), count, noun=noun, patience=_PATIENCE) as bar:

        def part(label: str) -> Callable[[float], None]:
            told = 0.0

            def heard(share: float) -> None:
                nonlocal told
                bar.advance(share - told, label, instances=int(share >= 1.0 > told))
                told = share

            return heard

        yield part


def word(text: str) -> str:
    """What was typed, cut if it is long."""
    return text if len(text) <= 60 else f"{text[:57]}..."


def parse_units(text: str) -> float:
    """A whole number, or inf; InputError for anything else."""
    if text in ("inf", "infinity"):
        return math.inf
    try:
        return int(text)
    except ValueError:
        raise InputError(f"p = {word(text)}: the number of hidden units is a whole number, or inf") from None


def whole_number(text: str) -> int:
    """N >= 2 as 1000 or 1e3; InputError for anything else."""
    try:
        value = Decimal(text)  # 1e30 is 10^30, which no float is
    except ArithmeticError:
        value = Decimal("nan")
    if not (value.is_finite() and abs(value.adjusted()) < MOST_DIGITS and value == int(value) and value >= 2):
        raise InputError(f"N = {word(text)}: a whole number >= 2 is wanted, as 1000 or 1e6")
    return int(value)


def check_picture(out: Path) -> Path:
    """Return where the numbers of a picture go; InputError unless both can be written."""
    if out.suffix.lower() not in PICTURES:
        raise InputError(f"--out {out}: the name of a picture ends in one of {', '.join(PICTURES)}")
    csv = out.with_suffix(".csv")
    check_writable(f"--out {out}", out.parent, (out, csv))
    return csv


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """A picture or table that cannot be written is an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written ({error.strerror or error})") from None


def files(*paths: Path) -> Sequence[str]:
    """Lines that name the files written."""
    return [f"{'picture' if path.suffix != '.csv' else 'table':8} {path}" for path in paths]
