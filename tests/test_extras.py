"""Theory and solvers need three packages; what is missing of the others is named with its extra by who needs it.

One process has imported what everybody needs; for every row it forks another, in which packages are hidden.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from commands import run_python
from every_command import DESCENT, EXAMPLES, OWN, THEORY, WORKING, Words, furnish

from hpcbbp import errors
from hpcbbp.cli.app import COMMANDS, name_of
from hpcbbp.machine import optional, petsc
from hpcbbp.machine.optional import EXTRAS

HERE = Path(__file__).parent
PROJECT: dict[str, Any] = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
CORE = ["numpy", "scipy", "numba"]
ALL = sorted({name for names in EXTRAS.values() for name in names})

HIDE = """
import sys

class Hide:
    def __init__(self, finder): self.finder = finder
    def find_spec(self, name, path=None, target=None):
        return None if hidden(name.split(".")[0]) else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Hide(finder) if hasattr(finder, "find_spec") else finder for finder in sys.meta_path]
"""

DRIVER = (
    "names = set()\ndef hidden(name): return name in names\n"
    + HIDE
    + """
import json, os, traceback, warnings
from pathlib import Path
import hpcbbp.theory.sampled.average, hpcbbp.solvers.instance, hpcbbp.solvers.deferred
from hpcbbp.__main__ import main

