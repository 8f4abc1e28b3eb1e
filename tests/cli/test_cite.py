"""`hpcbbp cite`: the right entries for what was used, whatever it is given."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from commands import answer, error_lines, run
from fuzzing import fuzzed
from hypothesis import given
from hypothesis import strategies as st
from records import failed, point_at

from hpcbbp import __version__
from hpcbbp.campaign.record import to_line
from hpcbbp.cli.cite import method_of_answer
from hpcbbp.errors import InputError
from hpcbbp.machine import petsc
from hpcbbp.solvers.cited import bibtex, entries, keys
from hpcbbp.solvers.methods import METHODS

pytestmark = pytest.mark.launcher
EARLIER = Path(__file__).parents[1] / "earlier" / "0.1.0"
FIELDS = {
    "article": {"journal"}, "book": {"publisher"}, "incollection": {"booktitle"}, "inproceedings": {"booktitle"},
    "misc": {"eprint"}, "software": {"version"}, "techreport": {"institution"},
}  # fmt: skip


def test_entries_are_bibtex():
    for key, text in entries().items():
        head = re.match(r"@(\w+)\{([\w-]+),\n", text)
        assert head is not None and head[2] == key
        fields = dict(re.findall(r"^  (\w+) = \{(.*?)\},$", text, re.M | re.S))
        assert {"author", "title", "year"} <= set(fields), key
        assert key == "annesi2025" or FIELDS[head[1]] <= set(fields), key
        assert text.count("{") == text.count("}")
        assert text.endswith("\n}")
    assert f"version = {{{__version__}}}" in entries()["hpcbbp"]
    assert "2510.18435" in entries()["annesi2025"]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_cited_with_what_it_uses(method):
    found = keys([method])
    assert {"annesi2025", "hpcbbp", "numpy"} <= set(found)
    assert ("slepc" in found) == ("petsc" in found) == (method in ("stored", "dice", "regenerated"))
    assert ("lapack" in found) == (method == "dense")
    assert ("dice" in found) == (method in ("dice", "deferred"))
    assert bibtex([method]).count("\n@") == len(found) - 1


def test_a_method_that_there_is_not():
    with pytest.raises(InputError, match="'lanczos': one of stored, dice"):
        keys(["lanczos"])


def test_records_and_answers_are_read(tmp_path):
    shutil.copytree(EARLIER, tmp_path / "store")
    found = answer("cite", tmp_path / "store")
    assert "dense" in found["methods"]
    assert {"lapack", "slepc"} <= set(found["keys"])
    assert found["bibtex"] == bibtex(found["methods"])
    assert answer("cite")["methods"] is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.sampled_from(sorted(METHODS)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "method"]), inner),
    max_leaves=5,
)


@pytest.mark.fuzz
@fuzzed(200)
@given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_file_is_an_answer_or_one_line(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "one.json")
        path.write_bytes(content)
        said = ""
        try:
            found = method_of_answer(path)
        except InputError as error:
            found, said = "stored", str(error)
    assert found in METHODS
    assert "\n" not in said


def test_what_failed_is_not_cited_and_damage_is_told(tmp_path):
    shutil.copytree(EARLIER, tmp_path / "store")
    path = tmp_path / "store" / "results.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][: len(lines[-1]) // 2] + b"\n")
    done = run("cite", tmp_path / "store")
    assert done.returncode == 0
    assert "1 damaged record" in done.stderr
    path.write_bytes(to_line(failed(point_at())))
    assert "no results there yet" in error_lines(run("cite", tmp_path / "store"))[0]


@pytest.mark.skipif(bool(petsc.missing_modules()), reason="SLEPc is not installed")
@pytest.mark.parametrize("method", METHODS)
def test_an_answer_of_solve_is_read(tmp_path, method):
    done = run("solve", "-n", 60, "-p", 1, "-a", 1.5, "--alpha", 3, "--nev", 1, "--method", method, "--json")
    assert done.returncode == 0, done.stderr
    (tmp_path / "one.json").write_text(done.stdout)
    assert answer("cite", tmp_path / "one.json")["methods"] == [method]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.json", "[]", "not what hpcbbp solve --json prints"),
        ("x.json", "{", "not what hpcbbp solve --json prints"),
        ("x.json", json.dumps({"data": "StoredData", "method": "none"}), "method 'none': one of"),
        ("x.json", "\x00" * (2**20 + 1), "at most 1 MiB"),
        ("x.json", None, "cannot be read"),
        ("folder", None, "no results there yet"),
        ("solve.txt", '{"data": "StoredData", "method": null}', "solve.txt: method None: one of stored"),
        ("campaign.toml", "p = 1", "not what hpcbbp solve --json prints"),
    ],
)
def test_what_is_no_result_is_one_line(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_text(content)
    done = run("cite", tmp_path / name)
    assert done.returncode == 2
    (line,) = error_lines(done)
    assert said in line
