"""The other views: actors, sources, rules, deliveries; pictures with tables beside them, and a rule editor."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.page.articles import samples
from tests.page.conftest import Watched, keep
from tests.page.running import System


@pytest.fixture(scope="module", autouse=True)
def _published(system: System) -> None:
    system.publish(samples())
    system.wait_for(lambda: len(system.alerts()) >= 5)


def test_actors_have_a_timeline_and_a_table_that_says_the_same(watched: Watched) -> None:
    page = watched.open("/?view=actors")
    panel = page.locator("[data-id=actor-nato]")
    expect(panel.get_by_role("img")).to_have_attribute("aria-label", re.compile(r"^NATO: \d+ articles"))
    panel.get_by_text("As a table").click()
    hours = panel.locator("tbody td.number").all_inner_texts()
    total = panel.locator("h2 .number").inner_text().split()[0]
    assert sum(int(each.replace(",", "")) for each in hours) == int(total.replace(",", ""))
    page.get_by_role("button", name="7 days").click()
    expect(page.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("heading", name="Named in one article")).to_be_visible()
    page.get_by_role("button", name="Alerts about NATO").click()
    assert page.url.endswith("/?actor=nato")


def test_without_listed_feeds_the_sources_say_what_to_do(watched: Watched) -> None:
    page = watched.open("/?view=sources")
    expect(page.get_by_role("heading", name="No feeds are listed yet")).to_be_visible()
    keep(page, "sources-none")


def test_a_rule_is_changed_checked_saved_and_taken_back_to_the_file(system: System, watched: Watched) -> None:
    page = watched.open("/?view=rules")
    page.get_by_role("heading", name="Rules").first.wait_for()
    area = page.get_by_label("Rules, as YAML")
    shipped = area.input_value()
    assert "watched-actor" in shipped
    save = page.get_by_role("button", name="Save")
    expect(save).to_be_disabled()
    area.fill(shipped.replace("severity: info", "severity: nonsense", 1))
    fault = page.locator(".faults button").first
    expect(fault).to_contain_text("Line")
    expect(page.locator(".lines .wrong")).to_have_count(1)
    expect(save).to_be_disabled()
    keep(page, "rules-fault")
    area.fill(shipped.replace("severity: info", "severity: warning"))
    expect(page.locator(".faults")).to_have_count(0)
    expect(save).to_be_enabled()
    save.click()
    expect(page.locator("#view-other h1")).to_contain_text("saved")
    assert system.http.get("/v1/rules").json()["origin"] == "saved"
    page.get_by_role("button", name="Back to the file").click()
    expect(page.locator("#view-other h1")).to_contain_text("ship with Wirewatch")
    assert area.input_value() == shipped


def test_rules_that_somebody_else_changed_meanwhile_are_not_overwritten_unasked(
    system: System, watched: Watched
) -> None:
    page = watched.open("/?view=rules")
    area = page.get_by_label("Rules, as YAML")
    mine = area.input_value() + "\n# mine\n"
    area.fill(mine)
    expect(page.get_by_role("button", name="Save")).to_be_enabled()
    theirs = mine.replace("# mine", "# theirs").replace("severity: info", "severity: warning")
    answer = system.http.put("/v1/rules", json={"text": theirs})
    assert answer.status_code == 200, answer.text
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else has saved other rules meanwhile")
    assert area.input_value() == mine
    page.get_by_role("button", name="Keep mine, over theirs").click()
    expect(page.locator(".note")).to_have_count(0)
    assert system.http.get("/v1/rules").json()["text"] == mine
    system.http.delete("/v1/rules")


def test_rules_are_previewed_over_the_log_before_they_are_saved(system: System, watched: Watched) -> None:
    if system.http.post("/v1/rules/backtest", json={}).status_code == 404:
        pytest.skip("this server previews no rules")
    page = watched.open("/?view=rules")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="What they would have raised")).to_be_visible(timeout=30_000)
    expect(page.locator(".samples li").first).to_be_visible()
    keep(page, "rules-preview")


def test_without_receivers_the_deliveries_say_that_nobody_is_told(watched: Watched) -> None:
    page = watched.open("/?view=deliveries")
    expect(page.get_by_role("heading", name="Nobody is notified yet")).to_be_visible()
