"""Acknowledge, judge, silence: by key and by click, shown at once, taken back where the server does not take it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.page.articles import numbered
from tests.page.conftest import Watched, keep
from tests.page.running import System


@pytest.fixture(scope="module", autouse=True)
def _published(system: System) -> None:
    system.publish([*numbered(6, "summits"), *numbered(3, "rollbacks"), *numbered(3, "returns")])
    system.wait_for_titles("number 5", "rollbacks", "returns")


def life(system: System, title: str) -> Any:
    return next(alert["life"] for alert in system.alerts() if alert["title"] == title)


def focused(page: Page) -> Locator:
    return page.locator(".story:focus")


def title_of(card: Locator) -> str:
    return card.get_by_role("heading").inner_text()


def test_keys_move_judge_and_acknowledge_and_the_server_knows_it(system: System, watched: Watched) -> None:
    page = watched.open("/?q=summits")
    page.keyboard.press("j")
    page.keyboard.press("j")
    title = title_of(focused(page))
    assert title == title_of(page.locator(".story").nth(1))
    page.keyboard.press("f")
    expect(focused(page).get_by_role("button", name="False")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("a")
    expect(focused(page).get_by_role("button", name="Acknowledged")).to_be_visible()
    system.wait_for(lambda: life(system, title)["acknowledged"] is not None)
    assert life(system, title)["verdict"]["value"] == "false"
    keep(page, "acknowledged")
    page.keyboard.press("z")
    expect(focused(page).get_by_role("button", name="Acknowledge", exact=True)).to_be_visible()
    system.wait_for(lambda: life(system, title)["acknowledged"] is None)
    page.keyboard.press("k")
    assert title_of(focused(page)) == title_of(page.locator(".story").first)
    page.keyboard.press("Enter")
    expect(focused(page).locator(".details")).to_be_visible()


def test_a_first_verdict_can_be_undone(system: System, watched: Watched) -> None:
    page = watched.open("/?q=summits")
    page.keyboard.press("j")
    title = title_of(focused(page))
    page.keyboard.press("u")
    system.wait_for(lambda: life(system, title)["verdict"] is not None)
    page.keyboard.press("z")
    system.wait_for(lambda: life(system, title)["verdict"] is None)
    expect(focused(page).get_by_role("button", name="Unsure")).to_have_attribute("aria-pressed", "false")


def test_an_undo_pressed_before_the_server_has_answered_takes_back_what_was_just_asked(
    system: System, watched: Watched
) -> None:
    page = watched.open("/?q=summits")
    page.keyboard.press("j")
    title = title_of(focused(page))
    held: list[Route] = []
    page.route("**/verdict", lambda route: held.append(route) if route.request.method == "PUT" else route.continue_())
    with page.expect_request("**/verdict"):
        page.keyboard.press("u")
    page.keyboard.press("z")
    with page.expect_response(lambda answer: answer.request.method == "DELETE" and answer.ok):
        held.pop().continue_()
    assert life(system, title)["verdict"] is None
    expect(focused(page).get_by_role("button", name="Unsure")).to_have_attribute("aria-pressed", "false")


def test_keys_do_nothing_while_someone_types_or_after_they_are_switched_off(watched: Watched) -> None:
    page = watched.open("/?q=summits")
    page.keyboard.press("/")
    page.keyboard.type("summits at")
    expect(page.locator("#search")).to_have_value("summits at")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    keep(page, "keys")
    page.get_by_label("Single keys work everywhere on this page").uncheck()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_silence_is_previewed_made_and_undone(system: System, watched: Watched) -> None:
    page = watched.open("/?q=summits")
    card = page.locator(".story").last
    title = title_of(card)
    card.get_by_role("button", name="Silence").click()
    dialog = page.get_by_role("dialog", name="Silence")
    expect(dialog).to_contain_text("It would have muted 1 of the last")
    dialog.get_by_label("1 day").check()
    dialog.get_by_label("Why, for your colleagues").fill("expected all week")
    keep(page, "silence")
    dialog.get_by_role("button", name="Silence", exact=True).click()
    expect(card.get_by_role("button", name="Silenced")).to_be_visible()
    system.wait_for(lambda: len(life(system, title)["silences"]) == 1)
    (silence,) = system.http.get("/v1/silences").json()["silences"]
    assert silence["comment"] == "expected all week"
    page.keyboard.press("z")
    expect(card.get_by_role("button", name="Silence", exact=True)).to_be_visible()
    system.wait_for(lambda: life(system, title)["silences"] == [])


def test_what_was_dealt_with_is_gone_from_the_open_ones_and_stays_among_all(system: System, watched: Watched) -> None:
    page = watched.open("/?q=returns")
    expect(page.locator(".story")).to_have_count(3)
    card = page.locator(".story").first
    title = title_of(card)
    card.get_by_role("button", name="Acknowledge").click()
    system.wait_for(lambda: life(system, title)["acknowledged"] is not None)
    expect(page.locator(".story")).to_have_count(3)  # nothing jumps away under the pointer
    page.reload()
    expect(page.locator(".story")).to_have_count(2)
    page.locator("#facets").get_by_role("button", name="All", exact=True).click()
    expect(page.locator(".story.dealt")).to_have_count(1)


def test_a_server_that_goes_away_is_told_a_change_is_taken_back_and_nothing_is_missed_when_it_returns(
    system: System, watched: Watched
) -> None:
    page = watched.open("/?q=rollbacks")
    expect(page.locator("#state-word")).to_have_text("live")
    system.stop_serving()
    try:
        expect(page.locator("#state-word")).to_have_text(re.compile("reconnecting|offline"), timeout=20_000)
        page.keyboard.press("j")
        page.keyboard.press("t")
        expect(page.get_by_role("alert")).to_contain_text("It was not saved")
        expect(focused(page).get_by_role("button", name="True")).to_have_attribute("aria-pressed", "false")
        keep(page, "reconnecting")
    finally:
        system.serve()
    (fresh,) = [article for article in numbered(4, "rollbacks") if article["title"].endswith("number 3")]
    system.publish([fresh])
    expect(page.locator("#state-word")).to_have_text("live", timeout=40_000)
    system.wait_for(lambda: "number 3" in page.locator("body").inner_text() or page.locator("#pill").is_visible())
