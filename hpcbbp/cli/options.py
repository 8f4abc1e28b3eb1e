"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer


def among(*words: str) -> Callable[[str], list[str]]:
    """What a shell offers for a value that is one of these words. Nothing is imported to know them: it is waiting."""
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


METHODS = among("stored", "dice", "regenerated", "deferred", "dense")

A = Annotated[float | None, typer.Option("-a", "--a", help="Constant a > 0 of the normalised loss.")]
Activation = Annotated[
    str | None,
    typer.Option(
        "--activation",
        help="Of student and teacher: quadratic, tanh, ... (hpcbbp models).",
        autocompletion=among("quadratic", "tanh", "sigmoid", "erf", "softplus", "polynomial"),
    ),
]
Loss = Annotated[
    str | None,
    typer.Option(
        "--loss",
        help="normalized-square, square, log-cosh, logistic.",
        autocompletion=among("normalized-square", "square", "log-cosh", "logistic"),
    ),
]
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

Seed = Annotated[int, typer.Option("--seed", help="One seed is one instance on any number of ranks.")]
N = Annotated[int | None, typer.Option("-n", "--n", help="Input dimension N.")]
P = Annotated[int | None, typer.Option("-p", "--p", help="Hidden units of the student.")]
PStar = Annotated[int | None, typer.Option("--p-star", help="Hidden units of the teacher (1).")]
Alpha = Annotated[float | None, typer.Option("--alpha", help="M/N.")]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        help="float64, float32; stored also bf16, int8; deferred also int16 (float64, or as in the file).",
        autocompletion=among("float64", "float32", "bf16", "int8", "int16"),
    ),
]
Data = Annotated[
    str | None,
    typer.Option("--data", help="Your own X, M x N: FILE.npy, FILE.h5[:DATASET] (with stored or dense)."),
]
Teacher = Annotated[str | None, typer.Option("--teacher", help="Teacher weights, p* x N (with --data).")]
Student = Annotated[str | None, typer.Option("--student", help="Student weights, p x N (with --data).")]
CheckpointEvery = Annotated[
    float | None, typer.Option("--checkpoint-every", help="Seconds between checkpoints (600); 0: every step.")
]
OperatorName = Annotated[
    str | None,
    typer.Option(
        "--operator",
        metavar="MODULE:FUNCTION",
        help="An operator of your own in place of a Hessian: what a function of the group of ranks returns.",
    ),
]
Checkpoint = Annotated[
    str | None, typer.Option("--checkpoint", help="Folder for the state of long work; the same command goes on.")
]
WallTime = Annotated[
    float | None,
    typer.Option("--wall-time", help="With --checkpoint: stop after so many seconds, exit code 75, to go on later."),
]
PetscOptions = Annotated[
    list[str] | None,
    typer.Argument(metavar="[-- PETSC_OPTIONS]", help="e.g. -- -eps_monitor -eps_ncv 80"),
]
