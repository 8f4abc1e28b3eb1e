"""`hpcbbp solve`: one instance, by SLEPc or by deferred Krylov."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpcbbp.cli.options import Json
from hpcbbp.errors import InputError

if TYPE_CHECKING:
    from hpcbbp.cli.asked import Asked
    from hpcbbp.cli.output import Output
    from hpcbbp.machine.ranks import Group
    from hpcbbp.solvers.instance import Instance


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
    from hpcbbp.cli.asked import Asked
    from hpcbbp.cli.output import Output

    asked = Asked(
        n=n, p=p, p_star=p_star, a=a, alpha=alpha, seed=seed, nev=nev, given_tol=tol, below=below, verify=verify,
        given_storage=storage, data=data, teacher=teacher, student=student, method=method, block=block,
        folder=checkpoint, every=checkpoint_every, petsc_options=petsc_options or [],
    )  # fmt: skip
    output = Output(as_json)
    if asked.deferred:
        solve_by_deferred(asked, output)
    else:
        solve_by_slepc(asked, output)


def solve_by_slepc(asked: Asked, output: Output) -> None:
    """A drawn or a user's own instance, by Krylov-Schur."""
    from hpcbbp.cli.output import warn_of_traps
    from hpcbbp.cli.progress import SolveProgress
    from hpcbbp.machine import petsc
    from hpcbbp.machine.ranks import Group, abort_on_error
    from hpcbbp.solvers import eigen
    from hpcbbp.solvers.instance import solve_instance

    petsc.initialize(asked.petsc_options)
    if asked.own is None:
        assert asked.n is not None
        eigen.check_index(asked.nev, asked.problem.p, asked.problem.p_star, asked.n)
    group = Group.world()
    with abort_on_error(group):
        warn_of_traps(group)
        instance = instance_of(asked, group)
        model = instance.problem
        wanted = asked.nev or eigen.default_nev(model.p, model.p_star, instance.data.n)
        solution = solve_instance(
            instance, wanted, tol=asked.tol, progress=SolveProgress(group, wanted, asked.tol), below=asked.below,
            verify=asked.verify,
        )  # fmt: skip
        unused = petsc.unused_options()
        if group.rank == 0:
            show(solution.to_dict(), output, unused)


def instance_of(asked: Asked, group: Group) -> Instance:
    """Draw the instance, or read it. Collective."""
    from hpcbbp.solvers.instance import file_instance, gaussian_instance

    if asked.own is None:
        assert asked.n is not None
        return gaussian_instance(
            asked.problem, asked.n, asked.seed, storage=asked.storage, data=asked.drawn or "stored", nev=asked.nev,
            group=group,
        )  # fmt: skip
    assert asked.a is not None
    data, teacher, student = asked.own
    made = file_instance(
        data, teacher, student, a=asked.a, seed=asked.seed, storage=asked.given_storage, nev=asked.nev, group=group
    )
    units = (("p", asked.p, made.problem.p, student), ("p_star", asked.p_star, made.problem.p_star, teacher))
    for name, wanted, found, file in units:
        if wanted is not None and wanted != found:
            raise InputError(f"{name} = {wanted} was given, but {file} has {found} row(s); leave {name} out")
    return made


def solve_by_deferred(asked: Asked, output: Output) -> None:
    """The same for --method deferred: needs MPI if there is a launcher, and never PETSc."""
    from hpcbbp.cli.output import note, warn, warn_of_traps
    from hpcbbp.cli.progress import SolveProgress
    from hpcbbp.machine.ranks import Group, abort_on_error, launched
    from hpcbbp.solvers.deferred import deferred_instance, solve_deferred
    from hpcbbp.solvers.result import Step

    problem, n, checkpoint = asked.problem, asked.n, asked.checkpoint
    assert n is not None
    group = Group.world() if launched() else Group()
    with abort_on_error(group):
        warn_of_traps(group)
        instance = deferred_instance(
            problem, n, asked.seed, storage=asked.storage, nev=asked.nev, block=asked.block, group=group
        )
        wanted = asked.nev or min(problem.p * problem.p_star, problem.p * n)
        lines, told = SolveProgress(group, wanted, asked.tol), list[str]()

        def progress(step: Step) -> None:
            if checkpoint is not None and checkpoint.resumed and lines.first is None and group.rank == 0:
                note(f"{checkpoint.origin}, {step.products} products")
            if checkpoint is not None and checkpoint.trouble not in ("", *told) and group.rank == 0:
                told.append(checkpoint.trouble)
                warn(f"{checkpoint.trouble}; the solve goes on without it and tries again later")
            lines(step)

        solution = solve_deferred(
            instance, wanted, tol=asked.tol, block=asked.block, progress=progress, checkpoint=checkpoint
        )
        if group.rank == 0:
            show(solution.to_dict(), output, [])


def show(answer: dict[str, Any], output: Output, unused: Sequence[str]) -> None:
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
