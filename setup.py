"""What pyproject.toml cannot say: wheels and source archives know the commit that they were built from.

HPCBBP_COMMIT names it where the sources have come without .git, as into a container image.
"""

from __future__ import annotations

import os
import re
import runpy
from pathlib import Path

from setuptools import setup
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


class BuildPy(build_py):
    """Of a wheel; what is installed to be edited is no copy."""

    def run(self) -> None:
        """Copy the modules, then write the commit."""
        super().run()
        if not self.editable_mode:
            write_commit(Path(self.build_lib))


class Sdist(sdist):
    """Of a source archive."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Copy the files, then write the commit."""
        super().make_release_tree(base_dir, files)
        write_commit(Path(base_dir))


setup(cmdclass={"build_py": BuildPy, "sdist": Sdist})
