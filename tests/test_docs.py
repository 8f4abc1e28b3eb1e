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
    code = re.findall(r"```python\n(.*?)```", README, re.S)[2]
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


@pytest.mark.parametrize("page", ["first.md", "howto.md"])
def test_examples_of_a_page_run_from_top_to_bottom(tmp_path, page):
    """Its Python, and between the blocks the campaign that it tells the reader to run."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    code = ""
    for block in re.findall(r"```python\n(.*?)```|^    ((?:mpirun -n 2 )?hpcbbp [a-z][^\n]*)$", text, re.S | re.M):
        python, command = block
        if python:
            code += python
        elif "small" in command or "X.npy" in command:
            words = command.split("hpcbbp ", 1)[1].split()
            code += (
                f"import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'hpcbbp', *{words!r}], check=True)\n"
            )
    script = tmp_path / "page.py"
    script.write_text(code)
    done = run_python(script, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stderr


def commands(text: str) -> list[str]:
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
    for line in re.findall(r"^\| `(hpcbbp/[^|]*)\|", (ROOT / "CONTRIBUTING.md").read_text(), re.M):
        for name in re.findall(r"hpcbbp/[\w./]+", line):
            assert (ROOT / name).exists(), name
