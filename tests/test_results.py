"""Documents say what the tables in docs/results say (make results), and the check sees what it should."""

from __future__ import annotations

import re
import sys

import pytest
from commands import ROOT, run_python

sys.path.append(str(ROOT / "benchmarks"))

from claims import pages, tables
from claims.pages import Claim, examine


def test_documents_say_what_their_tables_say():
    """All claims but those that take long to compute."""
    done = run_python(ROOT / "benchmarks" / "results.py", "--quick", timeout=300)
    wrong = [line for line in done.stdout.splitlines() if not re.search(r"claims recomputed|claims, \d+ wrong", line)]
    assert (done.returncode, [line for line in wrong if line]) == (0, []), done.stderr


def test_the_instances_are_at_hand_in_python():
    """The example of docs/results.md, at the root."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "results.md").read_text(encoding="utf-8"), re.S)
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    assert "overlap2_sem" in done.stdout


PAGE = (
    "At alpha = 2 it is 0.1234(56) and\n0.99 [0.90, 1.08], as always.\n\n    code has 0.12345 and `so has 0.5555`\n"
)


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text(PAGE)
    return "page.md"


def claim(*values: str, text: str = "it is {} and {}, as always.") -> Claim:
    return Claim("page.md", text, lambda: values)


def test_a_page_that_agrees(page):
    found = examine(page, [claim("0.1234(56)", "0.99 [0.90, 1.08]")], quick=False)
    assert found.wrong == found.bare == []


def test_a_number_that_differs_is_told_and_written(page, tmp_path):
    claims = [claim("0.1235(56)", "0.99 [0.90, 1.08]")]
    assert "0.1234(56) is 0.1235(56)" in "".join(examine(page, claims, quick=False).wrong)
    assert (tmp_path / page).read_text() == PAGE
    assert examine(page, claims, quick=False, write=True).wrong == []
    assert (tmp_path / page).read_text() == PAGE.replace("1234(56)", "1235(56)")


@pytest.mark.parametrize("text", ["it was {} and {}, as always.", "{}", "a{}"])
def test_a_sentence_that_is_not_there_or_not_alone(page, text):
    values = ["0.1"] * text.count("{}")
    assert "places read" in "".join(examine(page, [claim(*values, text=text)], quick=False).wrong)


def test_data_without_a_table_is_told(page):
    (found,) = examine(page, [claim("0.99 [0.90, 1.08]", text="and {}, as always.")], quick=False).bare
    assert found.startswith("page.md:1: no table behind 0.1234")
    assert (
        examine(page, [claim("0.99 [0.90, 1.08]", text="and {}, as always.")], quick=True, exempt=["0.1234"]).bare
        == []
    )


def test_a_missing_table_is_told(page):
    def none() -> list[str]:
        raise LookupError("no instances")

    assert "no table for" in "".join(examine(page, [Claim(page, "At alpha = {} it", none)], quick=False).wrong)
    slow = Claim("page.md", "At alpha = {} it", none, slow=True)
    assert examine(page, [slow], quick=True).wrong == []


def test_values_as_documents_have_them():
    assert tables.bracket(0.08221, 0.02261) == "0.0822(226)"
    assert tables.bracket(0.2395, float("nan")) == "0.2395"
    assert tables.at_least(0.00612, 3) == "0.007"
    assert tables.interval({"x": 1.0844, "x_low": 0.958, "x_high": 1.2072}, "x") == "1.084 [0.958, 1.207]"
    assert tables.mean_of([1.0, 2.0, 3.0], 2) == "2.00(58)"
