"""`hpcbbp solve`: one instance, by SLEPc or by deferred Krylov."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from hpcbbp.cli.options import Json
from hpcbbp.errors import InputError, shown

T = TypeVar("T")


METHODS = ("krylov-schur", "deferred")


def solve(
    n: Annotated[int | None, typer.Option("-n", "--n", help="Input dimension N.")] = None,
    p: Annotated[int | None, typer.Option("-p", "--p", help="Hidden units of the student.")] = None,
    p_star: Annotated[int | None, typer.Option("--p-star", help="Hidden units of the teacher (1).")] = None,
    a: Annotated[float | None, typer.Option("-a", "--a", help="Constant a > 0 of the normalised loss.")] = None,
    alpha: Annotated[float | None, typer.Option("--alpha", help="M/N.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="One seed is one instance on any number of ranks.")] = 0,
    nev: Annotated[int | None, typer.Option("--nev", help="Eigenpairs wanted (p p* + 2; deferred: p p*).")] = None,
    tol: Annotated[
        float | None, typer.Option("--tol", help="Relative residual |Hv - lambda v| / |lambda| (1e-8).")
    ] = None,
    below: Annotated[
        float | None, typer.Option("--below", help="All eigenvalues below this one, and the next, in place of --nev.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Search for copies of exactly multiple eigenvalues that were missed.")
    ] = False,
    storage: Annotated[
        str | None,
        typer.Option("--storage", help="float64, float32, deferred also int16 (float64, or as in the file)."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", help="stored, dice (never formed), or your X, M x N: FILE.npy, FILE.h5[:DATASET]."),
    ] = None,
    teacher: Annotated[str | None, typer.Option("--teacher", help="Teacher weights, p* x N (with --data).")] = None,
    student: Annotated[str | None, typer.Option("--student", help="Student weights, p x N (with --data).")] = None,
    method: Annotated[
        str,
        typer.Option("--method", help="krylov-schur (SLEPc) or deferred (Gaussian X, no vector of length N at all)."),
    ] = "krylov-schur",
    block: Annotated[int | None, typer.Option("--block", help="Deferred: vectors a step, >= p p* (p p*).")] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option("--checkpoint", help="Deferred: folder for the state; the same command goes on."),
    ] = None,
    checkpoint_every: Annotated[
        float | None, typer.Option("--checkpoint-every", help="Seconds between checkpoints (600); 0: every step.")
    ] = None,
    as_json: Json = False,
    petsc_options: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- PETSC_OPTIONS]", help="e.g. -- -eps_monitor -eps_ncv 80"),
    ] = None,
) -> None:
    """Lowest eigenpairs of the Hessian and their overlaps, for a drawn instance or your own data.

    Under mpirun all ranks work on the one instance.
    """
    from hpcbbp.cli.output import Output, warn_of_traps
    from hpcbbp.cli.progress import SolveProgress
    from hpcbbp.machine import petsc
    from hpcbbp.machine.ranks import Group, abort_on_error
    from hpcbbp.model.problem import Problem, check_dimension
    from hpcbbp.solvers import eigen
    from hpcbbp.solvers.instance import MAKERS, file_instance, gaussian_instance, solve_instance

    options = check_petsc_options(petsc_options or [], {"tol": tol, "nev": nev})
    tol = eigen.DEFAULT_TOL if tol is None else tol
    if method not in METHODS:
        raise InputError(f"--method {method}: one of {', '.join(METHODS)}")
    if method == "deferred":
        refuse_with_deferred(data, teacher, student, options)
    if below is not None and (method == "deferred" or not math.isfinite(below)):
        raise InputError(f"--below {below:g}: a finite number, with --method krylov-schur")
    if below is not None and nev is not None:
        raise InputError(
            f"--nev {nev} with --below {below:g}: --below finds all eigenvalues below it: leave --nev out"
        )
    if verify and method == "deferred":
        raise InputError(
            "--verify belongs to --method krylov-schur: deferred Krylov asks for p p* copies by its block, and a "
            "Gaussian X makes no eigenvalue but 0 exactly multiple"
        )
    for name, value in (("block", block), ("checkpoint", checkpoint), ("checkpoint-every", checkpoint_every)):
        if value is not None and method != "deferred":
            raise InputError(f"--{name} belongs to --method deferred")
    if checkpoint == "":
        raise InputError("--checkpoint is empty: name the folder to keep the state in")
    if checkpoint_every is not None and checkpoint is None:
        raise InputError("--checkpoint-every without --checkpoint: name the folder to keep the state in")
    drawn = data if data in MAKERS else None
    if drawn == "dice":
        check_dice(tol, storage)
    if data and not drawn and not (teacher or student) and "." not in data:
        raise InputError(f"--data {data}: stored, dice, or your X as FILE.npy or FILE.h5[:DATASET]")
    if drawn and (teacher or student):
        raise InputError(f"--data {drawn} draws the weights too: leave --teacher and --student out")
    own = check_sources(None if drawn else data, teacher, student, {"-n": n, "-p": p, "-a": a, "--alpha": alpha})
    if a is None:
        raise InputError("-a is missing: the constant of the normalised loss, a > 0")
    check_common(seed, tol, nev, storage, method)
    output = Output(as_json)
    if own is None:  # everything is checked here, before MPI is started; again, for users of Python, further down
        problem = Problem(p=given(p), p_star=1 if p_star is None else p_star, alpha=given(alpha), a=a)
        problem.samples(check_dimension(given(n)))
        eigen.check_arguments(1 if nev is None else nev, tol, problem.p * given(n))
        if method == "deferred":
            folder = None if checkpoint is None else Path(checkpoint)
            solve_by_deferred(
                problem, given(n), seed, nev, tol, storage or "float64", block, folder, checkpoint_every, output
            )
            return
    petsc.initialize(options)
    if own is None:
        eigen.check_index(nev, problem.p, problem.p_star, given(n))
    group = Group.world()
    with abort_on_error(group):
        warn_of_traps(group)
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
        solution = solve_instance(
            instance, wanted, tol=tol, progress=SolveProgress(group, wanted, tol), below=below, verify=verify
        )
        unused = petsc.unused_options()
        if group.rank == 0:
            show(solution.to_dict(), output, unused)


def solve_by_deferred(
    problem: Any,
    n: int,
    seed: int,
    nev: int | None,
    tol: float,
    storage: str,
    block: int | None,
    folder: Path | None,
    every: float | None,
    output: Any,
) -> None:
    """The same for --method deferred: needs MPI if there is a launcher, and never PETSc."""
    from hpcbbp.cli.output import note, warn, warn_of_traps
    from hpcbbp.cli.progress import SolveProgress
    from hpcbbp.machine.ranks import Group, abort_on_error, launched
    from hpcbbp.solvers.deferred import Checkpoint, check_deferred, deferred_instance, solve_deferred
    from hpcbbp.solvers.result import Step

    check_deferred(problem, n, tol, storage, block)
    checkpoint = None if folder is None else Checkpoint(folder, 600.0 if every is None else every)
    group = Group.world() if launched() else Group()
    with abort_on_error(group):
        warn_of_traps(group)
        instance = deferred_instance(problem, n, seed, storage=storage, nev=nev, block=block, group=group)
        wanted = nev or min(problem.p * problem.p_star, problem.p * n)
        lines, told = SolveProgress(group, wanted, tol), list[str]()

        def progress(step: Step) -> None:
            if checkpoint is not None and checkpoint.resumed and lines.first is None and group.rank == 0:
                note(f"{checkpoint.origin}, {step.products} products")
            if checkpoint is not None and checkpoint.trouble not in ("", *told) and group.rank == 0:
                told.append(checkpoint.trouble)
                warn(f"{checkpoint.trouble}; the solve goes on without it and tries again later")
            lines(step)

        solution = solve_deferred(instance, wanted, tol=tol, block=block, progress=progress, checkpoint=checkpoint)
        if group.rank == 0:
            show(solution.to_dict(), output, [])


def show(answer: dict[str, Any], output: Any, unused: Sequence[str]) -> None:
    """Print a solution, and warn about what did not converge or was not used."""
    from hpcbbp.cli.output import warn
    from hpcbbp.cli.tables import solve_tables

    if not output.as_json:
        output.show(*solve_tables(answer))
    for name in unused:
        warn(f"PETSc option -{name} was not used by anything (see -help for those there are)")
    if answer["converged"] < answer["nev"]:
        warn(f"{answer['nev'] - answer['converged']} of {answer['nev']} pairs have not converged: {answer['reason']}")
    elif answer["verified"] is False:
        warn(answer["reason"])
    if output.as_json:  # last: a launcher may mix a long line with what comes after it
        output.json(answer)


def refuse_with_deferred(data: str | None, teacher: str | None, student: str | None, options: Sequence[str]) -> None:
    """Deferred Krylov draws its own Gaussian X and uses no PETSc."""
    if data is not None or teacher is not None or student is not None:
        raise InputError(
            "--method deferred is exact only for a Gaussian X and weights of its own, never formed: leave --data, "
            "--teacher and --student out, or use --method krylov-schur"
        )
    if options:
        raise InputError(f"{options[0]}: --method deferred uses no PETSc; leave PETSc options out")


def check_dice(tol: float, storage: str | None) -> None:
    """Dice in float32 are symmetric to about 1e-7, which bounds the residual."""
    from hpcbbp.solvers.methods.dice import DICE_FLOAT32

    if storage == "float32" and tol < DICE_FLOAT32:
        raise InputError(
            f"tol = {tol:g}: float32 dice reach residuals near 1e-7; take --tol 1e-6 or --storage float64"
        )


def check_petsc_options(words: Sequence[str], own: dict[str, Any]) -> list[str]:
    """PETSc options as given after '--': the first word must be one, later ones may be values.

    One of them, or of PETSC_OPTIONS, that would replace an option of our own that was given is refused.
    """
    if words and not words[0].startswith("-"):
        raise InputError(f"unexpected argument {words[0]!r}; PETSc options go after '--', as in -- -eps_monitor")
    spoken = {word.lstrip("-").lower() for word in (*words, *os.environ.get("PETSC_OPTIONS", "").split())}
    for name, value in own.items():
        if value is not None and f"eps_{name}" in spoken:  # as PETSc reads it: -Eps_Tol is -eps_tol
            given = f"{value:g}" if isinstance(value, float) else value
            raise InputError(f"--{name} {given} with -eps_{name}, which would replace it: leave one of them out")
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
        missing = [name for name, value in drawn.items() if value is None]
        if missing:
            raise InputError(
                f"{', '.join(missing)} missing: give -n, -p, -a and --alpha, "
                "or your own --data, --teacher and --student"
            )
        return None
    if data is None or teacher is None or student is None:
        missing = [name for name, value in {**files, "-a": drawn["-a"]}.items() if value is None]
        words = " and ".join([", ".join(missing[:-1]), missing[-1]] if len(missing) > 1 else missing)
        raise InputError(f"{words} missing: --data, --teacher and --student are given together, with -a")
    for name in ("-n", "--alpha"):
        if drawn[name] is not None:
            raise InputError(f"{name} = {drawn[name]} with --data: N and alpha = M/N follow from the shape of X")
    return data, teacher, student


def given(value: T | None) -> T:
    """A value that check_sources has found to be there."""
    assert value is not None
    return value


def check_common(seed: int, tol: float, nev: int | None, storage: str | None, method: str) -> None:
    """Checks that need neither the problem nor the files."""
    from hpcbbp.machine.rng import check_seed
    from hpcbbp.solvers.eigen import check_arguments
    from hpcbbp.solvers.methods import METHODS

    check_seed(seed)
    check_arguments(1 if nev is None else nev, tol, None)
    known = METHODS["deferred" if method == "deferred" else "stored"].storages
    if storage is not None and storage not in known:
        hint = " (int16 goes with --method deferred)" if storage == "int16" else ""
        raise InputError(f"storage = {shown(storage)}: X or its images are stored as one of {', '.join(known)}{hint}")
