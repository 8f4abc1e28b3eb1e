"""What pyproject.toml cannot say: wheels and source archives know their commit, and are the same bytes each time.

HPCBBP_COMMIT names the commit where the sources have come without .git, as into a container image.
SOURCE_DATE_EPOCH is the time that files have in what is built; make dist gives that of the commit.
"""

from __future__ import annotations

import gzip
import os
import re
import runpy
import tarfile
import time
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
FILE = Path("hpcbbp", "_commit.py")


def write_commit(built: Path) -> None:
    """Put the commit into a copy of the package, empty if it is not known."""
    given = os.environ.get("HPCBBP_COMMIT", "")
    commit = given if re.fullmatch("[0-9a-f]{40,64}", given) else runpy.run_path(str(ROOT / FILE))["commit"]() or ""
    text = re.sub('^BUILT_FROM = ".*"$', f'BUILT_FROM = "{commit}"', (ROOT / FILE).read_text(), flags=re.M)
    copy = built / FILE
    copy.unlink()  # it may be a link to the file of the checkout
    copy.write_text(text)


def readable(mode: int) -> int:
    """What everybody may read, the owner write, and run if the owner may: not what the umask of a checkout left."""
    return 0o755 if mode & 0o100 else 0o644


class BuildPy(build_py):
    """Of a wheel; what is installed to be edited is no copy."""

    def run(self) -> None:
        """Copy the modules, then write the commit."""
        super().run()
        if not self.editable_mode:
            write_commit(Path(self.build_lib))


class BdistWheel(bdist_wheel):
    """The archive of what BuildPy has copied."""

    def write_wheelfile(self, *given: str, **named: str) -> None:
        """Write the last of its files, then give all of them the modes that they shall have in it."""
        super().write_wheelfile(*given, **named)
        for path in Path(self.bdist_dir).rglob("*"):
            path.chmod(readable(path.stat().st_mode))


class Sdist(sdist):
    """Of a source archive."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Copy the files, then write the commit."""
        super().make_release_tree(base_dir, files)
        write_commit(Path(base_dir))

    def make_archive(self, base_name: str, *_: object, base_dir: str, owner: str, group: str, **__: object) -> str:
        """As gzip and tar of setuptools, which write when and by whom they were called, in whatever order."""
        moment = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())

        def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
            entry.mtime, entry.mode = moment, readable(entry.mode)
            entry.uid = entry.gid = 0
            entry.uname, entry.gname = owner, group
            return entry

        name = f"{base_name}.tar.gz"
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        with (
            Path(name).open("wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=moment) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for path in (Path(base_dir), *sorted(Path(base_dir).rglob("*"))):
                tar.add(path, recursive=False, filter=plain)
        return name


setup(cmdclass={"build_py": BuildPy, "bdist_wheel": BdistWheel, "sdist": Sdist})
