"""A headless Chromium, steered by Selenium: pages as a reader has them, without a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DRIVER = shutil.which("chromedriver")
"""Debian's chromium-driver has it; tests that need it are skipped without."""


@contextmanager
def opened(page: Path, width: int = 1280, height: int = 900, scheme: str = "light") -> Iterator[Any]:
    """A browser that shows the page.

    Every request that does not go to a file fails, and shows in `complaints`.

    Parameters
    ----------
    page : Path
    width, height : int
        Of the window, in CSS pixels.
    scheme : {"light", "dark"}
        The colours that the reader prefers.
    """
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-gpu",
        "--host-resolver-rules=MAP * ~NOTFOUND", f"--window-size={width},{height}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
        browser.get(page.resolve().as_uri())
        yield browser
    finally:
        browser.quit()


def complaints(browser: Any) -> list[str]:
    """Errors and warnings of the console since the last time, among them what could not be loaded."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def wider_than_the_window(browser: Any) -> int:
    """CSS pixels by which the page must be scrolled sideways."""
    return int(browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth"))
