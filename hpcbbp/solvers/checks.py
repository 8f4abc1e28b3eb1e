"""Whether a request can work: every rule once, for the command line, campaign files and Python alike."""

from __future__ import annotations

from collections.abc import Mapping

from hpcbbp.errors import InputError, shown
from hpcbbp.machine.rng import check_seed
from hpcbbp.model.problem import check_dimension
from hpcbbp.solvers import eigen
from hpcbbp.solvers.methods import METHODS, Method
from hpcbbp.solvers.reach import check_reach
from hpcbbp.solvers.request import ARGUMENTS, Request, Words


def method_named(name: str, words: Words = ARGUMENTS) -> Method:
    """A method by its name; InputError for a name that is none."""
    if not isinstance(name, str) or name not in METHODS:
        raise InputError(f"{words('method', _text(name))}: one of {', '.join(METHODS)}")
    return METHODS[name]


def check(request: Request, words: Words = ARGUMENTS) -> Method:
    """Return the method of a request that can work. Needs neither MPI nor PETSc.

    Raises
    ------
    InputError
        One line in the caller's words: the value, what is allowed, the way out.
    """
    method_named(request.method, words)
    check_dimension(request.n)
    check_seed(request.seed)
    size = request.problem.p * request.n
    eigen.check_arguments(1 if request.nev is None else request.nev, request.tol, size)
    request.problem.samples(request.n)
    method = check_means(request, words)
    method.check(request, words)
    return method


def check_means(request: Request, words: Words = ARGUMENTS) -> Method:
    """Return the method if its name, storage, options and tolerance go together, whatever its dimensions are.

    Of a campaign, where an instance that has no room for a block is recorded as failed and does not end the others.
    """
    method = method_named(request.method, words)
    check_storage(method, request.storage, words)
    check_options(method, request.options, words)
    eigen.check_below(request.below)
    floors = {name: method.reachable(request, name) for name in method.storages}
    check_reach(request, floors, words)
    return method


def check_storage(method: Method, storage: str, words: Words = ARGUMENTS) -> None:
    """Raise InputError unless the method can keep X, or its images, in such numbers."""
    if isinstance(storage, str) and storage in method.storages:
        return
    others = [name for name, other in METHODS.items() if storage in other.storages]
    hint = f"; {_text(storage)} goes with {words.among('method', others)}" if others else ""
    raise InputError(
        f"{words('storage', _text(storage))} with {words('method', method.name)}: X or its images are kept in one of "
        f"{', '.join(method.storages)}{hint}"
    )


def check_options(method: Method, asked: Mapping[str, object], words: Words = ARGUMENTS) -> None:
    """Raise InputError for an option, by its name in Request, that belongs to other methods (None: not asked for)."""
    for name, value in asked.items():
        if value is not None and name not in method.options:
            takers = [other.name for other in METHODS.values() if name in other.options]
            if not takers:
                raise InputError(f"{words(name)} belongs to no method that is there: leave it out")
            raise InputError(f"{words(name)} belongs to {words.among('method', takers)}, not {method.name}")


def _text(value: object) -> str:
    """A name as a message quotes it."""
    return value if isinstance(value, str) and value.isprintable() and len(value) <= 60 else shown(value)
