"""This tree as it is now: committed, and built from there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from building import MOMENT, build, commit_all


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the sources, committed; builds leave in it what git ignores."""
    if shutil.which("git") is None:
        pytest.skip("no git, whose commit is asked for")
    return commit_all(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def sdist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its source archive."""
    return build("sdist", checkout, tmp_path_factory.mktemp("sdist"), SOURCE_DATE_EPOCH=str(MOMENT))


@pytest.fixture(scope="session")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its wheel."""
    return build("wheel", checkout, tmp_path_factory.mktemp("wheel"), SOURCE_DATE_EPOCH=str(MOMENT))
