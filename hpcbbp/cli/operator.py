"""`hpcbbp solve --operator`: eigenpairs of an operator that a function of the user's own makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hpcbbp.cli.asked import check_folder, check_petsc_options
from hpcbbp.cli.output import Output, table, warn, warn_of_traps
from hpcbbp.cli.own import check_words, made
from hpcbbp.cli.progress import listener
from hpcbbp.cli.stopping import check_wall_time, stopping
from hpcbbp.errors import InputError
from hpcbbp.machine import petsc
from hpcbbp.machine.ranks import Group, abort_on_error
from hpcbbp.machine.rng import check_seed
from hpcbbp.machine.table import Column, Table
from hpcbbp.machine.wording import decimals
from hpcbbp.solvers import eigen
from hpcbbp.solvers.checkpoint import SolveCheckpoint
from hpcbbp.solvers.keeping.base import INTERVAL
from hpcbbp.solvers.operator import ENDS, PAIRS, ends_of, solve_operator
from hpcbbp.solvers.request import DEFAULT_TOL

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class AskedOperator:
    """What was asked of `hpcbbp solve --operator`, None where an option was left out.

    Raises
    ------
    InputError
        When made: values that make no sense, in the words of the command line.
    """

    words: str
    nev: int | None
    given_tol: float | None
    which: str | None
    below: float | None
    above: float | None
    verify: bool
    seed: int
    folder: str | None
    every: float | None
    wall_time: float | None
    petsc_options: Sequence[str]

    def __post_init__(self) -> None:
        """Check what needs neither MPI nor the user's module."""
        check_petsc_options(self.petsc_options, {"tol": self.given_tol, "nev": self.nev})
        check_words(self.words)
        if self.which is not None and self.which not in ENDS:
            raise InputError(f"--which {self.which}: one of {', '.join(ENDS)}")
        ends_of(self.which, self.below, self.above, self.nev)
        if self.nev is not None:
            eigen.check_nev(self.nev, None)
        eigen.check_tol(self.tol)
        check_seed(self.seed)
        check_folder(self.folder, self.every)
        check_wall_time(self.wall_time, self.folder)
        _ = self.checkpoint  # an interval that makes no sense

    @property
    def tol(self) -> float:
        """Relative residual."""
        return DEFAULT_TOL if self.given_tol is None else self.given_tol

    @cached_property
    def checkpoint(self) -> SolveCheckpoint | None:
        """Where the state is kept."""
        return (
            None
            if self.folder is None
            else SolveCheckpoint(self.folder, INTERVAL if self.every is None else self.every)
        )

    @property
    def wanted(self) -> int:
        """Pairs that are looked for at one end, to begin with."""
        return self.nev or PAIRS


OF_THE_MODEL = {
    "-n": "n", "-p": "p", "--p-star": "p_star", "-a": "a", "--alpha": "alpha", "--storage": "storage",
    "--data": "data", "--teacher": "teacher", "--student": "student", "--method": "method", "--block": "block",
    "--activation": "activation", "--loss": "loss", "--noise": "noise", "--link": "link",
    "--estimator": "estimator", "--covariance": "covariance",
}  # fmt: skip
"""Options of `hpcbbp solve` that say what X or the model is, by the names of its arguments."""


def asked_of(given: Mapping[str, Any]) -> AskedOperator:
    """What the arguments of `hpcbbp solve` ask for beside --operator; InputError for those of a model."""
    for option, name in OF_THE_MODEL.items():
        if given[name] is not None:
            raise InputError(
                f"{option} with --operator: the function says all about its operator; leave {option} out"
            )
    return AskedOperator(
        words=given["operator"], nev=given["nev"], given_tol=given["tol"], which=given["which"],
        below=given["below"], above=given["above"], verify=given["verify"], seed=given["seed"],
        folder=given["checkpoint"], every=given["checkpoint_every"], wall_time=given["wall_time"],
        petsc_options=given["petsc_options"] or [],
    )  # fmt: skip


def run(asked: AskedOperator, output: Output) -> None:
    """Make the operator, solve and show."""
    petsc.initialize(asked.petsc_options)
    group = Group.world()
    with abort_on_error(group):
        warn_of_traps(group)
        operator, checkpoint = made(asked.words, group), asked.checkpoint
        with stopping(checkpoint, group, asked.wall_time):
            found = solve_operator(
                operator, asked.nev, which=asked.which, below=asked.below, above=asked.above, tol=asked.tol,
                seed=asked.seed, verify=asked.verify, checkpoint=checkpoint,
                progress=listener(group, asked.wanted, asked.tol, checkpoint),
            )  # fmt: skip
        unused = petsc.unused_options()
        if group.rank == 0:
            _show(found.to_dict(), output, unused, group)


def _show(answer: dict[str, Any], output: Output, unused: Sequence[str], group: Group) -> None:
    if not output.as_json:
        output.show(*tables(answer, group.size))
    for name in unused:
        warn(f"PETSc option -{name} was not used by anything (see -help for those there are)")
    if answer["converged"] < answer["nev"]:
        warn(f"{answer['nev'] - answer['converged']} of {answer['nev']} pairs have not converged: {answer['reason']}")
    elif answer["verified"] is False:
        warn(answer["reason"])
    if output.as_json:
        output.json(answer)


def _eigenvalue(value: float) -> str:
    """Eight digits, of operators of any size."""
    return f"{value:.8f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.8e}"


def tables(answer: dict[str, Any], ranks: int) -> list[Any]:
    """What people see: pairs, and the overlap of each with each of the names of directions."""

    def each(title: str, values: Sequence[Any], shown_as: Any) -> Column[int]:
        return Column(title, values.__getitem__, shown_as)

    columns: tuple[Column[int], ...] = (
        Column[int]("pair", lambda place: place + 1),
        each("eigenvalue", answer["eigenvalues"], _eigenvalue),
        each("residual", answer["residuals"], "{:.1e}".format),
        *(each(f"|P v|^2 {name}", one["overlap2"], decimals(5)) for name, one in answer["overlaps"].items()),
        each("converged", answer["converged_flags"], lambda good: "yes" if good else "NO"),
    )
    if len(set(answer["ends"])) > 1:
        columns = (*columns[:1], each("end", answer["ends"], str), *columns[1:])
    title = f"{answer['operator']}: order {answer['size']}, seed {answer['seed']}, {ranks} rank{'s' * (ranks > 1)}"
    searched = f"; verified, {answer['found_by_verification']} added by it" if answer["verified"] else ""
    return [
        table(Table(title, columns, tuple(range(len(answer["eigenvalues"]))))),
        f"{answer['reason']}{searched}; tolerance {answer['tol']:g} of |lambda|, {answer['products']} products, "
        f"{answer['seconds']:.2f} s",
    ]