def said(words):
    sys.argv = ["hpcbbp", *words]
    for number in (1, 2):
        os.dup2(os.open(f"said-{number}", os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    try:
        status = main()
    except SystemExit as end:
        status = end.code
    except Exception:
        status = traceback.print_exc()
    sys.stdout.flush(), sys.stderr.flush()
    return status, *(Path(f"said-{number}").read_text() for number in (1, 2))

def row(hide, commands):
    names.update(hide)
    Path("answers").write_text(json.dumps([said(words) for words in commands]))

warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, of which there are none that work
answers = []
for hide, commands in json.loads(Path("rows.json").read_text()):
    if not {"rich", "typer"} & set(hide):
        import hpcbbp.cli.app, hpcbbp.cli.progress  # from here on every row has them
    child = os.fork()
    if not child:
        try:
            row(hide, commands)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    answers.append(json.loads(Path("answers").read_text()))
    Path("answers").unlink()
json.dump(answers, sys.stdout)
"""
)


def own(extra: str) -> tuple[list[str], list[str]]:
    """Packages that an extra of pyproject.toml brings, and the extras that it takes in."""
    lines = PROJECT["optional-dependencies"][extra]
    taken = [name for line in lines for name in re.findall(r"(?<=^hpcbbp\[).*(?=\]$)", line)]
    packages = [re.match(r"[\w-]+", line)[0] for line in lines if not line.startswith("hpcbbp[")]
    return packages, [name for names in taken for name in names.split(",")]


def brought(*extras: str) -> set[str]:
    """Which of ALL are there after pip install "hpcbbp[...]"."""
    found: set[str] = set()
    for extra in extras:
        packages, more = own(extra)
        found |= {*packages, *brought(*more)}
    for name in [name for name in ALL if name in found]:  # as typer brings rich, and pydantic since 0.29
        found |= {other for other in ALL if _wants(name, other)}
    return found


def _wants(name: str, other: str) -> bool:
    lines = [line for line in metadata.requires(name) or () if "extra ==" not in line]
    return any(re.match(rf"{other}\b", line, re.IGNORECASE) for line in lines)


IMPORTED = {"scikit-learn": "sklearn"}  # what is imported of a package of another name
NETWORKS = {"jax", "torch", "examples"}  # no command needs them


def test_the_extras_are_those_of_the_project():
    assert [re.match(r"\w+", line)[0] for line in PROJECT["dependencies"]] == CORE
    for extra, names in EXTRAS.items():
        assert sorted(IMPORTED.get(name, name) for name in own(extra)[0]) == sorted(names), extra
    assert sorted(own("all")[1]) == sorted(set(EXTRAS) - NETWORKS)
    assert set(PROJECT["optional-dependencies"]) == {*EXTRAS, "all", "mpi", "dev"}
    assert own("dev")[1] == ["all", "examples"]


def test_the_page_of_the_installation_has_every_extra():
    """With what it brings; the row of `all` among them."""
    page = (HERE.parent / "docs" / "install.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `(\w+)` \| (.*?) \|", page)
    listed = {extra: re.findall(r"[\w-]+", brings) for extra, brings in rows}
    assert set(listed) == set(PROJECT["optional-dependencies"]) - {"dev"}
    for extra, brings in listed.items():
        packages, taken = own(extra)
        assert sorted(brings) == sorted(packages + taken), extra


# Beside those that need an extra whatever they are asked.
ASKED: dict[str, tuple[tuple[str, Words], ...]] = {
    "h5py": (("files", OWN), ("files", ("export", ".", "--to", "pairs.h5"))),
    "matplotlib": (("figures", (*DESCENT, "--out", "descent.png")),),
    "pandas": (("figures", (*DESCENT, "--out", "descent.png")),),
    "pyarrow": (("export", ("export", ".", "--to", "pairs.parquet")),),
}


OPTIONAL = sorted(set(ALL) - brought("cli"))


def refused(package: str) -> list[tuple[list[str], Words]]:
    """Commands that need a package, each with the extras to be named."""
    rows = [([extra], words) for extra, words in ASKED.get(package, ())]
    for command, extras in COMMANDS.items():
        wanted = [extra for extra in extras if package in EXTRAS[extra]]
        if wanted:
            rows.append((wanted, EXAMPLES[name_of(command)]))
    return rows


def answers(folder: Path, rows: Sequence[tuple[set[str], list[Words]]]) -> list[list[tuple[int | None, str, str]]]:
    """Exit code, output and errors of every command of every row, without the packages that are its own to hide."""
    furnish(folder)
    (folder / "rows.json").write_text(json.dumps([(sorted(hide), commands) for hide, commands in rows]))
    done = run_python("-c", DRIVER, cwd=folder, timeout=300)
    assert done.returncode == 0, done.stderr
    made: list[list[tuple[int | None, str, str]]] = json.loads(done.stdout)
    return made


@pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")
@pytest.mark.launcher
def test_a_command_needs_its_own_extras_alone_and_names_what_it_lacks(tmp_path):
    """One test, so that all of it is one process and its children."""
    rows: list[tuple[set[str], list[Words]]] = [({name}, [THEORY]) for name in EXTRAS["cli"]]
    rows += [(set(ALL) - brought("cli", *extras), [words for words, _ in some]) for extras, some in WORKING.items()]
    rows += [({name}, [words for _, words in refused(name)]) for name in OPTIONAL]
    told = iter(answers(tmp_path, rows))
    for name in EXTRAS["cli"]:
        line = f'hpcbbp: error: {name} not found: the command line needs it; pip install "hpcbbp[cli]"\n'
        assert next(told) == [[2, "", line]]
    for extras, some in WORKING.items():
        for (words, part), (status, out, err) in zip(some, next(told), strict=True):
            assert part in (err if status else out), (extras, words, status, out, err)
            assert "not found" not in err
    for name in OPTIONAL:
        for (extras, words), (status, out, err) in zip(refused(name), next(told), strict=True):
            assert (status, out) == (2, ""), (name, words, err)
            assert re.fullmatch(
                rf"hpcbbp: error: {name} not found: [^\n]* needs it; "
                rf'pip install "hpcbbp\[{",".join(extras)}\]"\n', err
            ), (words, err)  # fmt: skip
    assert next(told, None) is None


def test_every_command_is_tried():
    assert set(EXAMPLES) == {name_of(command) for command in COMMANDS}


def test_all_extras_that_are_missing_are_named_at_once(monkeypatch):
    monkeypatch.setattr(optional, "_installed", lambda name: name in ("pandas", "statsmodels"))
    optional.require("this", "analysis")
    with pytest.raises(errors.MissingDependencyError) as caught:
        optional.require("this", *EXTRAS)
    assert str(caught.value) == (
        "h5py, jax, jinja2, matplotlib, pyarrow, pydantic, rich, sklearn, torch, typer not found: this needs them; "
        'pip install "hpcbbp[campaigns,cli,examples,export,figures,files,jax,report,slurm,torch]"'
    )
    assert isinstance(caught.value, ImportError)  # a room raises it when it is imported
