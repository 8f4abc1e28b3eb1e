"""What the README shows is run, and its numbers are the ones it prints."""

from __future__ import annotations

import re

import pytest
from commands import ROOT, run, run_python

from hpcbbp.machine import petsc

README = (ROOT / "README.md").read_text(encoding="utf-8")

pytestmark = [
    pytest.mark.launcher,
    pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed"),
]


@pytest.mark.parametrize("ranks", [1, 2])
def test_the_example_prints_what_the_readme_says(tmp_path, ranks):
    code = re.findall(r"```python\n(.*?)```", README, re.S)[0]
    assert len([line for line in code.splitlines() if line.strip() and not line.startswith("#")]) <= 20
    printed = re.search(r"It prints\n\n((?:    .*\n)+)", README)
    assert printed is not None
    script = tmp_path / "example.py"
    script.write_text(code)
    done = run_python("-m", "mpi4py", script, ranks=ranks)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [line[4:] for line in printed[1].splitlines()]


def test_the_example_of_large_n_runs_at_a_smaller_one(tmp_path):
    page = (ROOT / "docs" / "deferred.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", page, re.S)[0]
    smaller = code.replace("n=10**6", "n=10**4").replace("int16", "float64")
    assert smaller != code
    script = tmp_path / "example.py"
    script.write_text(
        smaller + "assert solution.eigen.converged.all() and abs(solution.overlap2[0] - 0.297) < 0.05\n"
    )
    done = run_python("-m", "mpi4py", script, ranks=2)
    assert done.returncode == 0, done.stderr


def test_the_example_of_theory_alone_needs_no_mpi(tmp_path):
    script = tmp_path / "example.py"
    script.write_text(
        re.findall(r"```python\n(.*?)```", README, re.S)[1]
        + "import sys\nassert not {'mpi4py', 'petsc4py', 'slepc4py', 'matplotlib', 'pandas'} & set(sys.modules)\n"
    )
    done = run_python(script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1.3229376")
    assert abs(float(done.stdout.split()[-1]) - 0.069) < 0.003


PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", ["first.md", "howto.md", "models.md", "operators.md"])
def test_examples_of_a_page_run_from_top_to_bottom(tmp_path, page):
    """Its Python, and between the blocks the campaign that it tells the reader to run."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    code = ""
    for block in re.findall(r"```python\n(.*?)```|^    ((?:mpirun -n 2 )?hpcbbp [a-z][^\n]*)$", text, re.S | re.M):
        python, command = block
        if python and python.startswith("# in "):
            (tmp_path / python.split()[2]).write_text(python)
        elif python:
            code += python
        elif any(word in command for word in ("small", "X.npy", "mine:", "--wall-time")):
            words = command.split("hpcbbp ", 1)[1].split()
            code += (
                f"import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'hpcbbp', *{words!r}], check=True)\n"
            )
    script = tmp_path / "page.py"
    script.write_text(code)
    done = run_python(script, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stderr


def commands(text: str) -> list[str]:
    text = re.sub(r" \\\n +", " ", text)  # commands of several lines
    found = re.findall(r"^    (?:mpirun -n \d+ )?hpcbbp ([a-z].*?)(?: *#.*)?$", text, re.M)
    return [line.split(" > ")[0] for line in found]


def test_the_commands_of_readme_and_pages_exist():
    lines = commands(README)
    assert len(lines) >= 5
    for page in [*PAGES, ROOT / "jobs" / "README.md"]:
        lines += commands(page.read_text(encoding="utf-8"))
    for line in sorted(set(lines)):
        words = line.split(" -- ")[0].split()
        options = [word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word)]
        shown = run(words[0], "--help", COLUMNS="200").stdout
        for option in options:
            assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", shown), (option, words[0])


def test_links_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES, *ROOT.glob("*/README.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)


def prose(text: str) -> list[tuple[int, str]]:
    """Lines with their numbers, without blocks of code, tables and pictures."""
    found, fenced = [], False
    for number, line in enumerate(text.splitlines(), 1):
        fenced ^= line.startswith("```")
        if not fenced and not line.startswith(("```", "    ", "|", "![")):
            found.append((number, line))
    return found


def test_no_line_of_prose_is_long():
    for page in [*ROOT.glob("*.md"), *PAGES, *ROOT.glob("*/README.md")]:
        for number, line in prose(page.read_text(encoding="utf-8")):
            assert len(line) <= 120, f"{page.relative_to(ROOT)}:{number} has {len(line)} columns"
    assert prose("a\n```\nb\n```\n    c\n| d |\ne") == [(1, "a"), (7, "e")]


FOLDERS = (".ci", ".github", "benchmarks", "docker", "docs", "hpcbbp", "jobs", "tests")


def unknown_paths(text: str) -> set[str]:
    """Paths of this tree that a text cites and that lead nowhere; a * stands for anything, docs/_build is made."""
    names = "|".join(map(re.escape, FOLDERS))
    cited = re.findall(rf"(?<![\w/.-])((?:{names})/[\w./*-]*\w)", text)
    return {path for path in cited if not (any(ROOT.glob(path)) or path.startswith("docs/_build"))}


def test_every_path_that_a_page_or_a_comment_cites_exists():
    """Not of the history, which keeps the names of its time."""
    paths = [path for name in FOLDERS for path in (ROOT / name).rglob("*") if path.is_file()]
    paths += [path for path in ROOT.iterdir() if path.is_file() and path.name != "CHANGELOG.md"]
    for path in paths:
        if not {"__pycache__", "_build"} & set(path.parts):
            assert unknown_paths(path.read_text(encoding="utf-8", errors="replace")) == set(), path
    gone = "/".join(("tests", "test_gone.py"))
    assert unknown_paths(f"`{gone}` and hpcbbp/errors.py and tests/*.py") == {gone}


def test_the_house_has_what_its_page_says():
    """Files that CONTRIBUTING.md names in the row of a room are there, or in the room that they name."""
    rows = re.findall(r"^\| `([\w/]+/)`(.*)\|$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M)
    assert len(rows) > 10
    for room, row in rows:
        for name in re.findall(r"`([\w/*]+(?:\.py|\.toml|/))`", row):
            assert any(any((ROOT / "hpcbbp" / folder).glob(name)) for folder in (room, ".")), (room, name)


def test_equations_are_numbered_in_order():
    """Across both pages; and what the code cites is there."""
    numbers = {
        page: [int(number) for number in re.findall(r"^    \((\d+)\)  ", (ROOT / "docs" / page).read_text(), re.M)]
        for page in ("theory.md", "finite-n.md")
    }
    every = numbers["theory.md"] + numbers["finite-n.md"]
    assert every == list(range(1, len(every) + 1))
    for path in (ROOT / "hpcbbp").rglob("*.py"):
        for page, number in re.findall(r"(theory|finite-n)\.md\s+\((\d+)\)", path.read_text(encoding="utf-8")):
            assert int(number) in numbers[f"{page}.md"], path


def test_no_module_is_longer_than_contributing_says():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "hpcbbp").rglob("*.py")}
    assert len(lengths) > 100
    assert {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > 300} == {}
