"""The documentation as a site, as a reader's browser shows it."""

from __future__ import annotations

import fcntl
import os
import re
import time
from pathlib import Path

import pytest
from browser import DRIVER, complaints, opened, wider_than_the_window
from commands import ROOT, run_python

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(DRIVER is None, reason="there is no chromedriver"),
]


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """Built as `make docs` builds it, once for all processes of this run."""
    pytest.importorskip("sphinx")
    together = tmp_path_factory.getbasetemp()
    together = together.parent if "PYTEST_XDIST_WORKER" in os.environ else together
    built = together / "site"
    with (together / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (built / "index.html").exists():
            done = run_python("-m", "sphinx", "-E", "-q", "-W", "-b", "html", ROOT / "docs", built, timeout=600)
            assert done.returncode == 0, done.stderr
    return built


def test_links_to_places_of_pages_lead_there(site):
    """Sphinx is told to be silent about those that do not (docs/conf.py)."""
    pages = {page.name: page.read_text(encoding="utf-8") for page in site.glob("*.html")}
    places = {name: set(re.findall(r'id="([^"]+)"', text)) for name, text in pages.items()}
    links = {
        (name, other or name, place)
        for name, text in pages.items()
        for other, place in re.findall(r'href="([\w.-]*\.html|)#([^"]+)"', text)
    }
    assert ("theory.html", "finite-n.html", "eq-18") in links
    assert [link for link in sorted(links) if link[2] not in places.get(link[1], ())] == []


TYPESET = "return !document.querySelector('.math:not(:has(mjx-container))')"
ERRORS = (
    "return [...document.querySelectorAll('mjx-merror')].map(error => error.dataset.mjxError || error.textContent)"
)
# What a reader of the page can see of TeX that nobody typeset; code is meant as it stands.
LEFT = r"""
const article = document.querySelector('article').cloneNode(true);
article.querySelectorAll('code, pre, mjx-container').forEach(element => element.remove());
return article.textContent.match(/\$|\\[a-z(\[]|Math Processing Error/g) || [];
"""
# Equations and tables scroll within themselves; a formula in a line of text cannot.
CUT = """
return [...document.querySelectorAll('article span.math')]
    .filter(formula => !formula.closest('.table-wrapper'))
    .filter(formula => formula.getBoundingClientRect().right > window.innerWidth)
    .map(formula => formula.textContent);
"""


def shows_all_formulas(page: Path) -> None:
    """On a telephone; MathJax takes a moment."""
    with opened(page, width=390) as browser:
        for _ in range(300):
            if browser.execute_script(TYPESET):
                break
            time.sleep(0.1)
        else:
            raise AssertionError(f"{page.name}: formulas that are not typeset")
        assert browser.execute_script(ERRORS) == [], page.name
        assert browser.execute_script(LEFT) == [], page.name
        assert browser.execute_script(CUT) == [], page.name
        assert complaints(browser) == [], page.name
        assert wider_than_the_window(browser) <= 0, page.name


def test_formulas_are_typeset(site):
    pages = [page for page in sorted(site.glob("*.html")) if 'class="math' in page.read_text(encoding="utf-8")]
    assert {"theory.html", "finite-n.html", "thresholds.html", "digits.html", "concepts.html"} <= {
        page.name for page in pages
    }
    for page in pages:
        shows_all_formulas(page)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        (r'<span class="math">\(x^2^3\)</span>', "Double exponent"),
        ("$x$", r"\$"),
        (rf'<span class="math">\({"y" * 99}\)</span>', "y{9}"),
        ('<img src="gone.png">', "ERR_FILE_NOT_FOUND"),
    ],
)
def test_what_is_wrong_with_a_page_is_seen(site, source, what):
    """The page of thresholds with a slip of the pen, a formula without end, a picture that is not there."""
    page = (site / "thresholds.html").read_text(encoding="utf-8")
    changed = site / "changed.htm"  # beside the pages, and none of them
    changed.write_text(page.replace("</h1>", f"</h1><p>{source}</p>", 1), encoding="utf-8")
    try:
        with pytest.raises(AssertionError, match=what):
            shows_all_formulas(changed)
    finally:
        changed.unlink()
