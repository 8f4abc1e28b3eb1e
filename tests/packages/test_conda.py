"""The recipe for conda-forge says what pyproject.toml says: names and bounds, entry point, licence, version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from commands import ROOT
from packaging.requirements import Requirement
from project import EXTRAS, PROJECT, PYPROJECT, closure, own

import hpcbbp

CONDA = ROOT / "packaging" / "conda" / "recipe.yaml"
RENAMED = {"matplotlib": "matplotlib-base", "torch": "pytorch"}  # what conda-forge calls them
NETWORKS = ("jax", "torch", "examples")


def recipe() -> Any:
    text = CONDA.read_text(encoding="utf-8")
    values = yaml.safe_load(text)["context"]
    for name, value in values.items():
        text = text.replace(f"${{{{ {name} }}}}", str(value))
    return yaml.safe_load(text)


def bounds(lines: list[str]) -> dict[str, str]:
    """Name and bounds of what a recipe lists, written as pip would."""
    words = [line.split() for line in lines if not line.startswith("__")]
    assert all(len(each) == 2 for each in words)
    return {name: str(Requirement(f"x{bound}").specifier) for name, bound in words}


def conda_names(wanted: dict[str, str]) -> dict[str, str]:
    return {RENAMED.get(name, name): bound for name, bound in wanted.items()}


def test_conda_brings_the_command_line_with_all_that_it_can_do_and_mpi():
    wanted = own(PROJECT["dependencies"]) | closure("all") | closure("mpi")
    run = recipe()["requirements"]["run"]
    assert "__linux" in run  # as the classifiers say
    found = bounds(run)
    assert found.pop("python") == PROJECT["requires-python"]
    assert found == conda_names(wanted)


def test_conda_bounds_what_only_networks_need_and_takes_a_real_petsc():
    constraints: list[str] = recipe()["requirements"]["run_constraints"]
    assert constraints[0] == "petsc * real_*"
    wanted: dict[str, str] = {}
    for extra in NETWORKS:
        wanted |= own(EXTRAS[extra])
    assert bounds(constraints[1:]) == conda_names(wanted)


def test_conda_builds_what_make_dist_makes():
    made = recipe()
    assert made["schema_version"] == 1
    assert made["package"] == {"name": PROJECT["name"], "version": hpcbbp.__version__}
    archive = (CONDA.parent / made["source"]["path"]).resolve()
    assert archive == ROOT / "dist" / f"hpcbbp-{hpcbbp.__version__}.tar.gz"
    assert made["build"]["noarch"] == "python"
    assert [line.split(" = ") for line in made["build"]["python"]["entry_points"]] == [
        [name, place] for name, place in PROJECT["scripts"].items()
    ]
    host = [line.replace(" ", "") for line in made["requirements"]["host"]]
    assert set(PYPROJECT["build-system"]["requires"]) <= set(host)
    about = made["about"]
    assert (about["license"], about["summary"]) == (PROJECT["license"], PROJECT["description"])
    assert [about["license_file"]] == PROJECT["license-files"]
    assert about["homepage"] in PROJECT["urls"].values()


def test_conda_tries_commands_that_there_are():
    (imports,) = [test["python"]["imports"] for test in recipe()["tests"] if "python" in test]
    for name in imports:
        assert (ROOT / Path(*name.split("."))).is_dir()
    (script,) = [test["script"] for test in recipe()["tests"] if "script" in test]
    assert [line.split()[:2] for line in script] == [
        ["hpcbbp", "--version"], ["hpcbbp", "theory"], ["hpcbbp", "solve"]
    ]  # fmt: skip
