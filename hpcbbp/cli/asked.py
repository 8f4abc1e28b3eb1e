"""What was asked of `hpcbbp solve`: which options go together, checked once, before MPI is started."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from hpcbbp.cli.stopping import check_wall_time
from hpcbbp.errors import InputError
from hpcbbp.machine.rng import check_seed
from hpcbbp.model.problem import Problem, check_dimension
from hpcbbp.model.words import Parts
from hpcbbp.solvers import eigen
from hpcbbp.solvers.checks import check, check_options, check_storage, method_named
from hpcbbp.solvers.keeping.base import INTERVAL
from hpcbbp.solvers.methods import Method
from hpcbbp.solvers.methods.base import State
from hpcbbp.solvers.request import DEFAULT_TOL, OPTIONS, Request, options_of

T = TypeVar("T")

OLD_METHOD = "krylov-schur"
"""What stored and dice were called together, when --data told them apart."""

OLD_DATA = ("stored", "dice")
"""Values of --data that are methods now."""


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
    given_data: str | None
    teacher: str | None
    student: str | None
    given_method: str | None
    block: int | None
    folder: str | None
    every: float | None
    petsc_options: Sequence[str]
    activation: str | None = None
    loss: str | None = None
    noise: str | None = None
    link: str | None = None
    estimator: str | None = None
    covariance: str | None = None
    usual_tol: float = DEFAULT_TOL
    wall_time: float | None = None

    def __post_init__(self) -> None:
        """Check what needs neither MPI nor the files."""
        check_petsc_options(self.petsc_options, {"tol": self.given_tol, "nev": self.nev})
        self._check_method()
        self._check_checkpoint()
        check_seed(self.seed)
        eigen.check_arguments(1 if self.nev is None else self.nev, self.tol, None)
        check_storage(self.method, self.storage, OPTIONS)
        if self.own is None:
            check_dimension(given(self.n))
            check(self.request(self.problem, given(self.n)), OPTIONS)
        else:
            self.parts.constant(self.a, "-a")

    @cached_property
    def named(self) -> tuple[str, str | None, str]:
        """Method, a file of --data, and what is to be said about names that have changed; InputError for two."""
        method, data = self.given_method, self.given_data
        names = ((f"--method {method}", method == OLD_METHOD), (f"--data {data}", data in OLD_DATA))
        old = " ".join(words for words, is_old in names if is_old)
        if method == OLD_METHOD:
            method = data if data in OLD_DATA else "stored"
        if data in OLD_DATA:
            if method not in (None, data):
                raise InputError(f"--data {data} with --method {method}: two methods; leave --data out")
            method, data = data, None
        return method or "stored", data, f"{old} is called --method {method} now" if old else ""

    @cached_property
    def method(self) -> Method:
        """How it is solved."""
        return method_named(self.named[0], OPTIONS)

    @property
    def tol(self) -> float:
        """Relative residual."""
        return self.usual_tol if self.given_tol is None else self.given_tol

    @property
    def storage(self) -> str:
        """Of a drawn X, or of its images."""
        return self.given_storage or self.method.storages[0]

    @cached_property
    def own(self) -> tuple[str, str, str] | None:
        """The user's own three files; None for a drawn instance."""
        drawn = {"-n": self.n, "-p": self.p, "-a": self.constant, "--alpha": self.alpha}
        own = check_sources(self.named[1], self.teacher, self.student, drawn)
        if own is not None and self.covariance is not None:
            raise InputError(f"--covariance {self.covariance} with --data: X is as it is; leave --covariance out")
        return own

    @cached_property
    def parts(self) -> Parts:
        """Of the model, by their names."""
        return Parts.given(
            activation=self.activation, loss=self.loss, noise=self.noise, link=self.link, estimator=self.estimator,
            covariance=self.covariance,
        )  # fmt: skip

    @property
    def constant(self) -> float | None:
        """a, as it was given; 1 for a loss that has none."""
        return self.a if self.parts.has_constant else self.parts.constant(self.a, "-a")

    @cached_property
    def problem(self) -> Problem:
        """Of a drawn instance."""
        p_star = 1 if self.p_star is None else self.p_star
        return self.parts.problem(given(self.p), p_star, given(self.alpha), given(self.constant))

    def request(self, problem: Problem, n: int) -> Request:
        """What is asked of the method, once the model is known."""
        return Request(
            problem,
            n,
            self.seed,
            self.method.name,
            self.storage,
            self.nev,
            self.tol,
            self.below,
            self.verify,
            self.block,
        )

    @cached_property
    def checkpoint(self) -> State | None:
        """Where the state is kept."""
        kind = self.method.checkpoint
        if self.folder is None or kind is None:
            return None
        return kind(Path(self.folder), INTERVAL if self.every is None else self.every)

    def _check_method(self) -> None:
        method, data, _ = self.named
        state = {"checkpoint": self.folder, "checkpoint_every": self.every}
        options = {**options_of(self.below, self.verify, self.block), **state}
        if self.petsc_options and "petsc" not in self.method.options:
            raise InputError(f"{self.petsc_options[0]}: --method {method} uses no PETSc; leave PETSc options out")
        if any(value is not None for value in (data, self.teacher, self.student)) and self.method.draws:
            raise InputError(
                f"--method {method} {self.method.draws}: leave --data, --teacher and --student out, "
                "or use --method stored"
            )
        check_options(self.method, options, OPTIONS)
        if self.below is not None and not math.isfinite(self.below):
            raise InputError(f"--below {self.below:g}: a finite number is wanted")
        if self.below is not None and self.nev is not None:
            raise InputError(
                f"--nev {self.nev} with --below {self.below:g}: --below finds all eigenvalues below it: "
                "leave --nev out"
            )
        files = self.teacher or self.student
        if data and not files and "." not in data:
            raise InputError(f"--data {data}: your X as FILE.npy or FILE.h5[:DATASET] (stored and dice are methods)")

    def _check_checkpoint(self) -> None:
        check_folder(self.folder, self.every)
        check_wall_time(self.wall_time, self.folder)
        _ = self.checkpoint  # an interval that makes no sense


def check_folder(folder: str | None, every: float | None) -> None:
    """InputError for a checkpoint without a name, or an interval without a checkpoint."""
    if folder == "":
        raise InputError("--checkpoint is empty: name the folder to keep the state in")
    if every is not None and folder is None:
        raise InputError("--checkpoint-every without --checkpoint: name the folder to keep the state in")


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
