"""New virtual environments with a wheel of ours and what its metadata ask for, and nothing else; without a download.

What is needed is linked from where the tests run, distribution by distribution, as pip would have installed it there.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

from commands import ENVIRONMENT, PATIENCE
from packaging.requirements import Requirement


class Environment:
    """A virtual environment that has been made in a folder.

    Parameters
    ----------
    folder : Path
        Where; it is made.
    wheel : Path
        What is installed there, by pip.
    extras : sequence of str
        With these extras.
    petsc : bool
        Whether it sees MPI, PETSc and SLEPc as .ci/install.sh has it: the packages of the system, and a .pth file.
    """

    def __init__(self, folder: Path, wheel: Path, extras: Sequence[str] = (), petsc: bool = False) -> None:
        self.folder = folder
        venv.EnvBuilder(symlinks=True, with_pip=False, system_site_packages=petsc).create(folder)
        self.site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
        self.linked = _closure(_asked(wheel, extras))
        for name in self.linked:
            _link(metadata.distribution(name), self.site)
        if petsc:
            modules = [importlib.import_module(name) for name in ("mpi4py", "petsc4py", "slepc4py")]
            places = {str(Path(module.__path__[0]).parent) for module in modules}
            (self.site / "petsc.pth").write_text("".join(f"{place}\n" for place in sorted(places)))
        self.pip("install", "--no-deps", "--no-index", "-q", str(wheel))

    def pip(self, *words: str) -> str:
        """Have pip do something in the environment, which has no pip of its own."""
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", self.folder / "bin" / "python")
        done = self._run([*map(str, pip), *words], self.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def python(self, *words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Its Python."""
        return self._run([str(self.folder / "bin" / "python"), *map(str, words)], cwd)

    def hpcbbp(self, *words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        """The command that pip has put into it."""
        return self._run([str(self.folder / "bin" / "hpcbbp"), *map(str, words)], cwd)

    def _run(self, words: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
        """As somebody who knows nothing of this checkout."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
        plain |= {**ENVIRONMENT, "PYTHONNOUSERSITE": "1"}
        return subprocess.run(words, cwd=cwd, env=plain, capture_output=True, text=True, timeout=300 * PATIENCE)


def _asked(wheel: Path, extras: Sequence[str]) -> list[str]:
    """What the metadata of a wheel ask for, with extras."""
    (about,) = metadata.distributions(name="hpcbbp", path=[str(wheel)])
    return list(_needed(about, extras))


def _needed(distribution: metadata.Distribution, extras: Iterable[str]) -> Iterable[str]:
    """Names of what a distribution and its extras need here; an extra may take in others."""
    for line in distribution.requires or ():
        wanted = Requirement(line)
        if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            continue
        if wanted.name == distribution.name:
            yield from _needed(distribution, sorted(wanted.extras))
        else:
            yield wanted.name


def _closure(names: Iterable[str]) -> list[str]:
    """These and all that they need."""
    found: list[str] = []
    waiting = list(names)
    while waiting:
        name = metadata.distribution(waiting.pop()).name
        if name not in found:
            found.append(name)
            waiting += _needed(metadata.distribution(name), ())
    return sorted(found)


def _link(distribution: metadata.Distribution, site: Path) -> None:
    """Link the top of what a distribution has installed: its packages, modules, libraries and metadata."""
    tops = {path.parts[0] for path in distribution.files or ()} - {"..", "__pycache__", "/"}
    if not tops:  # metadata of some systems' packages have no list of files
        names = (distribution.read_text("top_level.txt") or distribution.name).split()
        about = Path(str(distribution._path)).name  # type: ignore[attr-defined]
        tops = {about, *(name for name in names if Path(str(distribution.locate_file(name))).is_dir())}
    for top in tops:
        if not (site / top).exists():
            (site / top).symlink_to(Path(str(distribution.locate_file(top))))
