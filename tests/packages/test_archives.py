"""What wheels and source archives hold, and that they are the same bytes wherever and whenever they are built."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from building import MOMENT, build, commit_of, files, git, unpacked
from commands import HELPERS, ROOT, run_python

import hpcbbp

pytestmark = pytest.mark.launcher
NAME = f"hpcbbp-{hpcbbp.__version__}"


@pytest.fixture(scope="module")
def elsewhere(checkout, tmp_path_factory) -> Path:
    """The same commit in another folder, as somebody who keeps files to himself has it, of another day."""
    folder = tmp_path_factory.mktemp("elsewhere") / "deeper" / "hpcbbp"
    git(checkout, "clone", "-q", f"file://{checkout}", str(folder))
    for path in folder.rglob("*"):
        if ".git" not in path.parts:
            path.chmod(path.stat().st_mode & 0o700)
            os.utime(path, (MOMENT - 10**8, MOMENT - 10**8))
    return folder


@pytest.mark.parametrize("kind", ["sdist", "wheel"])
def test_the_same_commit_gives_the_same_bytes(kind, request, checkout, elsewhere, tmp_path):
    first = request.getfixturevalue(kind)
    again = build(kind, elsewhere, tmp_path / "again", SOURCE_DATE_EPOCH=str(MOMENT))
    assert again.name == first.name
    assert again.read_bytes() == first.read_bytes()
    later = build(kind, elsewhere, tmp_path / "later", SOURCE_DATE_EPOCH=str(MOMENT + 86400))
    assert later.read_bytes() != first.read_bytes()  # the comparison can tell


def test_a_wheel_from_the_source_archive_is_that_of_the_checkout(sdist, wheel, tmp_path):
    """By pip, which unpacks the archive and builds from that."""
    options = ("--disable-pip-version-check", "--no-deps", "--no-index", "--no-build-isolation", "-q")
    done = run_python(
        "-m", "pip", "wheel", *options, "-w", tmp_path / "built", sdist,
        cwd=tmp_path, SOURCE_DATE_EPOCH=str(MOMENT),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (built,) = (tmp_path / "built").iterdir()
    assert built.read_bytes() == wheel.read_bytes()


def test_what_is_installed_from_either_is_the_same(sdist, wheel, tmp_path):
    options = ("--disable-pip-version-check", "--no-deps", "--no-index", "--no-build-isolation", "--no-compile", "-q")
    found = []
    for archive in (sdist, wheel):
        place = tmp_path / archive.suffix[1:]
        done = run_python("-m", "pip", "install", *options, "--target", place, archive, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        installed = files(place)
        for name in ("RECORD", "direct_url.json"):  # where it came from, and the list of all files with that one
            installed.pop(f"{NAME}.dist-info/{name}")
        found.append(installed)
    assert found[0] == found[1]
    assert "bin/hpcbbp" in found[0]


def test_the_source_archive_has_what_git_has(checkout, sdist):
    with tarfile.open(sdist) as tar:
        entries = tar.getmembers()
    names = {entry.name.removeprefix(f"{NAME}/") for entry in entries if entry.isfile()}
    made = {name for name in names if name.startswith("hpcbbp.egg-info/")} | {"PKG-INFO"}
    assert names - made == set(git(checkout, "ls-files").splitlines())
    for entry in entries:
        assert (entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, "root", "root")
        assert entry.mtime == MOMENT
        assert entry.mode in (0o755, 0o644)


def test_the_files_of_the_source_archive_are_those_of_the_checkout(checkout, sdist, tmp_path):
    """But the commit, and setup.cfg, which setuptools writes anew."""
    kept, ours = files(unpacked(sdist, tmp_path)), files(checkout)
    listed = git(checkout, "ls-files").splitlines()
    different = {name for name in listed if kept[name] != ours[name]}
    assert different - {"setup.cfg"} == {"hpcbbp/_commit.py"}
    assert commit_of(checkout) in kept["hpcbbp/_commit.py"].decode()


def test_what_somebody_has_made_beside_the_sources_is_left_out(elsewhere, tmp_path):
    litter = [elsewhere / "docs/_build/index.html", elsewhere / "demo/results.jsonl", elsewhere / "dist/old.whl"]
    caches = [elsewhere / room / "__pycache__" for room in ("hpcbbp", "tests")]
    litter += [folder / name for folder in caches for name in ("a.pyc", "a.json")]
    for path in litter:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("litter")
    try:
        with tarfile.open(build("sdist", elsewhere, tmp_path / "sdist")) as tar:
            taken = {name.removeprefix(f"{NAME}/") for name in tar.getnames()}
        with zipfile.ZipFile(build("wheel", elsewhere, tmp_path / "wheel")) as wheel:
            taken |= set(wheel.namelist())
    finally:
        for path in litter:
            path.unlink()
    assert {"tests/conftest.py", "hpcbbp/py.typed"} <= taken
    assert not taken & {str(path.relative_to(elsewhere)) for path in litter}


def test_the_wheel_has_the_package_and_its_data_alone(checkout, wheel):
    """Whatever lies in hpcbbp/: also what is added and is no Python (pyproject.toml says which endings)."""
    with zipfile.ZipFile(wheel) as file:
        entries = file.infolist()
    names = {entry.filename for entry in entries}
    inside = {name for name in names if not name.startswith(f"{NAME}.dist-info/")}
    assert inside == set(git(checkout, "ls-files", "hpcbbp").splitlines())
    assert {"hpcbbp/py.typed", "hpcbbp/report/report.html.j2", "hpcbbp/figures/campaigns/1.toml"} <= inside
    about = {name.split("/", 1)[1] for name in names - inside}
    assert about == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "top_level.txt", "licenses/LICENSE"}
    assert {entry.external_attr >> 16 & 0o777 for entry in entries} <= {0o755, 0o644, 0o664}


def test_the_wheel_says_what_the_project_says(wheel, tmp_path):
    about = unpacked(wheel, tmp_path) / f"{NAME}.dist-info"
    said = (about / "METADATA").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in (
        f"Version: {hpcbbp.__version__}", "License-Expression: BSD-3-Clause", "License-File: LICENSE",
        "Requires-Python: >=3.11", f"Summary: {project['description']}",
    ):  # fmt: skip
        assert line in said.splitlines()
    needed = re.findall(r"(?m)^Requires-Dist: ([^;\n]*)$", said)
    assert needed == project["dependencies"]
    assert (about / "entry_points.txt").read_text() == "[console_scripts]\nhpcbbp = hpcbbp.__main__:main\n"
    assert (about / "licenses" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_tests_and_the_documents_come_with_the_source_archive(sdist, tmp_path):
    """The archive's own tests are found by pytest, with its own package and helpers."""
    sources = unpacked(sdist, tmp_path)
    assert (sources / HELPERS.relative_to(ROOT) / "building.py").is_file()
    assert (sources / "docs" / "conf.py").is_file()
    done = run_python(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/machine/test_lazy.py",
        cwd=sources, PYTHONPATH=str(sources),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(importlib.util.find_spec("build") is None, reason="build comes with make install-dev")
def test_make_dist(checkout, tmp_path):
    """Both, the wheel from the archive, with the time of the commit."""
    folder = tmp_path / "clone"
    git(checkout, "clone", "-q", f"file://{checkout}", str(folder))
    (folder / ".venv").symlink_to(sys.prefix)
    made = run_make(folder)
    moment = int(git(folder, "log", "-1", "--format=%ct"))
    assert sorted(made) == [f"{NAME}-py3-none-any.whl", f"{NAME}.tar.gz"]
    with tarfile.open(folder / "dist" / f"{NAME}.tar.gz") as tar:
        assert {entry.mtime for entry in tar} == {moment}
    assert run_make(folder) == made
    inside = tmp_path / "inside"
    inside.mkdir()
    archive = shutil.copy(folder / "dist" / f"{NAME}.tar.gz", tmp_path)
    sources = unpacked(Path(archive), inside)
    (sources / ".venv").symlink_to(sys.prefix)
    assert run_make(sources) == made  # an archive gives itself


def run_make(folder: Path) -> dict[str, bytes]:
    """What make dist leaves in dist/, the environment being there."""
    code = (
        "import subprocess, sys; sys.exit(subprocess.run("
        "['make', '--no-print-directory', '-o', 'install-dev', 'dist']).returncode)"
    )
    done = run_python("-c", code, cwd=folder, timeout=300, SOURCE_DATE_EPOCH="")
    assert done.returncode == 0, done.stdout + done.stderr
    return files(folder / "dist")
