"""`hpcbbp solve`: one instance, by any method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpcbbp.cli.options import (
    METHODS,
    A,
    Activation,
    Alpha,
    Checkpoint,
    CheckpointEvery,
    Covariance,
    Data,
    Estimator,
    Json,
    Link,
    Loss,
    N,
    Noise,
    OperatorName,
    P,
    PetscOptions,
    PStar,
    Seed,
    Storage,
    Student,
    Teacher,
    WallTime,
)  # fmt: skip
from hpcbbp.errors import InputError

if TYPE_CHECKING:
    from hpcbbp.cli.asked import Asked
    from hpcbbp.cli.output import Output
    from hpcbbp.machine.ranks import Group
    from hpcbbp.model.words import Parts
    from hpcbbp.solvers.instance import Instance
    from hpcbbp.solvers.methods import Prepared
    from hpcbbp.solvers.request import Request


def solve(
    operator: OperatorName = None,
    n: N = None,
    p: P = None,
    p_star: PStar = None,
    a: A = None,
    alpha: Alpha = None,
    seed: Seed = 0,
    nev: Annotated[int | None, typer.Option("--nev", help="Eigenpairs wanted (p p* + 2; deferred: p p*).")] = None,
    tol: Annotated[
        float | None, typer.Option("--tol", help="Relative residual |Hv - lambda v| / |lambda| (1e-8).")
    ] = None,
    below: Annotated[
        float | None, typer.Option("--below", help="All eigenvalues below this one, and the next, in place of --nev.")
    ] = None,
    above: Annotated[
        float | None, typer.Option("--above", help="Of an operator: all eigenvalues above this one, and the next.")
    ] = None,
    which: Annotated[
        str | None, typer.Option("--which", help="Of an operator: lowest, largest, both ends. (lowest)")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Search for copies of exactly multiple eigenvalues that were missed.")
    ] = False,
    storage: Storage = None,
    data: Data = None,
    teacher: Teacher = None,
    student: Student = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help="stored (X in memory), dice (X never formed), regenerated (rows drawn again in every product), "
            "deferred (no vector of length N at all), dense (whole spectrum, small N). (stored)",
            autocompletion=METHODS,
        ),
    ] = None,
    block: Annotated[
        int | None, typer.Option("--block", help="Deferred: vectors a step (1; p p* if p = 1 or p p* = 2).")
    ] = None,
    checkpoint: Checkpoint = None,
    checkpoint_every: CheckpointEvery = None,
    wall_time: WallTime = None,
    activation: Activation = None,
    loss: Loss = None,
    noise: Noise = None,
    link: Link = None,
    estimator: Estimator = None,
    covariance: Covariance = None,
    as_json: Json = False,
    petsc_options: PetscOptions = None,
) -> None:
    """Lowest eigenpairs of the Hessian and their overlaps, for a drawn instance, your own data or your own operator.

    Under mpirun all ranks work on the one instance.
    """
    given = dict(locals())  # before anything else is one
    from hpcbbp.cli.asked import Asked
    from hpcbbp.cli.output import Output

    if operator is not None:
        from hpcbbp.cli import operator as own

        own.run(own.asked_of(given), Output(as_json))
        return
    for name, value in (("--above", above), ("--which", which)):
        if value is not None:
            raise InputError(f"{name} belongs to --operator: of a Hessian the lowest pairs are found")
    asked = Asked(
        n=n, p=p, p_star=p_star, a=a, alpha=alpha, seed=seed, nev=nev, given_tol=tol, below=below, verify=verify,
        given_storage=storage, given_data=data, teacher=teacher, student=student, given_method=method, block=block,
        folder=checkpoint, every=checkpoint_every, wall_time=wall_time, petsc_options=petsc_options or [],
        activation=activation, loss=loss, noise=noise, link=link, estimator=estimator, covariance=covariance,
    )  # fmt: skip
    run(asked, Output(as_json))


def run(asked: Asked, output: Output) -> None:
    """Prepare, solve and show. MPI is needed if there is a launcher or PETSc is, and PETSc by methods that use it."""
    from hpcbbp.cli.output import note, warn_of_traps
    from hpcbbp.cli.progress import listener
    from hpcbbp.cli.stopping import stopping
    from hpcbbp.machine import petsc
    from hpcbbp.machine.launcher import launched
    from hpcbbp.machine.ranks import Group, abort_on_error

    uses_petsc = "petsc" in asked.method.options
    if uses_petsc:
        petsc.initialize(asked.petsc_options)
    group = Group.world() if uses_petsc or launched() else Group()
    with abort_on_error(group):
        warn_of_traps(group)
        request, prepared = prepare(asked, group)
        wanted = request.nev or asked.method.pairs(request.problem, request.n)
        checkpoint = asked.checkpoint
        with stopping(checkpoint, group, asked.wall_time):
            solution = prepared.solve(listener(group, wanted, asked.tol, checkpoint), checkpoint)
        if asked.method.whole:
            solution = solution.lowest(wanted) if request.below is None else solution.below(request.below)
        unused = petsc.unused_options() if uses_petsc else []
        if group.rank == 0:
            if asked.named[2]:
                note(asked.named[2])
            show(solution.to_dict(), output, unused, asked.parts)


def prepare(asked: Asked, group: Group) -> tuple[Request, Prepared]:
    """Draw the instance, or read it. Collective."""
    from hpcbbp.cli.asked import given
    from hpcbbp.solvers.checks import check
    from hpcbbp.solvers.request import OPTIONS

    if asked.own is None:
        request = asked.request(asked.problem, given(asked.n))
        return request, asked.method.prepare(request, group)
    made = read(asked, asked.own, group)
    request = asked.request(made.problem, made.data.n)
    check(request, OPTIONS)
    return request, asked.method.adopt(made, request)


def read(asked: Asked, own: tuple[str, str, str], group: Group) -> Instance:
    """Read the user's own instance from its three files. Collective."""
    from hpcbbp.cli.asked import given
    from hpcbbp.solvers.reading import file_instance

    data, teacher, student = own
    made = file_instance(
        data, teacher, student, a=given(asked.constant), seed=asked.seed, storage=asked.given_storage, nev=asked.nev,
        parts=asked.parts, group=group,
    )  # fmt: skip
    units = (("p", asked.p, made.problem.p, student), ("p_star", asked.p_star, made.problem.p_star, teacher))
    for name, wanted, found, file in units:
        if wanted is not None and wanted != found:
            raise InputError(f"{name} = {wanted} was given, but {file} has {found} row(s); leave {name} out")
    return made


def show(answer: dict[str, Any], output: Output, unused: Sequence[str], parts: Parts) -> None:
    """Print a solution, and warn about what did not converge or was not used."""
    from hpcbbp.cli.output import warn
    from hpcbbp.cli.tables import solve_tables

    if not output.as_json:
        output.show(*solve_tables(answer, parts))
    for name in unused:
        warn(f"PETSc option -{name} was not used by anything (see -help for those there are)")
    far = [
        r
        for r, value in zip(answer["source_residuals"] or [], answer["eigenvalues"], strict=False)
        if r > abs(value) / 10
    ]
    if far:
        warn(
            f"{len(far)} of the pairs miss those of the file by up to {max(far):.1e}, more than a tenth of |lambda|: "
            "these numbers are too narrow for this X; take --storage float32"
        )
    if answer["converged"] < answer["nev"]:
        warn(f"{answer['nev'] - answer['converged']} of {answer['nev']} pairs have not converged: {answer['reason']}")
    elif answer["verified"] is False:
        warn(answer["reason"])
    if output.as_json:  # last: a launcher may mix a long line with what comes after it
        output.json(answer)
