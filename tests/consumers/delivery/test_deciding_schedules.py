"""Whatever comes, is muted, taken on and edited, in whatever order: each group is told once that it is new, and nothing
that should be told is forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.delivery.deciding import LOOK_AGAIN, YOUNG, Said, decide, repeat_due
from consumers.delivery.groups import Group, admit, group_of, rank, told_of, unwanted
from consumers.delivery.notification import Notification
from consumers.life.model import Acknowledgement, Life
from tests.consumers.delivery.making import NOON, alert, receiver
from wirewatch.records import Alert

ACKNOWLEDGED = Acknowledgement(by="ann", at=NOON)
RECEIVERS: tuple[dict[str, Any], ...] = (
    {},
    {"group_wait": "30s", "group_interval": "10m"},
    {"updates": True, "repeat_interval": "20m", "repeat_factor": 2, "repeat_interval_max": "2h"},
    {"group_by": [], "group_wait": "1m"},
    {"group_by": ["rule"], "quiet": [{"from": "12:05", "to": "13:30"}]},
    {"quiet": [{"from": "22:00", "to": "07:00", "zone": "Europe/Amsterdam"}], "when": {"severity_min": "warning"}},
    {"digest": {"every": "day", "at": "13:00"}},
    {"digest": {"every": "week", "at": "13:00", "on": "thu"}, "quiet": [{"from": "12:30", "to": "14:00"}]},
)
IDS = st.integers(0, 4)
EVENTS = st.one_of(
    st.tuples(st.just("comes"), IDS, st.sampled_from(("info", "info", "warning", "critical"))),
    st.tuples(st.sampled_from(("silence", "unsilence", "acknowledge", "withdraw")), IDS, st.just("")),
    st.tuples(st.just("passes"), st.integers(1, 200), st.sampled_from(("seconds", "minutes"))),
)


@dataclass
class World:
    """A receiver, driven as the notifier drives it, and an oracle that remembers what must be told."""

    fields: dict[str, Any]
    now: datetime = NOON
    alerts: dict[str, Alert] = field(default_factory=dict)
    came: dict[str, datetime] = field(default_factory=dict)
    silenced: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    groups: dict[str, Group] = field(default_factory=dict)
    looks: dict[str, datetime] = field(default_factory=dict)
    sent: list[Notification] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.receiver = receiver(**self.fields)

    def said(self) -> Said:
        lives = {
            id_: Life(
                silences=("s",) if id_ in self.silenced else (),
                acknowledged=ACKNOWLEDGED if id_ in self.acknowledged else None,
            )
            for id_ in self.alerts
        }
        return Said(alerts=self.alerts, life=lives)

    def decide(self, name: str) -> None:
        decision = decide(self.receiver, name, self.groups[name], self.said(), self.now)
        self.groups[name] = decision.group
        self.looks.pop(name, None)
        if decision.at is not None:
            assert decision.at > self.now, "it would be looked at for ever"
            self.looks[name] = decision.at
        if decision.notification:
            self.sent.append(decision.notification)
            again = decide(self.receiver, name, decision.group, self.said(), self.now)
            assert again.notification is None, "told twice"

    def comes(self, number: int, severity: Any) -> None:
        id_ = f"a{number}"
        earlier = self.alerts.get(id_)
        revision = earlier.revision + 1 if earlier else 1
        rule = "watched" if number % 2 else "other"
        self.alerts[id_] = alert(id_, story=f"s{number // 2}", rule=rule, severity=severity, revision=revision)
        self.came[id_] = self.now
        name = group_of(self.receiver, self.alerts[id_])
        group = admit(self.receiver, self.groups.get(name), self.alerts[id_], self.now)
        if group is not None:
            self.groups[name] = group
            self.decide(name)

    def passes(self, length: timedelta, *, repeats: bool = True) -> None:
        until = self.now + length
        while due := [name for name, look in self.looks.items() if look <= until]:
            name = min(due, key=lambda each: self.looks[each])
            self.now = max(self.now, self.looks[name])
            if not repeats and self.looks[name] == repeat_due(self.receiver, self.groups[name]):
                del self.looks[name]
                continue
            self.decide(name)
        self.now = until

    def happens(self, kind: str, number: int, word: str) -> None:
        id_ = f"a{number}"
        match kind:
            case "comes":
                self.comes(number, word)
            case "silence":
                self.silenced.add(id_)
            case "unsilence":
                self.silenced.discard(id_)
            case "acknowledge":
                self.acknowledged.add(id_)
            case "withdraw":
                self.acknowledged.discard(id_)
            case _:
                self.passes(timedelta(**{word: number}))


@settings(max_examples=150, deadline=None)
@given(fields=st.sampled_from(RECEIVERS), events=st.lists(EVENTS, max_size=30))
def test_under_any_schedule_each_group_is_first_once_and_nothing_is_forgotten(
    fields: dict[str, Any], events: list[tuple[str, int, str]]
) -> None:
    world = World(fields)
    free = True
    for event in events:
        world.happens(*event)
        free = free and not (world.silenced or world.acknowledged)
    # At the end nothing holds anything back, and all that waits has its time.
    world.silenced.clear()
    world.acknowledged.clear()
    young = {id_ for id_, at in world.came.items() if free or world.now + LOOK_AGAIN - at < YOUNG}
    world.passes(timedelta(days=8), repeats=False)

    firsts = [sent.group for sent in world.sent if sent.number == 0]
    assert len(firsts) == len(set(firsts))
    assert len({sent.id for sent in world.sent}) == len(world.sent)
    for sent in world.sent:
        assert (sent.reason == "first") == (sent.number == 0 and world.receiver.digest is None)
    if not (world.receiver.updates or world.receiver.repeat_interval):
        for story in ("s0", "s1", "s2"):
            told = [
                max(rank(each.severity) for each in sent.alerts if each.story == story)
                for sent in world.sent
                if any(each.story == story for each in sent.alerts)
            ]
            assert world.receiver.group_by == ("rule",) or told == sorted(set(told)), "a story is told as worse only"
    for id_ in young:
        wanted = world.alerts[id_]
        if unwanted(world.receiver, wanted) is None:
            group = world.groups[group_of(world.receiver, wanted)]
            assert rank(told_of(group).get(wanted.story)) >= rank(wanted.severity)
    for name, group in world.groups.items():
        assert [sent.number for sent in world.sent if sent.group == name] == list(range(group.number))
        assert not any(known.waits for known in group.known.values())
