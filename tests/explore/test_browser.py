"""The explorer as a reader has it: sliders, fields, charts, address, picture; two widths, light and dark."""
# ruff: noqa: RUF001 -- the page writes alpha and minus as physicists do

from __future__ import annotations

import re
import time
from random import Random

import pytest
from browser import DRIVER, complaints, opened, wider_than_the_window
from explorer import at, drawn, go, path, words

from hpcbbp import theory
from hpcbbp.explore import write_explorer
from hpcbbp.explore.page import script

pytestmark = [pytest.mark.browser, pytest.mark.skipif(DRIVER is None, reason="no chromedriver")]

HASH = "#p=2&p_star=1&a=1.5&alpha=1.2&n=1e6&view=bulk"
VIEWS = (
    HASH,
    HASH.replace("a=1.5", "a=0.1"),
    HASH.replace("alpha=1.2", "alpha=2"),
    HASH.replace("bulk", "edge"),
    HASH.replace("p=2", "p=inf").replace("n=1e6", "n=inf"),
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_explorer(tmp_path_factory.mktemp("explorer") / "e.html")


@pytest.fixture(scope="module")
def shared(file):
    with opened(file) as page:
        yield page


@pytest.fixture
def page(shared):
    """The page in the state with which it begins."""
    go(shared, HASH)
    return shared


def typed(page, name, text):
    from selenium.webdriver.common.keys import Keys

    at(page, f"#{name}").send_keys(Keys.CONTROL, "a")
    at(page, f"#{name}").send_keys(text, Keys.ENTER)
    drawn(page)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_opens_without_complaints(file, width, scheme):
    with opened(file, width, scheme=scheme) as page:
        drawn(page)
        for address in VIEWS:
            go(page, address)
            assert wider_than_the_window(page) == 0, address
            for chart in page.find_elements("css selector", "svg.chart"):
                assert "NaN" not in chart.get_attribute("outerHTML"), address
        assert complaints(page) == []
        light = page.execute_script(
            "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
        )
        assert (sum(light) > 600) == (scheme == "light")
        own = re.findall(r"(?m)^(?:const|let|class|(?:async )?function) (\w+)", script())
        assert len(own) > 100
        assert page.execute_script("return arguments[0].filter((name) => Object.hasOwn(window, name))", own) == []
        assert page.execute_script("return Object.keys(window.hpcbbp)") == ["values", "picture"]


def test_the_sentence_says_where_alpha_lies(page):
    assert words(page) == (
        "α = 1.2 lies below αBBP = 1.323, but above αBBP(N = 10⁶) = 1.022: samples of this N show m² = 0.076, "
        "a resonance."
    )
    for address, part in {
        HASH.replace("1.2", "1"): "and below αBBP(N = 10⁶) = 1.022: the resonance of m² = 0.017 is lost",
        HASH.replace("1e6", "inf"): "at N = ∞ there is no outlier, but a resonance of m² = 0.076",
        HASH.replace("1e6", "1e3"): "N = 1000 is too small for αBBP(N)",
        HASH.replace("1.2", "1.3229"): "α = 1.3229 lies below αBBP = 1.3229",
        HASH.replace("1.2", "1.02159"): "α = 1.02159 lies below αBBP = 1.323, but above αBBP(N = 10⁶) = 1.02",
        HASH.replace("1.2", "0.5"): "and below 0.9294, where the resonance ends",
        HASH.replace(
            "1.2", "1.5"
        ): "a discontinuous transition: an outlier stands at λ* = −0.9324, left of the smooth",
        HASH.replace("a=1.5", "a=0.4").replace(
            "alpha=1.2", "alpha=0.2"
        ): "the edge is smooth here, and finite N reaches",
        HASH.replace("a=1.5", "a=0.1"): "α = 1.2 lies below αBBP = 1.255, a continuous transition: no eigenvector",
        HASH.replace("a=1.5", "a=0.1").replace("1.2", "2"): "left of the sharp edge λ− = −0.9296",
    }.items():
        go(page, address)
        assert part in words(page), words(page)


def test_no_state_within_the_limits_breaks_the_page(page):
    """Also at its ends: curves without gaps, numbers in every word, no complaint."""
    choice = Random(20251018)
    for _ in range(25):
        p, p_star = choice.choice([1, 2, 3, 20, 500, "inf"]), choice.choice([1, 2, 7, 100])
        a = 10 ** choice.choice([-3, 3, choice.uniform(-3, 3)])
        near = p_star * (1 + a) / 2 * 10 ** choice.uniform(-0.6, 0.6)
        alpha = choice.choice([0.001, 1e6, 1, *3 * [max(0.001, near)]])
        n, view = choice.choice(["1000", "1e5", "1e30", "inf"]), choice.choice(["bulk", "edge"])
        address = f"#p={p}&p_star={p_star}&a={a:.4g}&alpha={alpha:.4g}&n={n}&view={view}"
        go(page, address)
        charts = "".join(one.get_attribute("outerHTML") for one in page.find_elements("css selector", "svg.chart"))
        said = words(page) + words(page, "table")
        assert not re.search("NaN|Infinity|undefined|null", charts + said), address
        assert all(len(path(page, f"#{name} .main")) > 100 for name in ("overlap", "spectrum")), address
        assert complaints(page) == [], address


def test_alpha_by_the_keys_of_its_slider(page):
    from selenium.webdriver.common.keys import Keys

    dot, before = at(page, "#overlap circle.outlier").get_attribute("cx"), words(page)
    spectrum = path(page, "#spectrum .main")
    at(page, "#alpha-slider").send_keys(Keys.ARROW_RIGHT * 3)
    drawn(page)
    assert at(page, "#alpha").get_attribute("value") == "1.23"
    assert "α = 1.23 lies" in words(page) != before
    assert at(page, "#overlap circle.outlier").get_attribute("cx") != dot
    assert path(page, "#spectrum .main") != spectrum
    assert at(page, "#alpha-slider").get_attribute("aria-valuetext") == "1.23"


@pytest.mark.parametrize(
    ("name", "text", "changed"),
    [("alpha", "2", "spectrum"), ("a", "3", "overlap"), ("p", "3", "overlap"), ("p_star", "2", "phase"),
     ("p", "inf", "overlap")],
)  # fmt: skip
def test_a_number_typed_changes_curves_sentence_and_address(page, name, text, changed):
    curve = {"spectrum": "#spectrum .main", "overlap": "#overlap .main", "phase": "#phase .main"}[changed]
    before = path(page, curve), words(page)
    typed(page, name, text)
    assert path(page, curve) != before[0]
    assert words(page) != before[1]
    assert f"{name}={text}&" in page.execute_script("return location.hash")
    assert f"{ {'p_star': '--p-star', 'alpha': '--alpha'}.get(name, '-' + name) } {text}" in words(page, "command")


def test_n_moves_the_effective_threshold_alone(page):
    main, finite = path(page, "#overlap .main"), path(page, "#overlap .finite")
    typed(page, "n", "1e12")
    assert path(page, "#overlap .main") == main
    assert path(page, "#overlap .finite") != finite
    assert "αBBP(N = 10¹²) = 1.191" in words(page)
    typed(page, "n", "inf")
    assert page.find_elements("css selector", "#overlap .finite, #overlap .band") == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("alpha", "-1", "α = -1: a number from 0.001 to 1e6 is wanted"),
        ("a", "x", "a = x: a number from 0.001 to 1000 is wanted"),
        ("a", "", "a = nothing: a number"),
        ("p", "1.5", "p = 1.5: a whole number from 1 to 500, or inf, is wanted"),
        ("p_star", "inf", "p* = inf: a whole number from 1 to 100 is wanted"),
        ("n", "10", "N = 10: a whole number from 1000 to 1e30, or inf, is wanted"),
    ],
)
def test_a_number_out_of_range_is_told_and_changes_nothing(page, name, text, message):
    from selenium.webdriver.common.keys import Keys

    before = words(page)
    typed(page, name, text or Keys.DELETE)
    assert words(page, f"{name}-error").startswith(message)
    assert at(page, f"#{name}").get_attribute("aria-invalid") == "true"
    assert (words(page), page.execute_script("return location.hash")) == (before, HASH)
    typed(page, name, "3" if name != "n" else "1e9")
    assert words(page, f"{name}-error") == ""
    assert at(page, f"#{name}").get_attribute("aria-invalid") == "false"
    assert words(page) != before


