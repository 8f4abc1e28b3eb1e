"""The explorer in a browser: its state set by the address, its words and curves when all is drawn."""

from __future__ import annotations

import time


def go(page, address):
    """Leave for another state, by the address as a reader types it."""
    page.execute_script("document.activeElement.blur(); location.hash = '#'")
    page.execute_script("location.hash = arguments[0]", address)
    drawn(page)


def drawn(page):
    """Wait until everything is drawn."""
    until = time.monotonic() + 60
    time.sleep(0.05)
    while page.execute_script("return document.querySelector('main').getAttribute('aria-busy')") != "false":
        assert time.monotonic() < until
        time.sleep(0.02)


def at(page, selector):
    return page.find_element("css selector", selector)


def path(page, selector):
    return at(page, selector).get_attribute("d")


def words(page, name="sentence"):
    return page.execute_script("return document.getElementById(arguments[0]).textContent", name)
