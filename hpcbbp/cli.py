"""The command line: parse, call, print."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from hpcbbp._version import __version__
from hpcbbp.errors import InputError

T = TypeVar("T")

# Typer carries its own copy of click or uses the installed one, depending on its version.
_UsageError: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

app = typer.Typer(
    help="BBP transitions of loss Hessians: matrix-free eigensolver on MPI ranks, beside exact theory.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

P = Annotated[int, typer.Option("-p", "--p", help="Hidden units of the student.")]
PStar = Annotated[int, typer.Option("--p-star", help="Hidden units of the teacher.")]
A = Annotated[float, typer.Option("-a", "--a", help="Constant a > 0 of the normalised loss.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, and nothing else there.")]


@app.callback(invoke_without_command=True)
def _top(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(f"hpcbbp {__version__}")
        raise typer.Exit


@app.command()
def theory(
    p: P,
    a: A,
    p_star: PStar = 1,
    alpha: Annotated[list[float] | None, typer.Option("--alpha", help="M/N; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Thresholds, left edge, outlier and overlap at N = infinity, exact to 1e-8."""
    from hpcbbp.theory import spectrum, transition

    at = transition(p, p_star, a)
    points = [spectrum(p, p_star, a, value) for value in alpha or []]
    answer = {
        "p": p,
        "p_star": p_star,
        "a": a,
        "alpha_c": at.alpha_c,
        "alpha_bbp": at.alpha_bbp,
        "transition": at.kind,
        "jump_overlap2": at.jump_overlap2,
        "alpha_0": at.alpha_0,
        "points": [
            {
                "alpha": point.alpha,
                "lambda_minus": point.lambda_minus,
                "edge": point.edge,
                "lambda_star": point.lambda_star,
                "overlap2": point.overlap2,
            }
            for point in points
        ],
    }
    from hpcbbp.console import Output
    from hpcbbp.report import theory_tables

    output = Output(as_json)
    if as_json:
        output.json(answer)
    else:
        output.show(*theory_tables(answer))


@app.command()
def solve(
    n: Annotated[int | None, typer.Option("-n", "--n", help="Input dimension N.")] = None,
    p: Annotated[int | None, typer.Option("-p", "--p", help="Hidden units of the student.")] = None,
    p_star: Annotated[int | None, typer.Option("--p-star", help="Hidden units of the teacher (1).")] = None,
    a: Annotated[float | None, typer.Option("-a", "--a", help="Constant a > 0 of the normalised loss.")] = None,
    alpha: Annotated[float | None, typer.Option("--alpha", help="M/N.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="One seed is one instance on any number of ranks.")] = 0,
    nev: Annotated[int | None, typer.Option("--nev", help="Eigenpairs wanted (p p* + 2).")] = None,
    tol: Annotated[float, typer.Option("--tol", help="Relative residual |Hv - lambda v| / |lambda|.")] = 1e-8,
    storage: Annotated[
        str | None, typer.Option("--storage", help="float64 or float32 (float64, or as in the file).")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", help="stored, dice (never formed), or your X, M x N: FILE.npy, FILE.h5[:DATASET]."),
    ] = None,
    teacher: Annotated[str | None, typer.Option("--teacher", help="Teacher weights, p* x N (with --data).")] = None,
    student: Annotated[str | None, typer.Option("--student", help="Student weights, p x N (with --data).")] = None,
    as_json: Json = False,
    petsc_options: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- PETSC_OPTIONS]", help="e.g. -- -eps_monitor -eps_ncv 80"),
    ] = None,
) -> None:
    """Lowest eigenpairs of the Hessian and their overlaps, for a drawn instance or your own data.

    Under mpirun all ranks work on the one instance.
    """
    from hpcbbp import eigen, petsc
    from hpcbbp.console import Output, SolveProgress, warn
    from hpcbbp.instance import MAKERS, check_dimension, file_instance, gaussian_instance, solve_instance
    from hpcbbp.parallel import Group, abort_on_error
    from hpcbbp.problem import Problem
    from hpcbbp.report import solve_tables

    options = check_petsc_options(petsc_options or [])
    drawn = data if data in MAKERS else None
    if drawn and (teacher or student):
        raise InputError(f"--data {drawn} draws the weights too: leave --teacher and --student out")
    own = check_sources(None if drawn else data, teacher, student, {"-n": n, "-p": p, "--alpha": alpha})
    if a is None:
        raise InputError("-a is missing: the constant of the normalised loss, a > 0")
    check_common(seed, tol, nev, storage)
    if own is None:  # everything is checked here, before MPI is started; again, for users of Python, further down
        problem = Problem(p=given(p), p_star=1 if p_star is None else p_star, alpha=given(alpha), a=a)
        problem.samples(check_dimension(given(n)))
        eigen.check_arguments(1 if nev is None else nev, tol, problem.p * given(n))
    output = Output(as_json)
    petsc.initialize(options)
    if own is None:
        eigen.check_index(nev, problem.p, problem.p_star, given(n))
    group = Group.world()
    with abort_on_error(group):
        if own is not None:
            instance = file_instance(*own, a=a, seed=seed, storage=storage, nev=nev, group=group)
            units = (
                ("p", p, instance.problem.p, own[2]),
                ("p_star", p_star, instance.problem.p_star, own[1]),
            )
            for name, asked, found, file in units:
                if asked is not None and asked != found:
                    raise InputError(f"{name} = {asked} was given, but {file} has {found} row(s); leave {name} out")
        else:
            instance = gaussian_instance(
                problem, given(n), seed, storage=storage or "float64", data=drawn or "stored", nev=nev, group=group
            )
        model = instance.problem
        wanted = nev or eigen.default_nev(model.p, model.p_star, instance.data.n)
        solution = solve_instance(instance, wanted, tol=tol, progress=SolveProgress(group, wanted, tol))
        unused = petsc.unused_options()
        if group.rank == 0:
            answer = solution.to_dict()
            if as_json:
                output.json(answer)
            else:
                output.show(*solve_tables(answer))
            for name in unused:
                warn(f"PETSc option -{name} was not used by anything (see -help for those there are)")
            if answer["converged"] < answer["nev"]:
                warn(
                    f"{answer['nev'] - answer['converged']} of {answer['nev']} pairs have not converged: "
                    f"{answer['reason']}"
                )


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for picture, table and records.")] = Path("demo"),
    quick: Annotated[bool, typer.Option("--quick", help="A few seconds: too small for physics.")] = False,
    as_json: Json = False,
) -> None:
    """Both BBP transitions of the paper's first figure: a campaign, a picture and a table.

    Interrupted, it goes on where it stopped.
    """
    from hpcbbp import petsc
    from hpcbbp.console import CampaignProgress, Output
    from hpcbbp.demo import demo_tables, run_demo
    from hpcbbp.parallel import Group, abort_on_error

    if str(out) in ("", "."):
        raise InputError("--out: name a folder of its own for the demonstration's files")
    output = Output(as_json)
    petsc.initialize()
    group = Group.world()
    with abort_on_error(group):
        made = run_demo(out, quick, group, CampaignProgress)
        if made is not None and as_json:
            output.json({"files": [str(path) for path in made.files], "curves": made.rows()})
        elif made is not None:
            output.show(*demo_tables(made))