def test_an_address_holds_a_view(file, page):
    address = "#p=3&p_star=2&a=4&alpha=5.5&n=2e9&view=edge"
    go(page, address)
    assert page.execute_script("return location.hash") == address
    said, drawn_curve = words(page), path(page, "#spectrum .main")
    with opened(file) as other:
        other.get(file.resolve().as_uri() + address)
        drawn(other)
        assert (words(other), path(other, "#spectrum .main")) == (said, drawn_curve)
        assert [at(other, f"#{name}").get_attribute("value") for name in ("p", "p_star", "a", "alpha", "n")] == [
            "3", "2", "4", "5.5", "2e9"]  # fmt: skip
        assert at(other, "[data-view=edge]").get_attribute("aria-pressed") == "true"
    go(page, "#p=0&a=9&other=1")
    assert page.execute_script("return location.hash") == "#p=3&p_star=2&a=9&alpha=5.5&n=2e9&view=edge"
    assert words(page, "p-error").startswith("p = 0: a whole number")


def moved(page, selector, x, y=0.5):
    """Put the pointer at a place of a chart, in parts of its width and height."""
    from selenium.webdriver import ActionChains

    chart = at(page, selector)
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    size = page.execute_script("const r = arguments[0].getBoundingClientRect(); return [r.width, r.height]", chart)
    offset = [round((part - 0.5) * length) for part, length in zip((x, y), size, strict=True)]
    ActionChains(page, duration=0).move_to_element_with_offset(chart, *offset).perform()
    return chart


