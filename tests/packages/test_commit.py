"""What is built knows its version and commit: wheels, source archives, those that git makes, sources without git."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from building import build, commit_of, git, unpacked
from commands import ROOT, answer, run_python

import hpcbbp
from hpcbbp import _commit

BUILT = ("hpcbbp", "setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")

pytestmark = [
    pytest.mark.launcher,  # other processes: in the serial suite only
    pytest.mark.skipif(shutil.which("git") is None, reason="no git, whose commit is asked for"),
]


def told(folder: Path, cwd: Path) -> list[str]:
    """Version and commit that the package in a folder says it has."""
    code = (
        "import hpcbbp, hpcbbp.machine.provenance as p; print(hpcbbp.__file__)\n"
        "print(hpcbbp.__version__, p.versions()['hpcbbp'], p.versions()['commit'])"
    )
    done = run_python("-c", code, cwd=cwd, PYTHONPATH=str(folder))
    assert done.returncode == 0, done.stderr
    place, words = done.stdout.splitlines()
    assert Path(place).is_relative_to(folder)
    return words.split()


VERSION = [hpcbbp.__version__] * 2


def test_a_wheel_that_pip_made(checkout, tmp_path):
    """Where it is put, without git near it, the command says which version and commit it is."""
    options = ("--disable-pip-version-check", "--no-deps", "--no-index", "--no-build-isolation", "-q")
    done = run_python("-m", "pip", "wheel", *options, "-w", tmp_path / "wheels", ".", cwd=checkout)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "wheels").iterdir()
    assert wheel.name.startswith(f"hpcbbp-{hpcbbp.__version__}-py3")
    found = answer("info", cwd=tmp_path, PYTHONPATH=str(unpacked(wheel, tmp_path / "site")))
    assert [found["hpcbbp"], found["commit"]] == [hpcbbp.__version__, commit_of(checkout)]
    assert git(checkout, "status", "--porcelain") == ""  # the build has written into its copies alone
    assert not re.search("BUILT_FROM = .[0-9a-f]", (checkout / "hpcbbp" / "_commit.py").read_text())


def test_a_source_archive_and_a_wheel_from_it(checkout, tmp_path):
    sources = unpacked(build("sdist", checkout, tmp_path / "sdist"), tmp_path / "sources")
    assert told(sources, tmp_path) == [*VERSION, commit_of(checkout)]
    wheel = build("wheel", sources, tmp_path / "wheel")
    assert told(unpacked(wheel, tmp_path / "site"), tmp_path) == [*VERSION, commit_of(checkout)]
    assert git(checkout, "status", "--porcelain") == ""


def test_an_archive_that_git_made(checkout, tmp_path):
    """As repositories on the net offer it for every commit."""
    git(checkout, "archive", "-o", str(tmp_path / "made.tar"), "HEAD")
    assert told(unpacked(tmp_path / "made.tar", tmp_path / "sources"), tmp_path) == [*VERSION, commit_of(checkout)]


def test_sources_without_git(checkout, tmp_path):
    """A copy of the files: the version is known, the commit if the build is told; never somebody else's."""
    sources = shutil.copytree(checkout, tmp_path / "sources", ignore=shutil.ignore_patterns(".git", "build"))
    assert told(sources, tmp_path) == [*VERSION, "None"]
    wheel = build("wheel", sources, tmp_path / "wheel")
    # Unpacked into the top folder of a repository, whose commit is not that of the package.
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    git(foreign, "init", "-q")
    git(foreign, "commit", "-q", "--allow-empty", "-m", "another")
    assert told(unpacked(wheel, foreign), tmp_path) == [*VERSION, "None"]
    named = build("wheel", sources, tmp_path / "named", HPCBBP_COMMIT="1234abcd" * 5)
    assert told(unpacked(named, tmp_path / "site"), tmp_path) == [*VERSION, "1234abcd" * 5]


def test_what_is_installed_to_be_edited_tells_the_commit_of_the_checkout(checkout, tmp_path):
    """Not that of the day of the installation; also on a branch, detached, packed, shallow, in a worktree."""
    build("editable", checkout, tmp_path / "editable")
    assert git(checkout, "status", "--porcelain") == ""
    assert told(checkout, tmp_path) == [*VERSION, commit_of(checkout)]
    bare = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{checkout}", str(bare))
    for step in (
        ("commit", "-q", "--allow-empty", "-m", "next"),
        ("pack-refs", "--all"),
        ("checkout", "-q", "--detach"),
        ("worktree", "add", "-q", "-b", "side", str(tmp_path / "worktree")),
    ):
        git(bare, *step)
        assert _commit.of_checkout(bare) == commit_of(bare)
    tree = tmp_path / "worktree"
    git(tree, "commit", "-q", "--allow-empty", "-m", "aside")
    assert _commit.of_checkout(tree) == commit_of(tree) != commit_of(bare)
    assert _commit.of_checkout(tmp_path) is None


def test_every_place_names_the_version():
    for name, pattern in (
        ("CITATION.cff", r"(?m)^version: (.*)$"),
        ("packaging/conda/recipe.yaml", r"(?m)^  version: (\d.*)$"),
        ("packaging/spack/spack_repo/hpcbbp/packages/py_hpcbbp/package.py", r'(?m)^    version\("(\d.*)", tag='),
        ("docker/Dockerfile", r"(?m)^ARG VERSION=(.*)$"),
        ("docker/Dockerfile.source", r"(?m)^ARG VERSION=(.*)$"),
    ):
        assert re.findall(pattern, (ROOT / name).read_text()) == [hpcbbp.__version__], name


def test_images_get_what_the_build_reads():
    """.dockerignore and Apptainer's list of files name what pyproject.toml and setup.py need."""
    allowed = re.findall(r"(?m)^!(.*)$", (ROOT / ".dockerignore").read_text())
    copied = re.findall(r"(?m)^    \S+ /src/(\S+)$", (ROOT / "docker" / "hpcbbp.def").read_text())
    assert set(BUILT) <= set(allowed)
    assert set(BUILT) <= set(copied)
