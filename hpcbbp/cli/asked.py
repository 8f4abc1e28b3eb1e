"""What was asked of `hpcbbp solve`: which options go together, checked once, before MPI is started."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from hpcbbp.errors import InputError, shown
from hpcbbp.machine.rng import check_seed
from hpcbbp.model.problem import Problem, check_dimension
from hpcbbp.solvers import eigen
from hpcbbp.solvers.deferred import Checkpoint, check_deferred
from hpcbbp.solvers.instance import MAKERS
from hpcbbp.solvers.methods import METHODS
from hpcbbp.solvers.methods.dice import DICE_FLOAT32

T = TypeVar("T")

SOLVERS = ("krylov-schur", "deferred")


@dataclass(frozen=True)
class Asked:
    """The options of a solve as they were given, None where one was left out.

    Raises
    ------
    InputError
        When made: options that do not go together, in the words of the command line.
    """

    n: int | None
    p: int | None
    p_star: int | None
    a: float | None
    alpha: float | None
    seed: int
    nev: int | None
    given_tol: float | None
    below: float | None
    verify: bool
    given_storage: str | None
    data: str | None
    teacher: str | None
    student: str | None
    method: str
    block: int | None
    folder: str | None
    every: float | None
    petsc_options: Sequence[str]

    def __post_init__(self) -> None:
        """Check what needs neither MPI nor the files."""
        check_petsc_options(self.petsc_options, {"tol": self.given_tol, "nev": self.nev})
        self._check_method()
        self._check_checkpoint()
        self._check_data()
        check_common(self.seed, self.tol, self.nev, self.given_storage, self.method)
        if self.own is None:
            self.problem.samples(check_dimension(given(self.n)))
            eigen.check_arguments(1 if self.nev is None else self.nev, self.tol, self.problem.p * given(self.n))
            if self.deferred:
                check_deferred(self.problem, given(self.n), self.tol, self.storage, self.block)

    @property
    def deferred(self) -> bool:
        """Whether deferred Krylov is asked for."""
        return self.method == "deferred"

    @property
    def tol(self) -> float:
        """Relative residual."""
        return eigen.DEFAULT_TOL if self.given_tol is None else self.given_tol

    @property
    def storage(self) -> str:
        """Of a drawn X, or of its images."""
        return self.given_storage or "float64"

    @property
    def drawn(self) -> str | None:
        """How X is drawn; None: it is read, or nothing was said."""
        return self.data if self.data in MAKERS else None

    @cached_property
    def own(self) -> tuple[str, str, str] | None:
        """The user's own three files; None for a drawn instance."""
        drawn = {"-n": self.n, "-p": self.p, "-a": self.a, "--alpha": self.alpha}
        return check_sources(None if self.drawn else self.data, self.teacher, self.student, drawn)

    @cached_property
    def problem(self) -> Problem:
        """Of a drawn instance."""
        p_star = 1 if self.p_star is None else self.p_star
        return Problem(p=given(self.p), p_star=p_star, alpha=given(self.alpha), a=given(self.a))

    @property
    def checkpoint(self) -> Checkpoint | None:
        """Where the state is kept."""
        if self.folder is None:
            return None
        return Checkpoint(Path(self.folder), 600.0 if self.every is None else self.every)

    def _check_method(self) -> None:
        if self.method not in SOLVERS:
            raise InputError(f"--method {self.method}: one of {', '.join(SOLVERS)}")
        if self.deferred:
            refuse_with_deferred(self.data, self.teacher, self.student, self.petsc_options)
        if self.below is not None and (self.deferred or not math.isfinite(self.below)):
            raise InputError(f"--below {self.below:g}: a finite number, with --method krylov-schur")
        if self.below is not None and self.nev is not None:
            raise InputError(
                f"--nev {self.nev} with --below {self.below:g}: --below finds all eigenvalues below it: "
                "leave --nev out"
            )
        if self.verify and self.deferred:
            raise InputError(
                "--verify belongs to --method krylov-schur: deferred Krylov asks for p p* copies by its block, and a "
                "Gaussian X makes no eigenvalue but 0 exactly multiple"
            )

    def _check_checkpoint(self) -> None:
        own = {"block": self.block, "checkpoint": self.folder, "checkpoint-every": self.every}
        for name, value in own.items():
            if value is not None and not self.deferred:
                raise InputError(f"--{name} belongs to --method deferred")
        if self.folder == "":
            raise InputError("--checkpoint is empty: name the folder to keep the state in")
        if self.every is not None and self.folder is None:
            raise InputError("--checkpoint-every without --checkpoint: name the folder to keep the state in")

    def _check_data(self) -> None:
        if self.drawn == "dice":
            check_dice(self.tol, self.given_storage)
        files = self.teacher or self.student
        if self.data and not self.drawn and not files and "." not in self.data:
            raise InputError(f"--data {self.data}: stored, dice, or your X as FILE.npy or FILE.h5[:DATASET]")
        if self.drawn and files:
            raise InputError(f"--data {self.drawn} draws the weights too: leave --teacher and --student out")
        if self.own is not None and self.a is None:
            raise InputError("-a is missing: the constant of the normalised loss, a > 0")


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
    check_seed(seed)
    eigen.check_arguments(1 if nev is None else nev, tol, None)
    known = METHODS["deferred" if method == "deferred" else "stored"].storages
    if storage is not None and storage not in known:
        hint = " (int16 goes with --method deferred)" if storage == "int16" else ""
        raise InputError(f"storage = {shown(storage)}: X or its images are stored as one of {', '.join(known)}{hint}")
