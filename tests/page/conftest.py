"""Chromium, and the running system that it looks at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from tests.house.repository import ROOT
from tests.page.running import System

ARTIFACTS = ROOT / "test-artifacts" / "page"
WIDE: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 420, "height": 860}
expect.set_options(timeout=20_000)  # another test runs beside


def chromium() -> str | None:
    """Where Chromium is, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="package")  # Playwright's loop runs in this thread while it is open: no other test could run one
def browser() -> Iterator[Browser]:
    """A browser; without one the tests of the page say how to get it."""
    program = chromium()
    if program is None:
        pytest.skip(
            "no Chromium: on Debian and Ubuntu, apt-get install chromium; then make test PYTEST_ARGS=tests/page"
        )
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def system(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system for all tests of the page; it is not started where there is no browser."""
    running = System(tmp_path_factory.mktemp("page"))
    yield running
    running.close()


class Watched:
    """Pages that note what a page must never do: errors, refused loads, requests elsewhere, text run as markup."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._contexts: list[BrowserContext] = []
        self.faults: list[str] = []

    def open(self, path: str = "/", *, dark: bool = False, phone: bool = False, ready: bool = True) -> Page:
        """A page in a context of its own, when its list is there."""
        scheme: Literal["dark", "light"] = "dark" if dark else "light"
        context = self._browser.new_context(
            viewport=PHONE if phone else WIDE,
            color_scheme=scheme,
            reduced_motion="reduce",
            timezone_id="Europe/Brussels",
        )
        self._contexts.append(context)
        page = context.new_page()
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation',"
            " (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));"
        )
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.faults.append(f"a title ran: {dialog.message}"))
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("request", lambda request: self._asked(request.url))
        page.goto(self._url + path)
        if ready:
            page.wait_for_selector("#stories[aria-busy=false]", state="attached")
        return page

    def _heard(self, kind: str, text: str) -> None:
        # The browser itself reports each answer that is no success; those are the tests' own business.
        if kind == "error" and "Failed to load resource" not in text:
            self.faults.append(f"console: {text}")

    def _asked(self, url: str) -> None:
        if not url.startswith((self._url, "data:")):
            self.faults.append(f"asked elsewhere: {url}")

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def watched(browser: Browser, system: System) -> Iterator[Watched]:
    """Opens pages; the test fails when one of them did what no page may do."""
    pages = Watched(browser, system.url)
    yield pages
    pages.close()
    assert pages.faults == []


def keep(page: Page, name: str) -> Path:
    """Keep a picture of the page among the artefacts of the tests."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    path = ARTIFACTS / f"{name}.png"
    page.screenshot(path=path)
    return path
