"""How the sources are, over HTTP and on the page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from consumers.api.sources_page import ROWS_MAX
from tests.consumers.api.conftest import Served
from wirewatch.feed_state import FeedKeys, FeedState, Listing, encode, list_feeds
from wirewatch.push_state import PushKeys
from wirewatch.redis_client import Client
from wirewatch.settings import Settings

KEYS = FeedKeys(Settings().redis_prefix)
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def _list(client: Client, *feeds: tuple[Listing, FeedState]) -> None:
    list_feeds(client, KEYS, [listing for listing, _ in feeds], NOW)
    for _, state in feeds:
        client.set(KEYS.state(state.url), encode(state))


def test_every_listed_feed_is_told_the_worst_first(server: Served, client: Client) -> None:
    well = FeedState(url="https://a.example/", last_success=NOW, last_article=NOW, gap_seconds=600.0, articles=3)
    still = FeedState(url="https://b.example/", last_success=NOW, last_article=NOW - DAY, gap_seconds=600.0)
    _list(client, (Listing(url=well.url, title="A", categories=("Nederland",)), well), (Listing(url=still.url), still))
    silent, ok = server.http.get("/v1/sources").json()["sources"]
    assert (silent["url"], silent["health"]) == ("https://b.example/", "silent")
    assert (ok["health"], ok["categories"], ok["articles"]) == ("ok", ["Nederland"], 3)
    assert ok["last_article"].endswith("Z")


def test_without_a_list_there_is_an_empty_answer_and_a_page(server: Served) -> None:
    assert server.http.get("/v1/sources").json() == {"sources": []}
    page = server.http.get("/sources").text
    assert "0 feeds" in page
    assert "wirewatch feeds import --default" in page


def test_the_page_shows_the_feeds_of_one_word_and_no_more_than_a_browser_can_take(
    server: Served, client: Client
) -> None:
    well = [FeedState(url=f"https://a.example/{n}", last_success=NOW, last_article=NOW) for n in range(ROWS_MAX + 3)]
    ill = FeedState(url="https://b.example/", failures=3, last_error="timeout")
    _list(client, *((Listing(url=state.url), state) for state in (*well, ill)))
    page = server.http.get("/sources").text
    assert page.count("<tr>") == ROWS_MAX + 1
    assert "4 more in" in page
    failing = server.http.get("/sources?health=failing").text
    assert "https://b.example/" in failing
    assert "https://a.example/" not in failing
    assert server.http.get("/sources?health=nonsense").status_code == 422


def test_a_feed_whose_hub_has_promised_to_push_it_says_so(server: Served, client: Client) -> None:
    states = [FeedState(url=f"https://{n}.example/", push=n) for n in ("live", "over", "lost")]
    _list(client, *((Listing(url=state.url), state) for state in states))
    for name, lease in (("live", 3_600), ("over", 0)):
        fields = {"feed": "f", "hub": "https://hub.example/", "topic": "t", "secret": "s"}
        verified = {"verified": NOW.timestamp(), "lease": lease}
        client.hset(PushKeys(KEYS.prefix).subscription(name), mapping=fields | verified)
    told = {each["url"]: each["pushed_by"] for each in server.http.get("/v1/sources").json()["sources"]}
    assert told == {
        "https://live.example/": "https://hub.example/",
        "https://over.example/": None,
        "https://lost.example/": None,
    }
    assert server.http.get("/sources").text.count("pushed to us") == 1


def test_the_page_runs_no_script_and_shows_what_a_source_says_as_text(server: Served, client: Client) -> None:
    hostile = "<script>alert(1)</script>"
    state = FeedState(url='https://e.example/"><img src=x>', failures=3, last_error=hostile)
    _list(client, (Listing(url=state.url, title=hostile, categories=(hostile,)), state))
    answer = server.http.get("/sources")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    assert answer.text.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 3
