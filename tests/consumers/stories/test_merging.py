"""What a match makes of an alert: repeats in any order change nothing, and edits are no new articles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.stories.merging import ARTICLES_MAX, SOURCES_MAX, is_old, merge
from tests.consumers.making import NOON
from wirewatch.records import Alert


def match(article: int, revision: int = 1, **changes: object) -> Alert:
    values: dict[str, object] = {
        "id": f"match {article}",
        "rule": "r",
        "rule_version": "v",
        "severity": "info",
        "reason": "",
        "actors": (),
        "article_id": f"a{article}",
        "title": f"Title {article}.{revision}",
        "source": f"Source {article % 30}",
        "url": None,
        "language": "en",
        "published": None,
        "first_seen": NOON,
        "raised": NOON + timedelta(seconds=article),
        "received_ms": article,
        "article_revision": revision,
    }
    return Alert(**(values | changes))  # type: ignore[arg-type]


def merged(matches: Sequence[Alert], story: str = "s") -> Alert | None:
    alert: Alert | None = None
    for each in matches:
        alert = merge(alert, each, story, NOON) or alert
    return alert


MATCHES = st.lists(st.builds(match, st.integers(0, 40), st.integers(1, 3)), max_size=60)


@given(MATCHES, st.data())
def test_repeats_in_any_order_change_nothing(matches: list[Alert], data: st.DataObject) -> None:
    alert = merged(matches)
    again = data.draw(st.lists(st.sampled_from(matches), max_size=30) if matches else st.just([]))
    listed = {article.article_id for article in alert.articles} if alert else set()
    for each in again:
        # One that is not listed any more comes to nothing earlier, by its id (consumers/feeding.py).
        if each.article_id in listed:
            assert merge(alert, each, "s", NOON) is None


@given(MATCHES)
def test_an_alert_lists_the_newest_articles_in_their_newest_revision_and_the_one_that_raised_it(
    matches: list[Alert],
) -> None:
    alert = merged(matches)
    if alert is None:
        assert not matches
        return
    assert len(alert.articles) == len({article.article_id for article in alert.articles}) <= ARTICLES_MAX
    assert alert.articles[-1].article_id == alert.article_id == matches[0].article_id
    assert len(alert.sources) == len(set(alert.sources)) <= SOURCES_MAX
    assert {article.source for article in alert.articles[-1:]} <= set(alert.sources)
    if len({each.article_id for each in matches}) < ARTICLES_MAX:
        newest = {each.article_id: each.article_revision for each in sorted(matches, key=lambda m: m.article_revision)}
        assert {article.article_id: article.revision for article in alert.articles} == newest
        assert alert.story_articles == len(newest)
        assert alert.article_revision == newest[alert.article_id]
        assert alert.title == f"Title {alert.article_id[1:]}.{alert.article_revision}"


@given(MATCHES)
def test_each_revision_follows_the_one_before_it_with_the_same_id(matches: list[Alert]) -> None:
    alert: Alert | None = None
    for each in matches:
        following = merge(alert, each, "s", NOON)
        if following is not None:
            assert following.revision == (alert.revision + 1 if alert else 1)
            assert following.match == each.id
            assert alert is None or (following.id, following.raised) == (alert.id, alert.raised)
            alert = following


def test_rules_and_stories_tell_alerts_apart() -> None:
    alerts = [
        merged([match(1)], "one"),
        merged([match(1)], "two"),
        merged([match(1, rule="other")], "one"),
        merged([match(1, rule_version="other")], "one"),
    ]
    assert len({alert.id for alert in alerts if alert}) == 4


def test_an_alert_is_old_only_while_all_its_articles_are() -> None:
    old, new = match(1, old=True), match(2)
    assert [alert and alert.old for alert in (merged([old]), merged([old, new]), merged([new, old]))] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("hours", "old"),
    [(None, False), (-5, False), (0, False), (48, False), (48.1, True), (9_000, True)],
)
def test_an_article_is_old_when_it_was_published_long_before_it_was_seen(hours: float | None, old: bool) -> None:
    published = None if hours is None else NOON - timedelta(hours=hours)
    assert is_old(msgspec.structs.replace(match(1), published=published), 48) is old
