"""What a state on disk is the state of: how its file begins, and what must be the same to go on with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpcbbp.errors import InputError
from hpcbbp.model.problem import Problem
from hpcbbp.solvers.keeping.folder import STATE

DESCENT = STATE + b"4 "
"""Beginning of the state of a descent (hpcbbp.dynamics)."""

KRYLOV = STATE + b"5 "
"""Beginning of the state of a solve by SLEPc."""

_WHAT = {DESCENT: "a descent", KRYLOV: "a solve by SLEPc"}


def identity_of(problem: Problem, n: int, seed: int, storage: str) -> dict[str, Any]:
    """Of an instance: what a state is the state of."""
    return {**problem.named(), "n": n, "seed": seed, "storage": storage}


def refuse_other(found: Mapping[str, Any], asked: Mapping[str, Any], what: str, *, but: tuple[str, ...] = ()) -> None:
    """InputError, which goes on after the folder's name, for the state of another `what`."""
    for name in (*asked, *(name for name in found if name not in asked and name not in but)):
        was, wanted = found.get(name, "none"), asked.get(name, "none")
        if was != wanted:
            raise InputError(
                f"is of another {what} ({name} = {was}, not {wanted}): name another folder, or remove it"
            )


def refuse_kind(raw: bytes, wanted: bytes) -> None:
    """InputError, which goes on after the folder's name, for the state of another kind of work."""
    for words, what in _WHAT.items():
        if words != wanted and raw.startswith(words):
            raise InputError(f"is of {what}, not of {_WHAT.get(wanted, 'a deferred solve')}: name another folder")
    if wanted in _WHAT and not raw.startswith(wanted):
        raise InputError(f"is of a deferred solve, not of {_WHAT[wanted]}: name another folder")
