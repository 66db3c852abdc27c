"""Candidate rules on the retained log: exactly what the live code decides, and the difference from other rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from consumers.backtest import Backtest, backtest
from consumers.matching import matches
from consumers.retained import mentions_in, newest_of, span_since
from consumers.rules import ActorCondition, Rule, RuleSet
from consumers.rules_tried import article_of_log, try_rules
from tests.consumers.making import NOON, actor, mentions, settings
from wirewatch.broker import Message
from wirewatch.records import Mentions
from wirewatch.topics import MENTIONS

ANY = Rule(id="any", severity="info")
IRAN = Rule(id="iran", severity="warning", actors=ActorCondition(any=("iran",)))
HEADLINE = Rule(id="headline", severity="critical", fields=("title",))


class Held:
    """A log in memory: per partition records with the time at which the broker took each, in minutes after noon."""

    def __init__(self, *partitions: Sequence[tuple[int, Mentions | bytes]], first: int = 0) -> None:
        self.reads = 0
        self._first = first
        self._partitions = [
            [self._message(number, first + n, *one) for n, one in enumerate(records)]
            for number, records in enumerate(partitions)
        ]

    @staticmethod
    def _message(partition: int, offset: int, minutes: int, record: Mentions | bytes) -> Message:
        value = record if isinstance(record, bytes) else MENTIONS.encode(record)
        key = None if isinstance(record, bytes) or record.article_id is None else record.article_id.encode()
        at = int((NOON + timedelta(minutes=minutes)).timestamp() * 1000)
        return Message(MENTIONS.name, partition, offset, at, key, value)

    def offsets(self, _: str) -> Mapping[int, tuple[int, int]]:
        return {n: (self._first, self._first + len(own)) for n, own in enumerate(self._partitions)}

    def read(self, _: str, partition: int, start: int, messages_max: int) -> Sequence[Message]:
        self.reads += 1
        at = start - self._first
        return self._partitions[partition][at : at + messages_max]


def tried(held: Any, candidate: Sequence[Rule], current: Sequence[Rule], story_of: Any = None, **more: Any) -> Backtest:
    records = mentions_in(held, span_since(held, NOON))
    story = story_of or (lambda found: found.article_id)
    return backtest(records, RuleSet(tuple(candidate)), RuleSet(tuple(current)), story_of=story, **more)


def test_what_is_new_gone_and_the_same_is_told_per_rule() -> None:
    log = [
        (0, mentions("a1", "iran")),
        (720, mentions("a2", "nato")),
        (1440, mentions("a3", actor("nato", field="text"))),
    ]
    found = tried(Held(log), [ANY, IRAN], [ANY, HEADLINE])
    told = {row.rule: (row.matches, row.alerts, row.new, row.gone, row.same) for row in found.rules}
    assert told == {"any": (3, 3, 0, 0, 3), "iran": (1, 1, 1, 0, 0), "headline": (0, 0, 0, 2, 0)}
    assert (found.new, found.gone, found.same, found.alerts, found.alerts_before) == (1, 2, 3, 4, 5)
    assert (found.stories, found.stories_before, found.articles, found.records) == (3, 3, 3, 3)
    assert (found.days, found.alerts_per_day, found.alerts_per_day_before) == (1.0, 4.0, 5.0)
    assert [(each.change, each.alert.rule, each.alert.article_id) for each in found.samples] == [
        ("new", "iran", "a1"), ("gone", "headline", "a2"), ("gone", "headline", "a1"),
        ("same", "any", "a3"), ("same", "any", "a2"), ("same", "any", "a1"),
    ]  # fmt: skip
    assert found.samples[0].alert.sentences[0].text == "Iran said so"


def test_articles_of_one_story_are_one_alert_of_a_rule() -> None:
    log: list[tuple[int, Mentions | bytes]] = [(n, mentions(f"a{n}", "nato")) for n in range(6)]
    found = tried(Held(log), [ANY], [], story_of=lambda m: "even" if int(m.article_id[1:]) % 2 == 0 else "odd")
    assert (found.rules[0].matches, found.alerts, found.stories, found.new) == (6, 2, 2, 2)


def test_an_article_that_comes_again_is_one_and_an_edit_may_match_what_the_first_did_not() -> None:
    log: list[tuple[int, Mentions | bytes]] = [
        (0, mentions("a1", actor("nato", field="text"))),
        (1, mentions("a1", "nato")),
        (2, mentions("a1", "nato", revision=2)),
        (3, mentions("a2", status="dlq")),
        (4, b"no record"),
    ]
    found = tried(Held(log), [HEADLINE], [ANY])
    assert (found.records, found.articles, found.alerts, found.alerts_before) == (5, 1, 1, 1)


def test_what_takes_too_long_is_left_out_and_said_so() -> None:
    found = tried(Held([(n, mentions(f"a{n}", "nato")) for n in range(9)]), [ANY], [], go_on=lambda read: read < 4)
    assert (found.records, found.alerts, found.complete) == (4, 4, False)
    assert tried(Held([]), [ANY], []).since is None


@given(st.lists(st.lists(st.integers(0, 60), max_size=12).map(sorted), min_size=1, max_size=3), st.integers(-1, 61))
def test_reading_since_a_moment_gives_all_records_since_then_in_order_of_time(
    times: list[list[int]], since: int
) -> None:
    held: Any = Held(
        *[[(minute, mentions(f"p{p}-{minute}")) for minute in own] for p, own in enumerate(times)], first=7
    )
    span = span_since(held, NOON + timedelta(minutes=since))
    read = [datetime.fromtimestamp(message.timestamp_ms / 1000, UTC) for message, _ in mentions_in(held, span)]
    assert read == sorted(NOON + timedelta(minutes=minute) for own in times for minute in own if minute >= since)
    assert span.records == len(read)
    assert not span.cut


def test_of_too_many_records_the_newest_are_read() -> None:
    held: Any = Held(*[[(minute, mentions(f"{p}-{minute}", "nato")) for minute in range(50)] for p in range(2)])
    span = span_since(held, NOON, records_max=20)
    assert (span.records, span.cut) == (20, True)
    assert next(mentions_in(held, span))[0].timestamp_ms == int((NOON + timedelta(minutes=40)).timestamp() * 1000)


def test_the_newest_record_of_an_article_is_found() -> None:
    held: Any = Held(
        [(0, mentions("a1", "nato")), (9, mentions("a2", "nato"))], [(5, mentions("a1", "iran", revision=2))]
    )
    found = list(newest_of(held, "a1"))[-1]
    assert found is not None
    assert found.revision == 2
    assert set(newest_of(held, "a3")) == {None}


@given(st.lists(st.sampled_from(("nato", "iran")), max_size=20))
def test_a_backtest_of_the_rules_in_use_finds_what_they_raised(named: list[str]) -> None:
    log = [(n, mentions(f"a{n}", each)) for n, each in enumerate(named)]
    live = [alert.id for _, record in log for alert in matches(RuleSet((ANY, IRAN)), record, NOON)]
    found = tried(Held(log), [ANY, IRAN], [ANY, IRAN])
    assert found.alerts == len(live) == found.same
    assert found.new == found.gone == 0


def test_trying_rules_on_the_log_ends_when_its_time_is_over_and_says_so() -> None:
    held: Any = Held([(n, mentions(f"a{n}", "nato")) for n in range(50)])
    seconds = iter(range(1_000))
    rules = RuleSet((ANY,))
    found = try_rules(
        held, rules, rules, settings(), since=NOON, records_max=40, seconds_max=10, clock=lambda: next(seconds)
    )
    assert (found.records, found.complete) == (10, False)
    found = try_rules(held, rules, rules, settings(), since=NOON, records_max=40)
    assert (found.records, found.complete) == (40, False)
    assert try_rules(held, rules, rules, settings(), since=NOON).complete
    assert article_of_log(held, "a49") is not None
    assert article_of_log(held, "a49", clock=lambda: next(seconds), seconds_max=3) is None
