"""The page for everyone: light and dark, keyboard, screen reader, small screens, and servers that want a token."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.page.articles import ODD, samples
from tests.page.conftest import Watched, keep
from tests.page.running import System

API_TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a6978"
VIEWS = ("alerts", "actors", "sources", "rules", "deliveries")


@pytest.fixture(scope="module", autouse=True)
def _published(system: System) -> None:
    system.publish([*samples(), *ODD])
    system.wait_for(lambda: len(system.alerts()) >= 5)


def faults(page: Page) -> list[Any]:
    """What axe calls serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        (each["id"], [node["html"][:160] + " " + node["failureSummary"][:200] for node in each["nodes"][:3]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


def opened(watched: Watched, view: str, **how: bool) -> Page:
    page = watched.open("/" if view == "alerts" else f"/?view={view}", **how)
    if view != "alerts":
        page.wait_for_selector("#view-other h1, #view-other h2")
    return page


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_serious_fault_in_any_view(watched: Watched, dark: bool) -> None:
    for view in VIEWS:
        page = opened(watched, view, dark=dark)
        if page.locator(f"#views [data-view={view}]").is_hidden():
            continue
        if view == "alerts":
            page.get_by_role("button", name="Details").first.click()
            page.wait_for_selector("#pulse .spark")
        keep(page, f"{view}-{'dark' if dark else 'light'}")
        assert faults(page) == [], view


def test_axe_finds_no_serious_fault_in_the_dialogs(watched: Watched) -> None:
    page = watched.open()
    page.keyboard.press("?")
    assert faults(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("s")
    page.get_by_role("dialog", name="Silence").get_by_text("It would have muted").wait_for()
    assert faults(page) == []


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_a_phone(watched: Watched, view: str) -> None:
    page = opened(watched, view, phone=True)
    keep(page, f"{view}-phone")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_the_filters_open_on_a_phone(watched: Watched) -> None:
    page = watched.open(phone=True)
    button = page.get_by_role("button", name="Filters")
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#facets").get_by_role("button", name="Iran")).to_be_visible()
    keep(page, "filters-phone")


def test_everything_is_reached_with_the_tab_key_from_a_link_that_skips_to_the_content(watched: Watched) -> None:
    page = watched.open()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.dataset.act ?? document.activeElement.id"))
    assert {"search", "article", "details"} <= seen


def test_a_chosen_theme_stays(watched: Watched) -> None:
    page = watched.open()
    page.get_by_role("button", name="Colours").click()
    page.get_by_role("button", name="Colours: light").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 19, 22)"


def test_a_server_that_wants_a_token_asks_for_it_and_the_tab_keeps_it(
    browser: Browser, system: System, tmp_path: Path
) -> None:
    digest = hashlib.sha256(API_TOKEN.encode()).hexdigest()
    with system.second_server({"WIREWATCH_API_TOKENS": f"desk:read:sha256:{digest}"}) as url:
        pages = Watched(browser, url)
        page = pages.open(ready=False)
        dialog = page.get_by_role("dialog", name="This server wants a token")
        dialog.get_by_label("Token").fill("wrong")
        dialog.get_by_role("button", name="Use it").click()
        expect(dialog).to_contain_text("That token is not known here")
        keep(page, "token")
        dialog.get_by_label("Token").fill(API_TOKEN)
        dialog.get_by_role("button", name="Use it").click()
        expect(page.locator("#state-word")).to_have_text("live")
        expect(page.locator(".story").first).to_be_visible()
        # A token that may only read is offered nothing that it may not do.
        expect(page.locator("[data-act=acknowledge]:visible")).to_have_count(0)
        page.reload()
        expect(page.locator("#state-word")).to_have_text("live")
        expect(page.get_by_role("dialog")).to_have_count(0)
        pages.close()
        assert pages.faults == []
