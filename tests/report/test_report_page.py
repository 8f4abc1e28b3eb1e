"""The page of a small campaign in a browser: wide and narrow, light and dark, on paper; and its Markdown."""

from __future__ import annotations

import base64
import re

import pytest
from browser import DRIVER, complaints, opened, wider_than_the_window
from commands import answer, run
from job_scripts import small_campaign
from records import failed

from hpcbbp.campaign.record import to_line
from hpcbbp.campaign.spec import load_campaign

A4 = 688
"""CSS pixels between the margins that the page asks for: 182 mm."""

CONTRASTS = """
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const luminance = (text) => {
  const linear = (c) => c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4;
  const [r, g, b] = rgb(text).slice(0, 3).map(linear);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (node) => {
  for (; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor;
    if ((rgb(colour)[3] ?? 1) === 1) return colour;
  }
  return "rgb(255, 255, 255)";
};
const found = {};
for (const name of ["body", "h1", ".summary p", "nav a", "caption", "th", "td", ".note", "figcaption", "summary",
                    "pre", "footer a"]) {
  const node = document.querySelector(name);
  const [text, ground] = [luminance(getComputedStyle(node).color), luminance(behind(node))];
  found[name] = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
}
return [getComputedStyle(document.body).backgroundColor, found];
"""

TOO_WIDE = """
const right = document.body.getBoundingClientRect().right + 1;
return [...document.querySelectorAll("table, img, pre, p, h2")].filter((node) => {
  const box = node.getBoundingClientRect();
  return box.right > right || !node.checkVisibility() || node.scrollWidth > node.clientWidth + 1;
}).map((node) => `${node.tagName} ${node.textContent.slice(0, 60)}`);
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Of two models at three N, with a failure whose reason is long."""
    folder = tmp_path_factory.mktemp("report")
    alpha, sizes = '["0.6..1.4 alpha_bbp in 4", 3.0]', "[30, 45, 60]"
    spec = small_campaign(folder, "small", p="[1, 2]", alpha=alpha, n=sizes, seeds=5, method="dense")
    first = load_campaign(spec).points()[0]
    reason = "LinAlgError: eigenvalues did not converge " + "and so on and so forth " * 6
    done = run("run", spec, "--out", folder / "small")
    assert done.returncode == 0, done.stderr
    store = folder / "small" / "results.jsonl"
    store.write_bytes(store.read_bytes() + to_line(failed(first, reason)))
    answer("report", spec, "--out", folder / "small")
    return folder / "small" / "report.html"


def test_the_markdown_says_the_same(page):
    html, text = page.read_text(), page.with_suffix(".md").read_text()
    sentences = re.findall(r"<p>(.*?)</p>", html.split('aria-label="Summary"')[1].split("</section>")[0])
    assert len(sentences) == 3
    plain = text.replace("\\", "")
    for sentence in sentences:
        assert sentence in plain
    assert "149 of 150 instances are done and 1 failed" in sentences[0]
    assert "1 instance failed" in sentences[2]
    for caption in re.findall(r"<caption>(.*?)</caption>|<h2[^>]*>(.*?)</h2>", html):
        assert f"# {''.join(caption)}" in plain
    assert len(re.findall("<figure>", html)) == len(re.findall(r"^!\[", text, re.M)) >= 4
    for file in re.findall(r"^!\[.*\]\((.*)\)$", text, re.M):
        assert (page.parent / file).read_bytes().startswith(b"\x89PNG")


def test_the_page_holds_all_that_it_shows(page):
    """No address but data and the places within, and one of the paper that a reader may follow."""
    html = page.read_text()
    addresses = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert {address for address in addresses if not address.startswith(("data:", "#"))} == {
        "https://arxiv.org/abs/2510.18435"
    }
    assert "url(" not in html and "@import" not in html
    places = {address[1:] for address in addresses if address.startswith("#")}
    assert places == set(re.findall(r'<h2 id="(\w+)"', html))
    assert all(re.findall(r'<img [^>]*alt="([^"]*)"', html))
    assert html.count("<th ") == html.count('<th scope="col"')
    assert html.count("<table>") == html.count("<caption>")


@pytest.mark.browser
@pytest.mark.skipif(DRIVER is None, reason="no chromedriver")
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window_and_every_colour_can_be_read(page, width):
    grounds = []
    for scheme in ("light", "dark"):
        with opened(page, width=width, scheme=scheme) as browser:
            browser.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert complaints(browser) == []
            assert wider_than_the_window(browser) <= 0
            ground, contrasts = browser.execute_script(CONTRASTS)
            assert min(contrasts.values()) >= 4.5, (scheme, contrasts)
            grounds.append(ground)
            lefts = browser.execute_script(
                "return [...document.querySelectorAll('figure')].map((one) => one.getBoundingClientRect().left)"
            )
            assert len(set(lefts)) == (2 if width == 1280 else 1)  # columns of pictures
            behind = browser.execute_script("return getComputedStyle(document.querySelector('img')).backgroundColor")
            assert behind == "rgb(255, 255, 255)"  # the ground that pictures are drawn for
    assert grounds[0] != grounds[1]


@pytest.mark.browser
@pytest.mark.skipif(DRIVER is None, reason="no chromedriver")
def test_paper_has_all_of_it(page):
    """Folded tables too, nothing beyond the margins, and in light colours whatever the reader's screen has."""
    with opened(page, width=A4, scheme="dark") as browser:
        folded = browser.execute_script("return document.querySelectorAll('details:not([open])').length")
        assert folded >= 2
        printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
        pdf = base64.b64decode(printed["data"])
        assert pdf.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 3
        assert browser.execute_script("return document.querySelectorAll('details:not([open])').length") == folded
        paper = {"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", paper)
        browser.execute_script("document.body.style.padding = '0'")
        assert browser.execute_script(TOO_WIDE) == []
        assert browser.execute_script(CONTRASTS)[0] == "rgb(255, 255, 255)"
