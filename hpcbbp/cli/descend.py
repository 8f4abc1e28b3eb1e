"""`hpcbbp descend`: gradient descent, and the Hessian on the way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    Json,
    Link,
    Loss,
    N,
    Noise,
    P,
    PetscOptions,
    PStar,
    Seed,
    Storage,
    Student,
    Teacher,
    WallTime,
)  # fmt: skip

if TYPE_CHECKING:
    from hpcbbp.cli.asked_descent import AskedDescent
    from hpcbbp.cli.output import Output


def descend(
    n: N = None,
    p: P = None,
    p_star: PStar = None,
    a: A = None,
    alpha: Alpha = None,
    seed: Seed = 0,
    steps: Annotated[int, typer.Option("--steps", help="Steps.")] = 50,
    eta: Annotated[
        float, typer.Option("--eta", help="Times the gradient of L, the sum over samples; small: gradient flow.")
    ] = 0.05,
    sphere: Annotated[bool, typer.Option("--sphere", help="Keep |w_k| = sqrt(N).")] = False,
    momentum: Annotated[float, typer.Option("--momentum", help="Share of a step that the next keeps, < 1.")] = 0.0,
    batch: Annotated[float, typer.Option("--batch", help="Share of the samples in a step, > 0, drawn anew.")] = 1.0,
    overlap: Annotated[
        float | None, typer.Option("--overlap", help="Cosine m_0 of w_k with a teacher vector at the start (random).")
    ] = None,
    hessian_every: Annotated[
        int | None, typer.Option("--hessian-every", help="Steps between Hessians, from step 0 on (none).")
    ] = None,
    nev: Annotated[int | None, typer.Option("--nev", help="Lowest pairs of each Hessian (p p*).")] = None,
    tol: Annotated[
        float | None, typer.Option("--tol", help="Relative residual |Hv - lambda v| / |lambda| (1e-6).")
    ] = None,
    storage: Storage = None,
    data: Data = None,
    teacher: Teacher = None,
    student: Student = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help="stored (X in memory), dice (X never formed), regenerated (rows drawn again in every product), "
            "deferred (no vector of length N at all). (stored)",
            autocompletion=METHODS,
        ),
    ] = None,
    checkpoint: Checkpoint = None,
    checkpoint_every: CheckpointEvery = None,
    wall_time: WallTime = None,
    activation: Activation = None,
    loss: Loss = None,
    noise: Noise = None,
    link: Link = None,
    covariance: Covariance = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Picture (.png, .pdf, .svg); its numbers beside it as .csv.")
    ] = None,
    as_json: Json = False,
    petsc_options: PetscOptions = None,
) -> None:
    """Gradient descent of the student's weights: losses, overlaps, and lowest pairs of the Hessian on the way.

    Under mpirun all ranks work on the one descent.
    """
    from hpcbbp.cli.asked import Asked
    from hpcbbp.cli.asked_descent import AskedDescent
    from hpcbbp.cli.output import Output
    from hpcbbp.dynamics import Schedule
    from hpcbbp.dynamics.instances import check_method
    from hpcbbp.dynamics.run import HESSIAN_TOL
    from hpcbbp.solvers.request import OPTIONS

    check_method(method or "stored", storage, OPTIONS)
    usual_tol = HESSIAN_TOL if hessian_every is not None else 0.5  # of nothing
    solve = Asked(
        n=n, p=p, p_star=p_star, a=a, alpha=alpha, seed=seed, nev=nev, given_tol=tol, below=None, verify=False,
        given_storage=storage, given_data=data, teacher=teacher, student=student, given_method=method,
        block=1 if method == "deferred" else None, folder=None, every=None, petsc_options=petsc_options or [],
        activation=activation, loss=loss, noise=noise, link=link, covariance=covariance, usual_tol=usual_tol,
    )  # fmt: skip
    schedule = Schedule(steps, eta, sphere, momentum, batch, overlap)
    asked = AskedDescent(solve, schedule, hessian_every, checkpoint, checkpoint_every, wall_time, out)
    run(asked, Output(as_json))


def run(asked: AskedDescent, output: Output) -> None:
    """Prepare, descend and show. MPI is needed if there is a launcher or PETSc is, and PETSc where it solves."""
    from hpcbbp.cli.output import note, warn, warn_of_traps
    from hpcbbp.cli.progress import DescentProgress
    from hpcbbp.cli.stopping import stopping
    from hpcbbp.dynamics.run import descend as go
    from hpcbbp.errors import InputError
    from hpcbbp.machine import petsc
    from hpcbbp.machine.launcher import launched
    from hpcbbp.machine.ranks import Group, abort_on_error

    uses_petsc = asked.hessians > 0 and "petsc" in asked.solve.method.options
    if uses_petsc:
        petsc.initialize(asked.solve.petsc_options)
    group = Group.world() if uses_petsc or launched() else Group()
    with abort_on_error(group):
        warn_of_traps(group)
        instance = asked.prepare(group)
        checkpoint = asked.checkpoint
        progress = DescentProgress(group, asked.schedule.steps, asked.solve.tol, checkpoint)
        with stopping(checkpoint, group, asked.wall_time):
            found = go(
                instance, asked.schedule, hessian_every=asked.hessian_every, nev=asked.solve.nev,
                tol=asked.solve.tol, checkpoint=checkpoint, progress=progress, heard=progress.heard,
            )  # fmt: skip
        if not found.moments:
            raise InputError(f"nothing could be computed: {found.reason}")
        unused = petsc.unused_options() if uses_petsc else []
        if group.rank == 0:
            if asked.solve.named[2]:
                note(asked.solve.named[2])
            for name in unused:
                warn(f"PETSc option -{name} was not used by anything (see -help for those there are)")
            asked.show(found, output)
