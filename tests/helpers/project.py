"""What pyproject.toml asks for, as the files for other package managers are compared with it."""

from __future__ import annotations

import tomllib
from typing import Any

from commands import ROOT
from packaging.requirements import Requirement

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT: dict[str, Any] = PYPROJECT["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


def own(lines: list[str]) -> dict[str, str]:
    """What is asked for by name, without extras that are taken in: bounds in alphabetical order."""
    wanted = [Requirement(line) for line in lines]
    return {each.name: str(each.specifier) for each in wanted if each.name != "hpcbbp"}


def taken(extra: str) -> set[str]:
    """Extras that an extra takes in."""
    return {name for line in EXTRAS[extra] for name in Requirement(line).extras}


def closure(extra: str) -> dict[str, str]:
    """All that an extra brings."""
    found = own(EXTRAS[extra])
    for name in taken(extra):
        found |= closure(name)
    return found
