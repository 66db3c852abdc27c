"""Alerts on the page, as they come from articles that were published: what is shown, and that it is only shown."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.articles import ASTRAL_TITLE, HOSTILE_TITLE, ODD, numbered, samples
from tests.page.conftest import Watched, keep
from tests.page.running import System


@pytest.fixture(scope="module", autouse=True)
def _published(system: System) -> None:
    system.publish([*samples(), *ODD])
    system.wait_for_titles(*(article["title"] for article in ODD))


def story(page: Page, words: str) -> Locator:
    return page.locator(".story", has_text=words).first


def marks(within: Locator) -> list[str]:
    return within.locator("mark").all_inner_texts()


def test_a_story_shows_its_headline_its_sentence_its_actors_its_source_and_when(watched: Watched) -> None:
    page = watched.open("/?q=wenen")
    card = story(page, "in Wenen")
    expect(card.get_by_role("heading")).to_have_text(ASTRAL_TITLE)
    expect(card.locator(".actor")).to_have_text(["Iran", "NATO"])
    expect(card.locator(".source")).to_have_text("De Proef")
    expect(card.locator(".facts")).to_contain_text("Dutch")
    expect(card.locator(".severity")).to_have_text("warning")
    when = card.locator("time").first
    expect(when).to_have_text("just now")
    assert "2" in (when.get_attribute("title") or "")
    assert "GMT+" in (when.get_attribute("title") or "") or "CE" in (when.get_attribute("title") or "")
    link = card.get_by_role("link").first
    expect(link).to_have_attribute("href", "https://proef.example/wenen")
    assert set((link.get_attribute("rel") or "").split()) >= {"noopener", "nofollow"}


def test_highlights_count_code_points_so_emoji_before_them_move_nothing(watched: Watched) -> None:
    page = watched.open("/?q=wenen")
    assert marks(story(page, "in Wenen").get_by_role("heading")) == ["Iran", "NAVO"]


def test_a_hostile_title_is_shown_as_text_and_nothing_of_it_runs(watched: Watched) -> None:
    page = watched.open("/?q=gnp.exe")
    card = story(page, "gnp.exe")
    heading = card.get_by_role("heading")
    shown = HOSTILE_TITLE.replace("\u202e", "").replace("\u202c", "")
    expect(heading).to_have_text(shown)
    expect(card.locator(".source")).to_have_text("Evil <b>Wire</b>")
    assert card.locator("img, script, b").count() == 0
    assert "\u202e" not in card.inner_text()
    card.get_by_role("button", name="Details").click()
    expect(card.locator(".details")).to_be_visible()
    assert card.locator("img, script").count() == 0


def test_right_to_left_and_east_asian_headlines_are_set_in_their_own_direction_and_language(watched: Watched) -> None:
    page = watched.open("/?q=طوكيو")
    arabic = story(page, "طوكيو").locator("h3 [dir=auto]")
    assert arabic.evaluate("(element) => [getComputedStyle(element).direction, element.lang]") == ["rtl", "ar"]
    assert marks(arabic)[0] in "الناتو"
    keep(page, "right-to-left")
    page = watched.open("/?q=来日")
    japanese = story(page, "来日").locator("h3 [dir=auto]")
    assert japanese.evaluate("(element) => [getComputedStyle(element).direction, element.lang]") == ["ltr", "ja"]
    assert "イラン" in marks(japanese)


def test_details_say_why_and_list_the_articles_of_the_story(watched: Watched) -> None:
    page = watched.open("/?q=wenen")
    card = story(page, "in Wenen")
    card.get_by_role("button", name="Details").click()
    details = card.locator(".details")
    expect(details).to_contain_text("watched-actor-in-headline")
    expect(details).to_contain_text("version")
    expect(details.locator("tbody tr")).to_have_count(2)
    expect(details.get_by_role("heading", name="1 article from 1 source")).to_be_visible()
    keep(page, "details")


def test_alerts_arrive_by_themselves_at_the_top_and_screen_readers_are_told(system: System, watched: Watched) -> None:
    page = watched.open()
    expect(page.locator("#state-word")).to_have_text("live")
    (article,) = numbered(1, "arrivals")
    system.publish([article])
    expect(page.locator(".story").first).to_contain_text("arrivals", timeout=20_000)
    expect(page.locator("#said")).to_contain_text("arrivals", timeout=10_000)
    expect(page.locator("#pill")).to_be_hidden()


def test_what_arrives_while_someone_reads_further_down_waits_behind_a_pill_and_moves_nothing(
    system: System, watched: Watched
) -> None:
    page = watched.open()
    page.mouse.move(600, 500)
    page.mouse.wheel(0, 900)
    system.wait_for(lambda: page.evaluate("scrollY") > 300)
    middle = "() => document.elementFromPoint(600, 450).closest('.story')?.getBoundingClientRect().top ?? null"
    system.wait_for(lambda: page.evaluate(middle) is not None)
    before = page.evaluate(middle)
    system.publish(numbered(3, "pillars"))
    expect(page.locator("#pill")).to_have_text("3 new", timeout=20_000)
    assert abs(page.evaluate(middle) - before) < 1
    keep(page, "pill")
    page.locator("#pill").click()
    expect(page.locator(".story").first).to_contain_text("pillars")
    expect(page.locator("#pill")).to_be_hidden()


def test_filters_narrow_the_list_and_stand_in_the_address_so_a_view_can_be_shared(watched: Watched) -> None:
    page = watched.open()
    page.locator("#facets").get_by_role("button", name="Islamic State").click()
    page.locator("#facets").get_by_role("button", name="Dutch").click()
    assert "actor=islamic-state" in page.url
    assert "language=nl" in page.url
    expect(page.locator(".story").first).to_be_visible()
    for each in page.locator(".story").all():
        expect(each.locator(".actor", has_text="Islamic State")).to_have_count(1)
        expect(each.locator(".facts")).to_contain_text("Dutch")
    other = watched.open(page.url.removeprefix(page.url.split("/?")[0]))
    expect(other.locator(".story")).to_have_count(page.locator(".story").count())
    page.go_back()
    assert "language" not in page.url
    page.get_by_role("button", name="Clear the filters").click()
    assert page.url.endswith("/")


def test_what_fits_nothing_says_so_and_offers_the_way_back(watched: Watched) -> None:
    page = watched.open("/?q=zzzzzz")
    expect(page.get_by_role("heading", name="Nothing fits these filters")).to_be_visible()
    keep(page, "nothing-fits")
    page.locator("#nothing").get_by_role("button", name="Clear the filters").click()
    expect(page.locator(".story").first).to_be_visible()


def test_older_stories_come_as_the_reader_goes_down(system: System, watched: Watched) -> None:
    system.publish(numbered(130, "depths"))
    system.wait_for_titles("number 129")
    page = watched.open("/?q=depths")
    page.mouse.move(600, 500)

    def all_there() -> bool:
        page.mouse.wheel(0, 20_000)
        return page.locator(".story").count() >= 130

    system.wait_for(all_there)
