"""The explorer as a file: whole, by itself, with the values that were asked for; and the command that writes it."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from inprocess import here

from hpcbbp import InputError
from hpcbbp.explore import LIMITS, write_explorer
from hpcbbp.explore.page import SCRIPTS

LATER = re.compile(
    r"\.at\(-|\.findLast|\.to(?:Reversed|Sorted|Spliced)\(|\?\?=|\|\|=|&&=|\.replaceAll\(|structuredClone|\.hasOwn\("
)
"""JavaScript younger than ES2020."""

PAPER = "https://arxiv.org/abs/2510.18435"


class Parsed(HTMLParser):
    """Start tags with their attributes, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "script" and data.strip():
            self.scripts.append(data)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return write_explorer(tmp_path_factory.mktemp("page") / "new" / "explore.html").read_text(encoding="utf-8")


def test_nothing_is_asked_of_a_network(text):
    """The paper is the one link; nothing else names another place, in attributes, styles or scripts."""
    tags = Parsed(text).tags
    named = [(tag, name, value or "") for tag, given in tags for name, value in given.items()]
    places = [one for one in named if one[1] in ("src", "href", "action", "data", "srcset")]
    assert [one for one in places if not one[2].startswith("#")] == [("a", "href", PAPER)]
    assert not {tag for tag, _ in tags} & {"link", "iframe", "object", "embed", "img", "base"}
    addresses = set(re.findall(r"\b(?:https?|wss?)://[^\s\"'<>`]+", text))
    assert addresses == {PAPER, "http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|url\((?!#)|\bfetch\(|XMLHttpRequest|\bimport\b\s*[({\"']|importScripts", text)


def test_the_file_is_small_and_has_no_gaps(text):
    assert len(text.encode()) < 1_500_000
    assert "@@" not in text
    assert text.count("</script>") == 2  # settings, and one script


def test_ids_and_labels_belong_together(text):
    tags = Parsed(text).tags
    ids = [given["id"] for _, given in tags if "id" in given]
    assert len(ids) == len(set(ids))
    for tag, given in tags:
        for name in ("for", "aria-describedby", "aria-labelledby"):
            assert given.get(name, ids[0]) in ids, (tag, given)
    named = {given["for"] for tag, given in tags if tag == "label"}
    fields = [given for tag, given in tags if tag == "input"]
    assert len(fields) == 10
    assert all(given["id"] in named or given.get("aria-label") for given in fields)


def test_terms_of_the_table_are_defined(text):
    """Rows of words.js name definitions of the page, and every definition has a row or is a word of one."""
    words = (files("hpcbbp.explore") / "script" / "words.js").read_text(encoding="utf-8")
    rows = set(re.findall(r'(?m)(?:push\(|^    )\["(\w+)", "', words))
    assert len(rows) > 8
    assert rows <= set(re.findall(r'id="def-(\w+)"', text))


def test_every_script_is_in_the_page_and_short(text):
    scripts = {path.name: path.read_text(encoding="utf-8") for path in (files("hpcbbp.explore") / "script").iterdir()}
    assert sorted(scripts) == sorted(f"{name}.js" for name in SCRIPTS)
    for name, code in scripts.items():
        assert code.strip() in text, name
        assert len(code.splitlines()) <= 300, name
        assert max(map(len, code.splitlines())) <= 120, name
        assert code.startswith("// "), name
        assert LATER.findall(code) == [], f"{name}: browsers of 2020 read the page, too"
    assert Parsed(text).scripts[-1].strip().startswith('(() => {\n"use strict";')


def test_what_was_asked_for_is_what_it_begins_with(tmp_path):
    path = write_explorer(str(tmp_path / "e.html"), p=math.inf, p_star=3, a=0.25, alpha=7, n=math.inf)
    settings = json.loads(Parsed(path.read_text(encoding="utf-8")).scripts[0])
    assert settings["initial"] == {"p": "inf", "p_star": 3, "a": 0.25, "alpha": 7.0, "n": "inf"}
    assert settings["limits"] == {name: list(ends) for name, ends in LIMITS.items()}
    path = write_explorer(path, p=3, n=10**20)
    settings = json.loads(Parsed(path.read_text(encoding="utf-8")).scripts[0])
    assert (settings["initial"]["p"], settings["initial"]["n"]) == (3, 10**20)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"p": 0}, "p = 0: the student needs at least one"),
        ({"p": 501}, "p = 501.*: the explorer takes 1 to 500, and inf"),
        ({"p_star": 101}, "p_star = 101: the explorer takes 1 to 100"),
        ({"p_star": math.inf}, "p_star = inf: the number of hidden units"),
        ({"a": -1.0}, "a = -1.0: the loss constant"),
        ({"a": 1e4}, "a = 10000.0: the explorer takes 0.001 to 1000"),
        ({"alpha": math.nan}, "alpha = nan: "),
        ({"alpha": 1e-6}, "alpha = 1e-06: the explorer takes 0.001 to 1e"),
        ({"n": 999}, "N = 999: the explorer takes 1000 to 1e"),
        ({"n": 10**31}, "N = 10+: the explorer takes"),
        ({"n": 1e6}, "N = 1000000.0: a whole number, or inf"),
        ({"n": "x"}, "N = 'x': a whole number, or inf"),
    ],
)
def test_values_out_of_range_are_refused(tmp_path, given, message):
    with pytest.raises(InputError, match=message):
        write_explorer(tmp_path / "e.html", **given)
    assert not (tmp_path / "e.html").exists()


def test_the_command_writes_the_page_and_says_where(tmp_path):
    out = tmp_path / "new" / "e.html"
    status, shown, err = here(["explore", "--out", str(out)], tmp_path)
    assert (status, err) == (0, "")
    assert shown.split() == ["page", str(out)]
    before = out.read_text(encoding="utf-8")
    words = ["explore", "-p", "inf", "--p-star", "2", "-a", "3", "--alpha", "2.5", "-n", "inf", "--out", str(out)]
    status, shown, err = here([*words, "--json"], tmp_path)
    assert (status, json.loads(shown), err) == (0, {"file": str(out)}, "")
    settings = json.loads(Parsed(out.read_text(encoding="utf-8")).scripts[0])
    assert settings["initial"] == {"p": "inf", "p_star": 2, "a": 3.0, "alpha": 2.5, "n": "inf"}
    assert out.read_text(encoding="utf-8") != before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-a", "0"], "a = 0.0: the loss constant must be"),
        (["-p", "x"], "p = x: the number of hidden units is a whole number, or inf"),
        (["-n", "1e3.5"], "N = 1e3.5: a whole number"),
        (["-n", "10"], "N = 10: the explorer takes 1000 to"),
        (["--alpha", "1e9"], "alpha = 1000000000.0: the explorer takes"),
        (["--out", "."], "--out .: . is a folder"),
        (["--out", "e.html/e.html"], "--out e.html/e.html: "),
    ],
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "e.html").write_text("")
    status, shown, err = here(["explore", *words], tmp_path)
    assert (status, shown) == (2, "")
    assert err.startswith(f"hpcbbp: error: {message}")
    assert err.count("\n") == 1
    assert (tmp_path / "e.html").read_text() == ""
