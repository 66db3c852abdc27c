"""Why a receiver is told, or is not told, or not yet: a table for every word, and what holds under any schedule."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from consumers.delivery.deciding import LOOK_AGAIN, NOTHING, YOUNG, Decision, Said, decide
from consumers.delivery.groups import Group, admit, group_of
from consumers.delivery.notification import ALERTS_MAX, Notification
from consumers.delivery.quiet import Quiet
from consumers.delivery.receivers import Receiver
from consumers.life.model import Acknowledgement, Life, Verdict
from tests.consumers.delivery.making import NOON, after, alert, receiver
from wirewatch.records import Alert

SILENCED = Life(silences=("s",))
ACKNOWLEDGED = Life(acknowledged=Acknowledgement(by="ann", at=NOON))
WRONG = Life(verdict=Verdict(value="false", by="ann", at=NOON, rule="watched"))
RIGHT = Life(verdict=Verdict(value="true", by="ann", at=NOON, rule="watched"))


def said(*alerts: Alert, **lives: Life) -> Said:
    return Said(alerts={each.id: each for each in alerts}, life=lives)


class Told:
    """A receiver and one group of its, as the notifier drives them."""

    def __init__(self, **fields: Any) -> None:
        self.receiver: Receiver = receiver(**fields)
        self.group: Group | None = None
        self.name = "?"
        self.sent: list[Notification] = []

    def comes(self, *alerts: Alert, at: datetime = NOON, said: Said = NOTHING) -> Decision:
        for each in alerts:
            self.name = group_of(self.receiver, each)
            self.group = admit(self.receiver, self.group, each, at)
        return self.looks(at, said)

    def looks(self, at: datetime, said: Said = NOTHING) -> Decision:
        assert self.group is not None
        decision = decide(self.receiver, self.name, self.group, said, at)
        self.group = decision.group
        if decision.notification:
            self.sent.append(decision.notification)
        return decision


def words(*decisions: Decision) -> list[str]:
    return [decision.reason for decision in decisions]


def test_the_first_alert_of_a_story_is_told_at_once_and_the_next_of_the_same_severity_is_not() -> None:
    desk = Told()
    first = desk.comes(alert("a1"))
    assert (first.reason, first.at) == ("first", None)
    assert [each.id for each in desk.sent[0].alerts] == ["a1"]
    assert desk.comes(alert("a2", rule="other"), at=after(hours=1)).reason == "already-told"
    assert desk.comes(alert("a1", revision=2), at=after(hours=2)).reason == "already-told"
    assert len(desk.sent) == 1


def test_what_is_more_severe_than_what_was_told_escalates_at_once_and_only_once() -> None:
    desk = Told()
    desk.comes(alert("a1"))
    escalated = desk.comes(alert("a2", severity="critical"), at=after(seconds=1))
    assert escalated.reason == "escalated"
    assert [each.id for each in desk.sent[1].alerts] == ["a2"]
    later = desk.comes(alert("a3", severity="warning"), at=after(seconds=2))
    assert later.reason == "already-told"


def test_a_group_waits_group_wait_and_then_tells_all_that_came() -> None:
    desk = Told(group_wait="30s")
    waiting = desk.comes(alert("a1"))
    assert (waiting.reason, waiting.at) == ("waiting-group", after(seconds=30))
    assert desk.comes(alert("a2", severity="warning"), at=after(seconds=10)).at == after(seconds=30)
    assert desk.looks(after(seconds=29)).reason == "waiting-group"
    assert desk.looks(after(seconds=30)).reason == "first"
    assert [each.id for each in desk.sent[0].alerts] == ["a2", "a1"]  # the worst first


def test_a_new_story_of_a_told_group_waits_group_interval() -> None:
    desk = Told(group_by=["rule"])
    desk.comes(alert("a1", story="s1"))
    waiting = desk.comes(alert("a2", story="s2"), at=after(minutes=1))
    assert (waiting.reason, waiting.at) == ("waiting-interval", after(minutes=5))
    assert desk.looks(after(minutes=5)).reason == "updated"
    assert [[each.id for each in sent.alerts] for sent in desk.sent] == [["a1"], ["a2"]]
    assert [sent.number for sent in desk.sent] == [0, 1]
    assert len({sent.id for sent in desk.sent}) == 2


def test_updates_are_told_to_who_asks_for_them_once_in_group_interval() -> None:
    desk = Told(updates=True)
    desk.comes(alert("a1"))
    assert desk.comes(alert("a1", revision=2), at=after(minutes=1)).reason == "waiting-interval"
    assert desk.comes(alert("a1", revision=3), at=after(minutes=2)).at == after(minutes=5)
    assert desk.looks(after(minutes=5)).reason == "updated"
    assert desk.sent[1].alerts[0].revision == 3
    assert desk.comes(alert("a1", revision=3), at=after(minutes=20)).reason == "already-told"


def test_a_repeat_comes_after_repeat_interval_rounded_up_to_group_interval() -> None:
    desk = Told(repeat_interval="12m", group_interval="5m")
    one = alert("a1")
    assert desk.comes(one).at == after(minutes=15)
    assert desk.looks(after(minutes=14), said(one)).reason == "already-told"
    repeated = desk.looks(after(minutes=15), said(one))
    assert (repeated.reason, repeated.at) == ("repeat", after(minutes=30))


def test_repeats_decay_to_the_longest_interval_and_news_starts_them_again() -> None:
    desk = Told(repeat_interval="1h", repeat_factor=2, repeat_interval_max="5h", group_interval="0s")
    one, now, gaps = alert("a1"), NOON, []
    at = desk.comes(one).at
    for _ in range(5):
        assert at is not None
        gaps.append((at - now) / timedelta(hours=1))
        now = at
        at = desk.looks(now, said(one)).at
    assert gaps == [1, 2, 4, 5, 5]
    worse = desk.comes(alert("a2", severity="critical"), at=now + timedelta(minutes=1))
    assert worse.at == now + timedelta(hours=1, minutes=1)


@pytest.mark.parametrize("life", [ACKNOWLEDGED, WRONG, SILENCED], ids=["acknowledged", "wrong", "silenced"])
def test_what_somebody_took_on_or_muted_does_not_repeat(life: Life) -> None:
    desk = Told(repeat_interval="1h")
    one = alert("a1")
    desk.comes(one)
    looked = desk.looks(after(hours=1), said(one, a1=life))
    assert looked.reason == ("silenced" if life is SILENCED else "acknowledged")
    assert looked.at == after(hours=2)
    # And again when nobody does any more.
    assert desk.looks(after(hours=2), said(one)).reason == "repeat"


def test_an_alert_that_was_judged_right_repeats() -> None:
    desk = Told(repeat_interval="1h")
    one = alert("a1")
    desk.comes(one)
    assert desk.looks(after(hours=1), said(one, a1=RIGHT)).reason == "repeat"


def test_an_acknowledged_alert_does_not_escalate_but_another_one_of_its_story_does() -> None:
    desk = Told()
    desk.comes(alert("a1"))
    mine = desk.comes(alert("a1", revision=2, severity="warning"), at=after(minutes=1), said=said(a1=ACKNOWLEDGED))
    assert mine.reason == "acknowledged"
    other = desk.comes(alert("a2", severity="critical"), at=after(minutes=2), said=said(a1=ACKNOWLEDGED))
    assert other.reason == "escalated"


def test_a_silenced_alert_is_not_notified_and_says_why() -> None:
    desk = Told()
    silenced = desk.comes(alert("a1"), said=said(a1=SILENCED))
    assert (silenced.reason, silenced.at, silenced.held) == ("silenced", NOON + LOOK_AGAIN, ("silenced",))
    assert desk.looks(after(seconds=10), said(a1=SILENCED)).held == ()  # counted once


@pytest.mark.parametrize(("ends_after", "reason"), [(YOUNG - LOOK_AGAIN, "first"), (YOUNG + LOOK_AGAIN, "silenced")])
def test_a_silence_that_ends_leads_to_a_notification_while_the_alert_is_young(
    ends_after: timedelta, reason: str
) -> None:
    desk = Told()
    decision = desk.comes(alert("a1"), said=said(a1=SILENCED))
    while decision.at is not None and decision.at < NOON + ends_after:
        decision = desk.looks(decision.at, said(a1=SILENCED))
    decision = desk.looks(NOON + ends_after)
    assert (decision.reason, decision.at) == (reason, None)


def test_a_story_that_goes_on_after_its_silence_is_told_as_the_first() -> None:
    desk = Told()
    desk.comes(alert("a1"), said=said(a1=SILENCED))
    desk.looks(after(hours=2), said(a1=SILENCED))
    assert desk.comes(alert("a1", revision=2), at=after(hours=9)).reason == "first"


def test_an_inhibited_alert_is_not_told_while_the_other_is_there() -> None:
    desk = Told()
    assert desk.comes(alert("a1"), said=Said(inhibited=frozenset({"a1"}))).reason == "inhibited"
    assert desk.looks(after(minutes=1)).reason == "first"


def test_quiet_hours_delay_and_never_drop() -> None:
    desk = Told(quiet=[{"from": "11:00", "to": "22:00"}])
    quiet = desk.comes(alert("a1"))
    assert (quiet.reason, quiet.at) == ("quiet-hours", after(hours=10))
    assert desk.looks(after(hours=10)).reason == "first"


def test_quiet_hours_of_a_rule_hold_for_its_alerts_only() -> None:
    desk = Told(group_by=[])
    quiet = Said(quiet={"watched": (msgspec.convert({"from": "11:00", "to": "22:00"}, Quiet),)})
    desk.comes(alert("a1", story="s1"), alert("a2", story="s2", rule="other"), said=quiet)
    assert [[each.id for each in sent.alerts] for sent in desk.sent] == [["a2"]]
    assert desk.looks(after(hours=10)).reason == "updated"
    assert [each.id for each in desk.sent[1].alerts] == ["a1"]


def test_a_repeat_waits_for_the_end_of_quiet_hours() -> None:
    desk = Told(quiet=[{"from": "12:30", "to": "22:00"}], repeat_interval="1h")
    one = alert("a1")
    desk.comes(one)
    quiet = desk.looks(after(hours=1), said(one))
    assert (quiet.reason, quiet.at) == ("quiet-hours", after(hours=2))
    assert desk.looks(after(hours=10), said(one)).reason == "repeat"


@pytest.mark.parametrize(
    ("fields", "changes"),
    [
        ({"when": {"severity_min": "warning"}}, {}),
        ({"when": {"actors": ["nato"]}}, {}),
        ({"when": {"rules": ["other"]}}, {}),
        ({"when": {"sources": ["Bote"]}}, {}),
        ({"when": {"languages": ["nl"]}}, {}),
        ({"when": {"kinds": ["spike"]}}, {}),
        ({}, {"old": True}),
    ],
)
def test_what_the_receiver_does_not_want_opens_no_group(fields: dict[str, Any], changes: dict[str, Any]) -> None:
    assert admit(receiver(**fields), None, alert(**changes), NOON) is None


def test_old_articles_are_told_to_who_asks_for_them() -> None:
    assert Told(old=True).comes(alert(old=True)).reason == "first"


def test_an_alert_that_waits_and_is_no_longer_wanted_is_not_told() -> None:
    desk = Told(group_wait="30s", when={"actors": ["iran"]})
    desk.comes(alert("a1"))
    desk.comes(alert("a1", actors=("nato",), revision=2), at=after(seconds=5))
    assert desk.looks(after(seconds=30)).reason == "not-wanted"
    assert desk.sent == []


def test_a_receiver_whose_wishes_changed_meanwhile_is_asked_again() -> None:
    desk = Told(group_wait="30s")
    desk.comes(alert("a1"))
    desk.receiver = receiver(group_wait="30s", when={"severity_min": "critical"})
    assert desk.looks(after(seconds=30), said(alert("a1"))).reason == "not-wanted"


def test_a_digest_tells_one_alert_of_each_story_at_its_time() -> None:
    desk = Told(digest={"every": "day", "at": "18:00"})
    waiting = desk.comes(alert("a1", story="s1"))
    assert (waiting.reason, waiting.at) == ("waiting-digest", after(hours=6))
    desk.comes(alert("a2", story="s1", severity="critical"), alert("a3", story="s2"), at=after(hours=1))
    assert desk.looks(after(hours=6)).reason == "digest"
    assert [each.id for each in desk.sent[0].alerts] == ["a2", "a3"]
    assert desk.sent[0].alerts_total == 2
    # The next holds what is new since.
    assert desk.comes(alert("a4", story="s3"), at=after(hours=20)).at == after(hours=30)
    desk.comes(alert("a3", story="s2", revision=2), at=after(hours=21))
    desk.looks(after(hours=30))
    assert [each.id for each in desk.sent[1].alerts] == ["a4"]


def test_a_digest_that_falls_into_quiet_hours_comes_when_they_end() -> None:
    desk = Told(digest={"every": "day", "at": "18:00"}, quiet=[{"from": "11:00", "to": "20:00"}])
    assert desk.comes(alert("a1")).reason == "quiet-hours"
    assert desk.looks(after(hours=8)).reason == "digest"


def test_a_notification_shows_the_worst_alerts_and_says_how_many_there_are() -> None:
    desk = Told(group_by=[], group_wait="1m")
    many = [alert(f"a{n}", story=f"s{n}", severity="critical" if n == 7 else "info") for n in range(1_200)]
    for at in range(0, 1_200, 100):
        desk.comes(*many[at : at + 100])
    desk.looks(after(minutes=1))
    (sent,) = desk.sent
    assert sent.alerts_total == 1_200
    assert len(sent.alerts) == ALERTS_MAX
    assert sent.alerts[0].id == "a7"
    assert desk.group is not None
    assert len(desk.group.known) <= 1_000
