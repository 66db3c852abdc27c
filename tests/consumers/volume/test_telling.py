"""Alerts of volume rules as people read them: title, reason, notification, table; all in plain words."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from consumers.delivery.message import body, subject
from consumers.delivery.notification import Notification
from consumers.volume.hours import hour_of
from consumers.volume.model import NewPair, SilentSource, Spike
from consumers.volume.new_pair import PairDecision
from consumers.volume.silence import SilenceDecision
from consumers.volume.spike import Window, decide_spike
from consumers.volume.telling import pair_alert, silence_alert, spike_alert
from tests.consumers.making import NOON
from wirewatch.cli.render import alerts_table
from wirewatch.records import Alert

NATO, IRAN = ("nato", "NATO"), ("iran", "Iran")
HOUR = hour_of(NOON)
SPIKE = Spike(id="spike", severity="warning", hours=3)


def spike(count: int, *, complete: bool, hours: int = 1, earlier: int = 6) -> Alert:
    seen = Window(HOUR, hours, count, complete, [earlier] * 14)
    return spike_alert(SPIKE, NATO, seen, decide_spike(SPIKE, seen, None), NOON)


PAIR = pair_alert(NewPair(id="pair", severity="info"), [IRAN, NATO], HOUR - 12, 30, PairDecision("raised", 0, 2), NOON)
SILENT = silence_alert(
    SilentSource(id="silent", severity="info"), "bbc.co.uk", HOUR, SilenceDecision("raised", HOUR - 30, 12.3), NOON
)


@pytest.mark.parametrize(
    ("alert", "title"),
    [
        (spike(42, complete=True), "NATO: 42 articles in the hour to 13:00 UTC, 6 expected"),
        (spike(1_042, complete=False), "NATO: 1,042 articles since 12:00 UTC, 6 expected by 13:00"),
        (spike(90, complete=True, hours=3), "NATO: 90 articles in the 3 hours to 15:00 UTC, 6 expected"),
        (spike(42, complete=True, earlier=2), "NATO: 42 articles in the hour to 13:00 UTC, 2 expected"),
        (PAIR, "Iran and NATO: together in 2 articles, for the first time in 30 days"),
        (SILENT, "bbc.co.uk: no article for 29 h"),
    ],
)
def test_a_title_says_who_and_how_many_and_what_was_expected(alert: Alert, title: str) -> None:
    assert alert.title == title


@pytest.mark.parametrize(
    ("alert", "reason"),
    [
        (
            spike(18, complete=True, earlier=3),
            "The same hour of 14 days before had 3 on average and 3 at most; at its usual rate so many come once in ",
        ),
        (
            spike(90, complete=True),
            "The same hour of 14 days before had 6 on average and 6 at most; at its usual rate ",
        ),
        (PAIR, "2 articles since 02 March (UTC) name both; none did in the 30 days before."),
        (SILENT, "The last one came before 07:00 UTC on 01 March; by its own rhythm there would have been one in 12 "),
    ],
)
def test_a_reason_says_against_what_it_was_judged(alert: Alert, reason: str) -> None:
    assert alert.reason.startswith(reason)


def test_a_notification_says_whom_it_is_about_once() -> None:
    alert = spike(42, complete=True)
    one = Notification(
        id="n", receiver="r", group="g", number=0, reason="first", alerts=(alert,), alerts_total=1, created=NOON
    )
    assert subject(one) == "[warning] NATO: 42 articles in the hour to 13:00 UTC, 6 expected"
    lines = body(one).splitlines()
    assert lines[:3] == [alert.title, "spike", "Actors: NATO"]
    assert "unknown source" not in body(one)


def test_a_table_shows_the_reason_where_there_is_no_article() -> None:
    console = Console(file=StringIO(), width=200)
    console.print(alerts_table([SILENT]))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert SILENT.title in shown
    assert SILENT.reason in shown
    assert "und" not in shown.replace("would", "")


def test_alerts_of_one_rule_and_window_have_one_id_and_others_another() -> None:
    same = [spike(42, complete=False), spike(60, complete=True)]
    assert len({alert.id for alert in same}) == 1
    assert len({alert.id for alert in (*same, PAIR, SILENT)}) == 3