@app.command()
def info(as_json: Json = False) -> None:
    """Versions of everything that matters, index size, scalar type, cores, memory, what is missing."""
    from hpcbbp.console import Output
    from hpcbbp.parallel import launched_rank
    from hpcbbp.report import info_tables, system_info

    output = Output(as_json)
    answer = system_info()
    if launched_rank() != 0:
        return
    if as_json:
        output.json(answer)
    else:
        output.show(*info_tables(answer))


def check_petsc_options(words: Sequence[str]) -> list[str]:
    """PETSc options as given after '--': the first word must be one, later ones may be values."""
    if words and not words[0].startswith("-"):
        raise InputError(f"unexpected argument {words[0]!r}; PETSc options go after '--', as in -- -eps_monitor")
    return list(words)


def check_sources(
    data: str | None, teacher: str | None, student: str | None, drawn: dict[str, Any]
) -> tuple[str, str, str] | None:
    """The three files of a user's own instance, or None for a drawn one; InputError for a mixture."""
    files = {"--data": data, "--teacher": teacher, "--student": student}
    for name, value in files.items():
        if value == "":
            raise InputError(f"{name} is empty: name a file, or leave it out")
    if not any(files.values()):
        missing = [name for name in ("-n", "-p", "--alpha") if drawn[name] is None]
        if missing:
            raise InputError(
                f"{', '.join(missing)} missing: give -n, -p, -a and --alpha, "
                "or your own --data, --teacher and --student"
            )
        return None
    if data is None or teacher is None or student is None:
        missing = [name for name, value in files.items() if value is None]
        raise InputError(f"{' and '.join(missing)} missing: --data, --teacher and --student are given together")
    for name in ("-n", "--alpha"):
        if drawn[name] is not None:
            raise InputError(f"{name} = {drawn[name]} with --data: N and alpha = M/N follow from the shape of X")
    return data, teacher, student


def given(value: T | None) -> T:
    """A value that check_sources has found to be there."""
    assert value is not None
    return value


def check_common(seed: int, tol: float, nev: int | None, storage: str | None) -> None:
    """Checks that need neither the problem nor the files."""
    from hpcbbp.data.stored import storage_type
    from hpcbbp.eigen import check_arguments
    from hpcbbp.rng import check_seed

    check_seed(seed)
    check_arguments(1 if nev is None else nev, tol, 2**62)
    if storage is not None:
        storage_type(storage)


def usage_message(error: Any, words: Sequence[str]) -> str:
    """What was wrong with the command line, in one line that names the value."""
    message = str(error.format_message()).rstrip(".")
    for option in getattr(getattr(error, "param", None), "opts", ()):
        if option in words[:-1] and message.startswith("Invalid value"):
            message = f"{option} {words[words.index(option) + 1]}: {message.split(': ', 1)[-1]}"
            break
    if words[:1] == ["solve"] and message.startswith("No such option: -") and "option: --" not in message:
        message += "; PETSc options go after '--', as in -- -eps_monitor"
    elif message.startswith(("No such", "Missing")):
        message += f"; see hpcbbp {words[0] + ' ' if words and message[8:10] != 'co' else ''}--help"
    return message


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: exit code 0, or 2 with one line on standard error for bad input."""
    from hpcbbp.console import fail

    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = app(words, prog_name="hpcbbp", standalone_mode=False)
    except _UsageError as error:
        message = usage_message(error, words)
        if message:  # empty where the help was shown instead
            fail(message)
        raise SystemExit(2) from None
    except InputError as error:
        fail(str(error))
    except BrokenPipeError:  # whoever reads has heard enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise SystemExit(0) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(status if isinstance(status, int) else 0)
