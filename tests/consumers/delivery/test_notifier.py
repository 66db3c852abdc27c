"""The notifier on a real server: what it puts into the queues, from the feed, through restarts and changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from consumers.delivery.notification import Notification, ReceiverKeys
from consumers.delivery.notifier import GROUP_KEPT, Notifier
from consumers.delivery.notifier_store import NotifierStore
from consumers.delivery.receivers import Inhibit, Receiver, Receivers
from consumers.keys import Keys
from consumers.life.model import Acknowledgement, Silence, Verdict, parse_matcher
from consumers.life.store import LifeStore
from tests.consumers.delivery.making import NOON, after, alert, receiver
from wirewatch.metrics import Metrics
from wirewatch.records import Alert
from wirewatch.redis_client import Client, connect

KEYS = Keys("ww")


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    client = connect(redis_url)
    yield client
    client.close()


def feed(client: Client, *alerts: Alert) -> None:
    """As the relay does: one entry per alert, its newest revision."""
    for each in alerts:
        if earlier := client.hget(KEYS.feed_ids, each.id):
            client.xdel(KEYS.feed, earlier)
        place = client.xadd(KEYS.feed, {"id": each.id, "alert": msgspec.json.encode(each)})
        client.hset(KEYS.feed_ids, each.id, place)


def queued(client: Client, to: str = "desk") -> list[Notification]:
    """In the order in which they were decided."""
    found = client.hvals(ReceiverKeys("ww", to).key("notifications"))
    decoded = [msgspec.json.decode(each, type=Notification) for each in found]
    assert set(client.zrange(ReceiverKeys("ww", to).key("queue"), 0, -1)) == {each.id for each in decoded}
    return sorted(decoded, key=lambda each: (each.created, each.group, each.number))


def shown(notifications: list[Notification]) -> list[tuple[str, list[str]]]:
    return [(each.reason, [alert.id for alert in each.alerts]) for each in notifications]


class Desk:
    """A notifier in this process, at a time of the test's own."""

    def __init__(self, client: Client, *receivers: Receiver, inhibit: tuple[Inhibit, ...] = ()) -> None:
        self.client = client
        self.metrics = Metrics()
        self.life = LifeStore(client, "ww")
        self.receivers = Receivers(receivers=receivers or (receiver(),), inhibit=inhibit)
        self.told: list[str] = []
        self.restart()

    def restart(self, who: str = "one") -> None:
        store = NotifierStore(self.client, KEYS, who)
        self.notifier = Notifier(store, self.life, self.metrics, self.told.append)

    def until(self, now: datetime = NOON) -> None:
        """Turn until there is nothing left to do."""
        while self.notifier.turn(self.receivers, now):
            pass

    def counted(self, metric: Any, *labels: str) -> float:
        return float(metric.labels(*labels)._value.get())


def test_each_receiver_is_told_of_what_it_wants(client: Client) -> None:
    desk = Desk(client, receiver(), receiver(id="grave", when={"severity_min": "critical"}))
    desk.until()
    feed(client, alert("a1"), alert("a2", story="s2", severity="critical"))
    desk.until(after(seconds=1))
    assert sorted(shown(queued(client))) == [("first", ["a1"]), ("first", ["a2"])]
    assert shown(queued(client, "grave")) == [("first", ["a2"])]
    assert sorted(desk.told) == ["desk", "grave"]
    assert desk.counted(desk.metrics.notifications_decided, "first") == 3
    assert desk.counted(desk.metrics.alerts_held_back, "not-wanted") == 1


def test_a_new_receiver_begins_at_the_present(client: Client) -> None:
    feed(client, alert("a1"))
    desk = Desk(client)
    desk.until()
    feed(client, alert("a2", story="s2"))
    desk.until()
    assert shown(queued(client)) == [("first", ["a2"])]


def test_after_a_restart_nothing_is_repeated_and_what_came_meanwhile_is_told(client: Client) -> None:
    desk = Desk(client)
    desk.until()
    feed(client, alert("a1"))
    desk.until()
    desk.notifier.release()
    feed(client, alert("a1", revision=2), alert("a2", severity="critical"), alert("a3", story="s3"))
    desk.restart("two")
    desk.until(after(minutes=1))
    assert sorted(shown(queued(client))) == [("escalated", ["a2"]), ("first", ["a1"]), ("first", ["a3"])]


def test_a_feed_that_was_trimmed_meanwhile_goes_on_with_its_oldest_and_says_so(client: Client) -> None:
    desk = Desk(client)
    desk.until()
    feed(client, alert("a1"), alert("a2", story="s2"))
    ((gone, _),) = client.xrange(KEYS.feed, count=1)
    client.xdel(KEYS.feed, gone)
    client.set(KEYS.feed_trimmed, gone)
    desk.restart()
    desk.until()
    assert shown(queued(client)) == [("first", ["a2"])]
    assert desk.metrics.notifier_lost._value.get() == 1


