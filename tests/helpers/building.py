"""Wheels and source archives of this tree as it is now, in a repository of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

from commands import ROOT, run_python

MOMENT = 1_700_000_000  # SOURCE_DATE_EPOCH where one is given
# What no checkout has, where the tests run from a source archive: git's list names what is to be had elsewhere.
MADE = ("PKG-INFO", "hpcbbp.egg-info", "build", "dist", ".venv", "__pycache__", "_build", ".*_cache", ".hypothesis")
_PLAIN = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "protocol.file.allow=always", "-c", "safe.directory=*")


def git(folder: Path, *words: str) -> str:
    """What git says, whatever the user's settings and variables."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    plain |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *_PLAIN, *words], cwd=folder, env=plain, check=True, capture_output=True, text=True)
    return done.stdout


def commit_all(folder: Path) -> Path:
    """Copy all files that git has or would take into a repository, and commit them."""
    if (ROOT / ".git").exists():
        listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
        for name in listed:
            if (ROOT / name).is_file() and not (ROOT / name).is_symlink():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
    else:
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*MADE), dirs_exist_ok=True)
    place = folder / "hpcbbp" / "_commit.py"  # a source archive has its commit there, a checkout nothing
    place.write_text(re.sub('^BUILT_FROM = ".*"$', 'BUILT_FROM = "$Format:%H$"', place.read_text(), flags=re.M))
    git(folder, "init", "-q")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "as it is")
    return folder


def commit_of(checkout: Path) -> str:
    """The commit that is checked out."""
    return git(checkout, "rev-parse", "HEAD").strip()


def build(kind: str, sources: Path, to: Path, **environment: str) -> Path:
    """A wheel, an sdist or an editable wheel, as pip has it built but without a new environment for it."""
    to.mkdir(exist_ok=True)
    settings = ", {'editable_mode': 'compat'}" if kind == "editable" else ""
    code = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1]{settings})"
    done = run_python("-c", code, to, cwd=sources, **environment)
    assert done.returncode == 0, done.stderr
    (made,) = to.iterdir()
    return made


def unpacked(archive: Path, to: Path) -> Path:
    """The files of a wheel as they are installed, or of a source archive."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as file:
            file.extractall(to)
        return to
    with tarfile.open(archive) as file:
        file.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.13 wants to be told
        file.extractall(to)
    entries = list(to.iterdir())
    return entries[0] if len(entries) == 1 else to


def files(folder: Path) -> dict[str, bytes]:
    """Every file under a folder by its path, without what Python compiled."""
    paths = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}
