"""The recipe for Spack says what pyproject.toml says: names and bounds, a variant an extra, licence, version."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from commands import ROOT
from project import EXTRAS, PROJECT, PYPROJECT, own, taken

import hpcbbp

SPACK = ROOT / "packaging" / "spack" / "spack_repo" / "hpcbbp"


class Recorded:
    """What stands for spack.package: it writes down which directives are called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.defaults: dict[str, Any] = {}

    def directive(self, name: str) -> Any:
        def call(*given: Any, **named: Any) -> None:
            self.calls.append((name, given, {**self.defaults, **named}))

        return call

    @contextmanager
    def default_args(self, **named: Any) -> Iterator[None]:
        self.defaults = named
        yield
        self.defaults = {}

    def of(self, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        return [(given, named) for called, given, named in self.calls if called == name]


@pytest.fixture
def spack(monkeypatch) -> tuple[Recorded, dict[str, Any]]:
    """The directives of the recipe, and what its class has."""
    recorded = Recorded()
    directives = ModuleType("spack.package")
    for name in ("version", "variant", "depends_on", "requires", "license", "conflicts", "maintainers"):
        setattr(directives, name, recorded.directive(name))
    directives.default_args = recorded.default_args  # type: ignore[attr-defined]
    base = ModuleType("spack_repo.builtin.build_systems.python")
    base.PythonPackage = type("PythonPackage", (), {})  # type: ignore[attr-defined]
    for name in ("spack", "spack_repo", "spack_repo.builtin", "spack_repo.builtin.build_systems"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "spack.package", directives)
    monkeypatch.setitem(sys.modules, base.__name__, base)
    made = runpy.run_path(str(SPACK / "packages" / "py_hpcbbp" / "package.py"))
    return recorded, dict(vars(made["PyHpcbbp"]))


def as_spack(name: str, bound: str) -> str:
    """A requirement in Spack's words, whose upper bounds are inclusive: <25 is up to 24."""
    parts = dict((part[:2], part[2:]) if part[1] == "=" else (part[:1], part[1:]) for part in bound.split(","))
    last = str(int(parts.pop("<")) - 1) if "<" in parts else ""
    assert set(parts) == {">="}
    return f"py-{name}@{parts['>=']}:{last}"


def test_spack_has_a_variant_for_every_extra(spack):
    recorded, _ = spack
    variants = {given[0]: named["default"] for given, named in recorded.of("variant")}
    assert set(variants) == set(EXTRAS) - {"dev"}
    assert {name for name, default in variants.items() if default} == {"cli", "mpi"}
    assert all(named["description"] for _, named in recorded.of("variant"))


def test_spack_asks_for_what_the_project_asks_for(spack):
    recorded, _ = spack
    found: dict[str, set[str]] = {}
    for (spec,), named in recorded.of("depends_on"):
        if spec.startswith("py-") and named["type"] != "build":
            assert named["type"] == ("build", "run"), spec
            found.setdefault(named.get("when", ""), set()).add(spec)
    wanted = {"": {as_spack(*each) for each in own(PROJECT["dependencies"]).items()}}
    wanted |= {
        f"+{extra}": {as_spack(*each) for each in own(lines).items()}
        for extra, lines in EXTRAS.items()
        if extra != "dev" and own(lines)
    }
    assert found == wanted


def test_spack_turns_on_what_an_extra_takes_in(spack):
    recorded, _ = spack
    found = {named["when"]: set(given[0].split("+")) - {""} for given, named in recorded.of("requires")}
    assert found == {f"+{extra}": taken(extra) for extra in EXTRAS if extra != "dev" and taken(extra)}


def test_spack_builds_with_what_builds_it_and_takes_a_real_petsc(spack):
    recorded, _ = spack
    others = {given[0]: named for given, named in recorded.of("depends_on")}
    (lowest,) = own(PYPROJECT["build-system"]["requires"]).items()
    assert others[as_spack(*lowest)] == {"type": "build"}
    assert others[f"python@{PROJECT['requires-python'].removeprefix('>=')}:"]["type"] == ("build", "run")
    assert others["petsc+double~complex"] == {"when": "+mpi"}
    assert others["arrow+parquet"] == {"when": "+export"}


def test_spack_knows_the_version_and_where_the_sources_are(spack):
    recorded, members = spack
    versions = {given[0]: named for given, named in recorded.of("version")}
    assert versions == {
        "main": {"branch": "main"}, hpcbbp.__version__: {"tag": f"v{hpcbbp.__version__}"}
    }  # fmt: skip
    assert members["git"] == f"file://{ROOT}"
    assert recorded.of("license") == [((PROJECT["license"],), {})]
    assert members["__doc__"] == f"{PROJECT['description']}."
    assert members["homepage"] in PROJECT["urls"].values()
    for name in members["import_modules"]:
        assert (ROOT / Path(*name.split("."))).is_dir()


def test_the_folder_is_a_repository_of_spack():
    """Since 1.0 it lies in a folder spack_repo, under the name of its namespace."""
    about = yaml.safe_load((SPACK / "repo.yaml").read_text())["repo"]
    assert about == {"namespace": SPACK.name, "api": "v2.0"}
    assert SPACK.parent.name == "spack_repo"
