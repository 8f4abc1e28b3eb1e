"""The pages that build everything anew run, without a warning, in as many lines as they say."""

from __future__ import annotations

import re

import pytest
from commands import ROOT

FOLDER = ROOT / "docs" / "scratch"
LINES = {"hessian.md": 30, "limit.md": 30, "large.md": 60}
WORDS = {30: "thirty lines", 60: "sixty lines"}
CELL = re.compile(r"^```\{code-cell\} python\n(?:---\n(.*?)---\n)?(.*?)^```$", re.S | re.M)


def cells(text: str) -> list[tuple[str, str]]:
    """Tags and code of the cells of a page, in their order."""
    return [(found[1] or "", found[2]) for found in CELL.finditer(text)]


def counted(code: str) -> int:
    """Lines of code that are neither blank, nor a comment, nor an import."""
    return len([line for line in code.splitlines() if line.strip() and not re.match(r"\s*(#|import |from )", line)])


def test_every_page_is_known():
    assert {page.name for page in FOLDER.glob("*.md")} == set(LINES)
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert all(f"scratch/{name.removesuffix('.md')}" in index for name in LINES)


@pytest.mark.parametrize("name", LINES)
def test_a_page_has_as_many_lines_as_it_says(name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    by_hand = "".join(code for tags, code in cells(text) if "by-hand" in tags)
    assert LINES[name] / 2 < counted(by_hand) <= LINES[name]
    assert WORDS[LINES[name]] in text.replace("\n", " ")
    assert text.count("```{code-cell}") == len(cells(text)), "a cell that is written otherwise is not run here"
    assert counted("import a\n\n# b\nfrom c import d\ne = 1\n") == 1


@pytest.mark.parametrize("name", LINES)
def test_no_line_of_its_prose_is_long(name):
    text = CELL.sub("", (FOLDER / name).read_text(encoding="utf-8"))
    assert [line for line in text.splitlines() if len(line) > 120 and not line.startswith("|")] == []


@pytest.mark.parametrize("name", LINES)
def test_a_page_runs_from_top_to_bottom_anywhere(name, tmp_path, monkeypatch, capsys):
    """Its assertions hold, and nothing warns: pytest makes warnings errors."""
    matplotlib = pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    try:
        with matplotlib.rc_context():
            namespace = {"__name__": "page"}
            text = (FOLDER / name).read_text(encoding="utf-8")
            for number, (_, code) in enumerate(cells(text), 1):
                exec(compile(code, f"{name}, cell {number}", "exec"), namespace)
        assert plt.get_fignums()
    finally:
        plt.close("all")
        matplotlib.use(before)
    assert capsys.readouterr().out.count("\n") >= 2
    assert list(tmp_path.iterdir()) == []
