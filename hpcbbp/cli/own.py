"""Operators of the user's own, made by a function that a command names."""

from __future__ import annotations

from hpcbbp.errors import InputError, shown
from hpcbbp.machine.imports import OWN, imported
from hpcbbp.machine.ranks import Group
from hpcbbp.operators.base import Operator


def check_words(words: str) -> None:
    """InputError unless they are MODULE:FUNCTION."""
    if OWN.fullmatch(words) is None:
        raise InputError(
            f"--operator {words if words.isprintable() else shown(words)}: MODULE:FUNCTION is wanted, a function of "
            "the group of ranks that returns an operator"
        )


def made(words: str, group: Group) -> Operator:
    """The operator that a function of the user's own returns. Collective.

    Raises
    ------
    InputError
        On all ranks: a module that cannot be imported, a function that raises or returns something else.
    """
    check_words(words)
    what = f"--operator {words}"
    with group.agreeing():
        function = imported(what, words)
        if not callable(function):
            raise InputError(f"{what}: a function of the group of ranks is wanted, it is {shown(function)}")
    found, trouble = None, group.settle(None)
    try:
        found = function(group)
    except InputError as error:
        trouble = f"{what}: {error}"
    except (Exception, SystemExit) as error:
        trouble = f"{what}: it raised {type(error).__name__}: {error}"
    if trouble is None and not isinstance(found, Operator):  # others may wait for this rank within the function
        trouble = f"{what}: it returned {shown(found)}, an operator is wanted, as of hpcbbp.operators.summed_operator"
    trouble = group.settle(trouble)
    if trouble is not None or not isinstance(found, Operator):
        raise InputError(str(trouble))
    with group.agreeing():
        if found.group.size != group.size:
            raise InputError(
                f"{what}: its operator lives on {found.group.size} of {group.size} ranks: give it the group that the "
                "function is called with"
            )
    return found
