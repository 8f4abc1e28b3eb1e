"""docs/reference has every public name, each with an example, and the examples run."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import re
import runpy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from commands import ROOT

import hpcbbp
from hpcbbp import MissingDependencyError
from hpcbbp.machine import petsc

PAGES = sorted((ROOT / "docs" / "reference").glob("*.md"))
ROOMS = ("hpcbbp", "hpcbbp.theory", "hpcbbp.operators", "hpcbbp.dynamics", "hpcbbp.solvers.deferred")
NOT_SHOWN = {"hpcbbp.__version__", "hpcbbp.solvers.deferred.INTERVAL", "hpcbbp.solvers.deferred.check_deferred"}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
NEEDS_MPI = re.compile(r"\b(solve_instance|solve_operator|run_campaign|Group\.world)\(")


def listed(page: str) -> list[str]:
    """Names that a page documents."""
    return re.findall(r"^\.\. auto(?:class|function|exception|data):: (\S+)$", page, re.M)


def found(name: str) -> Any:
    """What a name stands for."""
    module, _, rest = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), rest)
    except MissingDependencyError as error:
        pytest.skip(str(error))


def opening(page: str) -> str:
    """What examples of a page begin with."""
    return re.findall(r"^Examples of this page begin with\n\n```python\n(.*?)```$", page, re.S | re.M)[0]


def text_of(page: Any) -> str:
    return str(page.read_text(encoding="utf-8"))


TEXTS = {page.stem: text_of(page) for page in PAGES}


def test_what_rooms_export_is_on_a_page():
    names = {name for text in TEXTS.values() for name in listed(text)}
    objects = [found(name) for name in names]
    for room in ROOMS:
        for name in set(importlib.import_module(room).__all__):
            full = f"{room}.{name}"
            if full not in NOT_SHOWN:
                assert any(found(full) is one for one in objects), f"{full} is on no page of docs/reference"
    assert len(names) > 150


def test_no_name_is_on_two_pages_and_each_is_in_its_overview():
    every = [name for text in TEXTS.values() for name in listed(text)]
    assert len(every) == len(set(every))
    for stem, text in TEXTS.items():
        overview = (
            re.findall(r"\.\. autosummary::\n   :nosignatures:\n\n((?:   ~\S+\n)+)", text)[0].replace("~", "").split()
        )
        assert overview == sorted(listed(text), key=overview.index), stem
        assert f"reference/{stem}\n" in text_of(ROOT / "docs" / "reference.md")
        assert f"](reference/{stem}.md)" in text_of(ROOT / "docs" / "reference.md")


@pytest.mark.parametrize("stem", TEXTS)
def test_every_name_of_a_page_has_an_example(stem):
    for name in listed(TEXTS[stem]):
        one = found(name)
        if inspect.isclass(one) or inspect.isfunction(one):
            assert re.search(r"^Examples\n-+\n>>> ", inspect.getdoc(one) or "", re.M), f"{name} has no example"


def examples(stem: str) -> Iterator[tuple[str, doctest.DocTest, dict[str, Any]]]:
    """Those of a page, each with the globals of its module."""
    finder = doctest.DocTestFinder(recurse=True)
    for name in listed(TEXTS[stem]):
        one = found(name)
        if inspect.isclass(one) or inspect.isfunction(one):
            for test in finder.find(one, name):
                if test.examples:
                    yield name, test, dict(vars(importlib.import_module(one.__module__)))


def can_run(test: doctest.DocTest) -> bool:
    """Whether there is what the example imports."""
    source = "".join(example.source for example in test.examples)
    missing = [name for name in ("torch", "jax") if f"import {name}" in source and not importlib.util.find_spec(name)]
    return not missing and not (NEEDS_MPI.search(source) and petsc.missing_modules())


def run(test: doctest.DocTest, namespace: dict[str, Any]) -> None:
    told: list[str] = []
    test.globs = namespace
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    runner.run(test, out=told.append, clear_globs=False)
    assert runner.failures == 0, "".join(told)


@pytest.mark.parametrize("stem", TEXTS)
def test_examples_of_a_page_print_what_they_say(stem, tmp_path, monkeypatch):
    """In an empty folder, one after the other."""
    monkeypatch.chdir(tmp_path)
    first = doctest.DocTestParser().get_doctest(opening(TEXTS[stem]), {}, stem, None, None)
    if not can_run(first):
        pytest.skip("what the page begins with needs MPI and PETSc")
    run(first, namespace := {"__name__": "page"})
    for _, test, own in examples(stem):
        np.random.seed(0)  # noqa: NPY002  # of libraries that draw from it
        if can_run(test):
            run(test, {**own, **namespace})


def test_examples_are_shown_as_they_are():
    """docs/conf.py escapes the notation of docstrings, and neither what is typed nor what it prints."""
    lines = ["p* of `n`", "", ">>> 2 * 'p*'", "'p*p*'", "", "of p*"]
    runpy.run_path(str(ROOT / "docs" / "conf.py"))["plain"](None, "function", "", None, None, lines)
    assert lines == [r"p\* of ``n``", "", ">>> 2 * 'p*'", "'p*p*'", "", r"of p\*"]


def test_no_example_is_left_out():
    """Modules have no examples but those of names on pages, which alone are run."""
    shown = {test.name for stem in TEXTS for _, test, _ in examples(stem)}
    assert len(shown) > 150
    known = {one for stem in TEXTS for one in map(found, listed(TEXTS[stem])) if callable(one)}
    for module in pkgutil.walk_packages(hpcbbp.__path__, "hpcbbp."):
        if module.name != "hpcbbp.__main__":
            try:
                there = importlib.import_module(module.name)
            except MissingDependencyError:
                continue
            for name, one in vars(there).items():
                if getattr(one, "__module__", "") == module.name and inspect.isroutine(one) | inspect.isclass(one):
                    shows = re.search(r"^Examples\n-+\n", inspect.getdoc(one) or "", re.M)
                    assert not shows or one in known, f"{module.name}.{name} has an example and is on no page"
