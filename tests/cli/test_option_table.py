"""No option without its rows in the matrix, nor without a word from each method on whether it takes it."""

from __future__ import annotations

import dataclasses
import inspect

import pytest
from option_rows import KINDS
from option_table import TABLE

from hpcbbp import InputError
from hpcbbp.cli.asked import Asked
from hpcbbp.cli.solve import solve
from hpcbbp.solvers.checks import check_options
from hpcbbp.solvers.methods import METHODS

# Names in Method.options that the command line has too, with a value; and those that it has under other names.
GIVEN = {"below": 0.0, "verify": True, "block": 4, "checkpoint": "folder", "checkpoint_every": 5.0}
OTHERWISE = {"data", "petsc"}
NAMES = {"checkpoint": "folder", "checkpoint_every": "every"}
PLAIN = {
    **{field.name: None for field in dataclasses.fields(Asked) if field.default is dataclasses.MISSING},
    **{"n": 400, "p": 1, "a": 1.5, "alpha": 3.0, "seed": 0, "verify": False, "petsc_options": ()},
}


def test_the_table_has_every_option_with_every_kind():
    assert set(TABLE) == set(inspect.signature(solve).parameters)
    for option, kinds in TABLE.items():
        assert set(kinds) == set(KINDS), option
        assert all(kinds.values()), option


def test_methods_name_options_that_there_are():
    named = frozenset[str]().union(*(method.options for method in METHODS.values()))
    assert named == set(GIVEN) | OTHERWISE
    assert set(GIVEN) <= set(inspect.signature(solve).parameters)


@pytest.mark.parametrize("option", GIVEN)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_takes_what_it_names_and_refuses_the_rest(method, option):
    asked = {**PLAIN, "given_method": method, NAMES.get(option, option): GIVEN[option]}
    if option == "checkpoint_every":
        asked["folder"] = "folder" if option in METHODS[method].options else None
    if option in METHODS[method].options:
        assert Asked(**asked).method is METHODS[method]
    else:
        name = option.replace("_", "-")
        with pytest.raises(InputError, match=f"^--{name} belongs to --method [a-z, ]*(or )?[a-z]+, not {method}$"):
            Asked(**asked)


def test_an_option_of_no_method_is_refused_too():
    with pytest.raises(InputError, match="^colour belongs to no method that is there: leave it out$"):
        check_options(METHODS["dense"], {"colour": 3, "block": None})
