"""Every link of every page leads somewhere, its anchor too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from commands import ROOT

PAGES = sorted(
    page
    for pattern in ("*.md", "*/README.md", "docs/**/*.md", "hpcbbp/cli/topics/*.md")
    for page in ROOT.glob(pattern)
    if not {"_build", ".pytest_cache"} & set(page.parts)
)
INCLUDED = {"cluster.md": ROOT / "jobs" / "README.md", "container.md": ROOT / "docker" / "README.md"}
"""Pages of the site that are other files."""


def text_of(page: Path) -> str:
    """Of a page, or of what it includes whole; code is no text."""
    text = INCLUDED.get(page.name, page).read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```$|^    .*$|`[^`\n]*`", "", text, flags=re.M | re.S)


def slug(heading: str) -> str:
    """The anchor that GitHub and the site give to a heading."""
    words = re.sub(r"[^\w\s-]", "", heading.strip().lower())
    return re.sub(r"\s", "-", words)


def anchors(page: Path) -> set[str]:
    """Of headings of three levels, as many as the site has, and those that are written as such."""
    raw = INCLUDED.get(page.name, page).read_text(encoding="utf-8")
    raw = re.sub(r"^```.*?^```$", "", raw, flags=re.M | re.S)
    headings = [re.sub(r"[`*\\]|\$", "", found) for found in re.findall(r"^#{1,3} (.*)$", raw, re.M)]
    named = re.findall(r"^\(([\w-]+)\)=$", raw, re.M) + re.findall(r'<a id="([\w-]+)">', raw)
    return {slug(heading) for heading in headings} | set(named)


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^()\s]+)\)", text_of(page))


def broken(page: Path) -> list[str]:
    """Links of a page that lead nowhere."""
    found = []
    for link in links(page):
        if re.match(r"https://[\w.-]+\.\w+(/|$)", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    assert broken(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_pages_say_what_is_there(page):
    """A reader of the site sees no files."""
    assert re.findall(r"\[[\w./-]+\.md\]\(", text_of(page)) == []


def test_a_broken_link_is_found(tmp_path):
    (tmp_path / "b.md").write_text("# One $x$ two\n\n(here)=\n## Other `code`\n")
    page = tmp_path / "a.md"
    page.write_text("[a](b.md#one-x-two) [b](b.md#here) [c](b.md#other-code) `[x](gone.md)`\n[d](b.md#two) [e](c.md)")
    assert broken(page) == ["b.md#two", "c.md"]
    assert len(PAGES) > 25 and sum(len(links(page)) for page in PAGES) > 80