def test_a_group_that_waits_is_told_when_its_time_has_come(client: Client) -> None:
    desk = Desk(client, receiver(group_wait="30s"))
    desk.until()
    feed(client, alert("a1"))
    desk.until()
    assert queued(client) == []
    desk.restart()
    desk.until(after(seconds=31))
    assert shown(queued(client)) == [("first", ["a1"])]


def test_a_repeat_shows_the_newest_revision_of_the_feed(client: Client) -> None:
    desk = Desk(client, receiver(repeat_interval="1h"))
    desk.until()
    feed(client, alert("a1"))
    desk.until()
    feed(client, alert("a1", revision=2))
    desk.until(after(minutes=1))
    desk.until(after(hours=1))
    first, repeated = queued(client)
    assert (first.reason, repeated.reason, repeated.alerts[0].revision) == ("first", "repeat", 2)
    desk.life.acknowledge("a1", Acknowledgement(by="ann", at=NOON))
    desk.until(after(hours=2))
    assert len(queued(client)) == 2


def test_a_silence_that_is_ended_early_lets_a_young_alert_through(client: Client) -> None:
    desk = Desk(client)
    desk.until()
    muted = Silence(
        id="s",
        matchers=(parse_matcher("rule=watched"),),
        author="ann",
        starts=NOON - timedelta(hours=1),
        ends=after(hours=8),
        created=NOON,
    )
    desk.life.put_silence(muted, NOON)
    feed(client, alert("a1"))
    desk.until()
    assert queued(client) == []
    assert desk.counted(desk.metrics.alerts_held_back, "silenced") == 1
    desk.life.expire_silence("s", after(minutes=20))
    desk.until(after(minutes=21))
    assert shown(queued(client)) == [("first", ["a1"])]


INHIBIT = Inhibit(source=("severity=critical",), target=("severity=info",))


def test_an_alert_is_inhibited_by_one_that_this_receiver_does_not_even_want(client: Client) -> None:
    desk = Desk(client, receiver(when={"rules": ["watched"]}), inhibit=(INHIBIT,))
    desk.until()
    feed(client, alert("a1", rule="other", severity="critical"))
    desk.until()
    feed(client, alert("a2"), alert("a3", story="s3"))
    desk.until()
    assert shown(queued(client)) == [("first", ["a3"])]
    assert desk.counted(desk.metrics.alerts_held_back, "inhibited") == 1


def test_source_and_target_that_come_together_inhibit_too(client: Client) -> None:
    desk = Desk(client, inhibit=(INHIBIT,))
    desk.until()
    feed(client, alert("a1"), alert("a2", severity="critical"))
    desk.until()
    assert shown(queued(client)) == [("first", ["a2"])]


def test_two_processes_decide_once_and_the_other_takes_over(client: Client) -> None:
    one = Desk(client)
    one.until()
    other = Desk(client)
    other.restart("two")
    feed(client, alert("a1"))
    other.until()
    assert queued(client) == []
    one.until()
    assert len(queued(client)) == 1
    client.delete(ReceiverKeys("ww", "desk").key("notifier"))  # as when its time is over
    feed(client, alert("a2", story="s2"))
    other.until(after(seconds=1))
    assert len(queued(client)) == 2
    # One that slept through the end of its lease changes nothing, and notices.
    feed(client, alert("a3", story="s3"))
    one.until(after(seconds=2))
    assert len(queued(client)) == 2


def test_groups_are_forgotten_after_their_story(client: Client) -> None:
    desk = Desk(client)
    desk.until()
    feed(client, *(alert(f"a{n}", story=f"s{n}") for n in range(5)))
    desk.until()
    keys = ReceiverKeys("ww", "desk")
    assert client.hlen(keys.key("groups")) == 5
    desk.until(NOON + GROUP_KEPT)
    assert client.hlen(keys.key("groups")) == client.zcard(keys.key("look")) == 0


def test_a_receiver_that_the_file_has_no_more_is_let_go(client: Client) -> None:
    desk = Desk(client)
    desk.until()
    desk.receivers = Receivers()
    desk.until()
    assert not client.exists(ReceiverKeys("ww", "desk").key("notifier"))
    assert 0 < client.ttl(ReceiverKeys("ww", "desk").key("cursor")) <= 30 * 86_400


def test_verdicts_give_the_precision_of_each_rule(client: Client) -> None:
    desk = Desk(client)
    for n, value in enumerate(("true", "true", "true", "false", "unsure")):
        desk.life.set_verdict(f"a{n}", Verdict(value=value, by="ann", at=NOON, rule="watched"))  # type: ignore[arg-type]
    desk.until()
    assert desk.counted(desk.metrics.rule_precision, "watched") == 0.75
    assert desk.counted(desk.metrics.rule_verdicts, "watched", "unsure") == 1