def test_values_under_the_pointer(page):
    """What is read off is what theory says there, to the digits shown."""
    moved(page, "#overlap svg", 0.85)
    alpha, m2 = (float(one) for one in re.findall(r"\d+\.\d+", words(page, "overlap-readout"))[:2])
    assert alpha > 1.4
    assert abs(theory.spectrum(2, 1, 1.5, alpha).overlap2 - m2) < 1e-3
    moved(page, "#spectrum svg", 0.5)
    x, rho = (float(one) for one in re.findall(r"-?\d+\.\d+", words(page, "spectrum-readout"))[:2])
    assert abs(theory.density(2, 1, 1.5, 1.2, x=[x]).rho[0] - rho) < 0.01 * rho
    moved(page, "#phase svg", 0.3)
    found = re.match(r"a = ([\d.]+), α = .* αBBP = ([\d.]+), continuous", words(page, "phase-readout"))
    assert found
    assert abs(theory.transition(2, 1, float(found[1])).alpha_bbp - float(found[2])) < 2e-3


def test_charts_by_keys(page):
    """Tab reaches them, arrow keys move what is read, Enter takes it."""
    from selenium.webdriver.common.keys import Keys

    chart = at(page, "#overlap svg")
    page.execute_script("arguments[0].focus()", chart)
    assert page.execute_script("return getComputedStyle(arguments[0]).outlineStyle", chart) != "none"
    first = words(page, "overlap-readout")
    assert first.startswith("α = 1.2: resonance with m² = 0.076")
    chart.send_keys(Keys.ARROW_RIGHT * 4)
    second = words(page, "overlap-readout")
    assert second != first
    chart.send_keys(Keys.SHIFT + Keys.ARROW_RIGHT)
    third = words(page, "overlap-readout")
    chart.send_keys(Keys.ENTER)
    drawn(page)
    alpha = re.match(r"α = ([\d.]+)", third)[1]
    assert words(page).startswith(f"α = {alpha} lies above")


def test_a_click_takes_alpha(page):
    from selenium.webdriver import ActionChains

    moved(page, "#overlap svg", 0.9)
    ActionChains(page, duration=0).click().perform()
    drawn(page)
    assert "lies above αBBP" in words(page)
    moved(page, "#phase svg", 0.25, 0.2)
    ActionChains(page, duration=0).click().perform()
    drawn(page)
    assert float(at(page, "#a").get_attribute("value")) < 0.3
    assert "a continuous transition" in words(page)


def test_terms_lead_to_their_definitions(page):
    link = at(page, "#table a[href='#def-alpha_bbp_n']")
    link.click()
    assert at(page, "#def-alpha_bbp_n").is_displayed()
    assert page.execute_script("return document.activeElement.id") == "def-alpha_bbp_n"
    assert page.execute_script("return location.hash") == HASH


def test_the_command_says_what_the_page_shows(page):
    assert words(page, "command") == "hpcbbp theory -p 2 --p-star 1 -a 1.5 --alpha 1.2 -n 1e6"
    at(page, "#copy").click()
    time.sleep(0.2)
    assert words(page, "told") in ("Copied.", "Selected: copy it by hand.")


def test_the_picture_is_an_svg_of_its_own(page, tmp_path):
    import xml.etree.ElementTree as ElementTree

    text = page.execute_script("return window.hpcbbp.picture()")
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(root.findall("{http://www.w3.org/2000/svg}svg")) == 3
    assert "var(--" not in text
    assert "p = 2, p* = 1, a = 1.5, α = 1.2, N = 10⁶" in text
    (tmp_path / "picture.svg").write_text(text, encoding="utf-8")
    with opened(tmp_path / "picture.svg") as picture:
        assert complaints(picture) == []
        assert at(picture, ".main").is_displayed()
