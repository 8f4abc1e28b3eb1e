"""What README and pages show is run, and their numbers are the ones it prints."""

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


def code_under(page: str, heading: str) -> str:
    """The first Python of a section."""
    section = (ROOT / "docs" / page).read_text(encoding="utf-8").split(f"## {heading}\n", 1)[1]
    return re.findall(r"```python\n(.*?)```", section, re.S)[0]


@pytest.mark.parametrize("ranks", [1, 2])
def test_the_example_prints_what_the_readme_says(tmp_path, ranks):
    code = re.findall(r"```python\n(.*?)```", README, re.S)[0]
    assert len([line for line in code.splitlines() if line.strip() and not line.startswith("#")]) <= 12
    printed = re.search(r"It prints\n\n((?:    .*\n)+)", README)
    assert printed is not None
    script = tmp_path / "example.py"
    script.write_text(code)
    done = run_python("-m", "mpi4py", script, ranks=ranks)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [line[4:] for line in printed[1].splitlines()]


def test_the_example_of_large_n_runs_at_a_smaller_one(tmp_path):
    code = code_under("deferred.md", "How to use it")
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
        code_under("first.md", "Theory alone")
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
    for page in [*PAGES, ROOT / "jobs" / "README.md"]:
        lines += commands(page.read_text(encoding="utf-8"))
    assert len(lines) > 50
    for line in sorted(set(lines)):
        words = line.split(" -- ")[0].split()
        options = [word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word)]
        shown = run(words[0], "--help", COLUMNS="200").stdout
        for option in options:
            assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", shown), (option, words[0])


def prose(text: str) -> list[tuple[int, str]]:
    """Lines with their numbers, without blocks of code, tables and pictures."""
    found, fenced = [], False
    for number, line in enumerate(text.splitlines(), 1):
        fenced ^= line.startswith("```")
        if not fenced and not line.startswith(("```", "    ", "|", "![")):
            found.append((number, line))
    return found


def test_no_line_of_prose_is_long():
    folders = ("*.md", "*/README.md", "docs/[!_]*/*.md", "hpcbbp/cli/topics/*.md")
    for page in [*PAGES, *(page for folder in folders for page in ROOT.glob(folder))]:
        for number, line in prose(page.read_text(encoding="utf-8")):
            assert len(line) <= 120, f"{page.relative_to(ROOT)}:{number} has {len(line)} columns"
    assert prose("a\n```\nb\n```\n    c\n| d |\ne") == [(1, "a"), (7, "e")]


FOLDERS = (".ci", ".github", "benchmarks", "docker", "docs", "hpcbbp", "jobs", "packaging", "tests")


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


def equations(text: str) -> list[int]:
    """Numbers of equations, each with the place that links lead to."""
    tags = re.findall(r"\\tag\{(\d+)\}", text)
    places = re.findall(r'<a id="eq-(\d+)"></a>\n\n\$\$\n((?:(?!\$\$)[\s\S])*)\n\$\$\n', text)
    assert [(number, *re.findall(r"\\tag\{(\d+)\}", body)) for number, body in places] == [(n, n) for n in tags]
    return list(map(int, tags))


def dead(page: str, text: str, numbers: dict[str, list[int]]) -> list[str]:
    """Links to equations that are not there or have another number, and mentions that are no links."""
    wrong = [
        f"[({said})]({target}#eq-{number})"
        for said, target, number in re.findall(r"\[\(?([^]]*?)\)?\]\((?:docs/)?([\w.-]*)#eq-(\d+)\)", text)
        if said != number or int(number) not in numbers.get(target or page, [])
    ]
    return wrong + [found[0] for found in re.finditer(r"(?<=[\s(])\(\d\d?\)(?!\])", text) if page in numbers]


def test_equations_are_numbered_in_order():
    """Across both pages; and what pages and code cite is there."""
    numbers = {page: equations((ROOT / "docs" / page).read_text()) for page in ("theory.md", "finite-n.md")}
    every = numbers["theory.md"] + numbers["finite-n.md"]
    assert every == list(range(1, len(every) + 1))
    assert len(every) > 20
    for path in [ROOT / "README.md", *PAGES]:
        assert dead(path.name, path.read_text(encoding="utf-8"), numbers) == [], path
    for path in (ROOT / "hpcbbp").rglob("*.py"):
        for page, number in re.findall(r"(theory|finite-n)\.md\s+\((\d+)\)", path.read_text(encoding="utf-8")):
            assert int(number) in numbers[f"{page}.md"], path


def test_a_link_to_an_equation_that_is_not_there_is_seen():
    numbers = {"a.md": [1, 2], "b.md": [3]}
    assert dead("a.md", "[(1)](#eq-1), [(3)](b.md#eq-3) and 0.12(2)", numbers) == []
    assert dead("c.md", "(1) [(3)](b.md#eq-3)", numbers) == []
    lost = "[(3)](#eq-3) [(1)](#eq-2) [(2)](b.md#eq-2) [(3)](c.md#eq-3)"
    assert dead("a.md", f"{lost} by (2)", numbers) == [*lost.split(), "(2)"]
    with pytest.raises(AssertionError):
        equations('<a id="eq-1"></a>\n\n$$\nx = 1 \\tag{2}\n$$\n')


FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.S)


def misread(text: str) -> list[str]:
    """What GitHub would show otherwise than the site, since it reads Markdown before formulas.

    It takes the backslash from in front of punctuation, makes lists of lines that begin so, emphasis of * and _, and
    refuses some commands.
    """
    text = re.sub(r"^```.*?^```$|^    .*?$|`[^`]*`", "", text, flags=re.M | re.S)
    formulas = [(found[1] or found[2], bool(found[1])) for found in FORMULA.finditer(text)]
    wrong = r"\*|(?<![A-Za-z0-9])_|\\[^A-Za-z\s]|\\operatorname|\\\n|^\s*(?:[-+>#]|\d+\.)\s"
    return [formula for formula, displayed in formulas
            if re.search(wrong, formula, re.M) or ("\n" in formula and not displayed)]  # fmt: skip


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_formulas_are_the_same_on_github(page):
    assert misread(page.read_text(encoding="utf-8")) == []


def test_a_formula_that_github_misreads_is_seen():
    wrong = ["p^*", "{a}_b", r"a\,b", r"\operatorname{tr}", "a\nb"]
    assert misread(" ".join(f"${formula}$" for formula in ["p^\\ast", *wrong, r"a_{\rm b}\ x"])) == wrong
    assert misread("$$\na\n  + b\n$$") == ["\na\n  + b\n"]
    assert misread("$$\na +\n  b\n$$ and `$a*$`") == []


def test_no_module_is_longer_than_contributing_says():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "hpcbbp").rglob("*.py")}
    assert len(lengths) > 100
    assert {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > 300} == {}
