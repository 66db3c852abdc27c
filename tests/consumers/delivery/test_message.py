"""What people and webhooks are given: all that matters, small, and harmless whatever the net sent."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from consumers.delivery.message import BODY_CHARS_MAX, SUBJECT_CHARS_MAX, body, link, plain, subject
from consumers.delivery.notification import ALERTS_MAX, Notification
from consumers.delivery.payload import BODY_BYTES_MAX, payload
from consumers.delivery.signing import new_key, read_keys, signed
from tests.consumers.delivery.running import NOW, alert, notification
from wirewatch.errors import UserError
from wirewatch.records import Alert, AlertActor, AlertArticle, AlertSentence


def test_one_alert_is_told_with_all_that_a_reader_needs() -> None:
    told = msgspec.structs.replace(
        notification(7), alerts=(alert(7, story_articles=5, sources=("a.example", "b.example"), summary="Any NATO."),)
    )
    assert subject(told) == "[warning] NATO: NATO meets, number 7"
    assert body(told).splitlines() == [
        "NATO meets, number 7",
        "news.example · en · published 2026-11-24 12:00 UTC",
        "Actors: NATO",
        "“The allies of NATO meet.”",
        'Why: rule nato (warning): nato is named; NATO: the name "NATO"',
        "The rule: Any NATO.",
        "Story: 5 articles of a.example, b.example",
        "https://news.example/7",
        "",
        "Acknowledge it: wirewatch acknowledge alert-7",
        "Silence it: wirewatch silences add story=story-7 --for 4h",
        "Receiver desk, notification desk-7",
    ]


def test_a_digest_is_a_list_and_says_how_many_more_there_are() -> None:
    alerts = tuple(alert(n) for n in range(3))
    told = msgspec.structs.replace(notification(1), reason="digest", alerts=alerts, alerts_total=25)
    assert subject(told) == "25 alerts. [warning] NATO: NATO meets, number 0"
    assert "• [warning] NATO: NATO meets, number 2" in body(told)
    assert "and 22 more: `wirewatch alerts`" in body(told)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("NATO @everyone", "NATO ＠everyone"),
        ("<!channel> <@U024BE7LH> NATO", "‹!channel› ‹＠U024BE7LH› NATO"),
        ("<script>alert(1)</script>", "‹script›alert(1)‹/script›"),
        ("[NATO](https://evil.example)", "[NATO] (https://evil.example)"),
        ("one\r\nBcc: all@example.org", "one Bcc: all@example.org"),
        ("safe\u202egnp.exe\x1b[2J", "safe\ufffdgnp.exe\ufffd[2J"),
        ("پژوهش‌ها در تهران", "پژوهش‌ها در تهران"),
    ],
)
def test_a_hostile_headline_stays_text(hostile: str, shown: str) -> None:
    assert plain(hostile) == shown
    told = msgspec.structs.replace(notification(), alerts=(alert(0, title=hostile, source=hostile),))
    assert hostile == shown or hostile not in body(told) + subject(told)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://news.example/a?b=c&d=%20e#f", "https://news.example/a?b=c&d=%20e#f"),
        ("https://news.example/@author", "https://news.example/@author"),
        ("javascript:alert(1)", ""),
        ("https://news.example/a>b|c", "https://news.example/a%3Eb%7Cc"),
        ("https://news.example/a (b)", "https://news.example/a%20%28b%29"),
        ("http://[", ""),
        (None, ""),
    ],
)
def test_only_a_web_address_is_shown_as_a_link(url: str | None, shown: str) -> None:
    assert link(url) == shown


TEXT = st.builds(str.__mul__, st.text(max_size=12), st.sampled_from([1, 300]))
SHORT = st.text(max_size=64)
ACTORS = st.builds(AlertActor, id=SHORT, name=TEXT, score=st.floats(0, 1), mentions=st.integers(0, 9), why=TEXT)
ALERTS = st.builds(
    Alert,
    id=SHORT,
    rule=SHORT,
    rule_version=SHORT,
    severity=st.sampled_from(["info", "warning", "critical"]),
    reason=TEXT,
    actors=st.lists(ACTORS, max_size=6).map(tuple),
    article_id=SHORT,
    title=TEXT,
    source=TEXT,
    url=st.none() | TEXT | TEXT.map("https://e.example/".__add__),
    language=st.none() | st.text(max_size=8),
    published=st.none() | st.just(NOW),
    first_seen=st.none() | st.just(NOW),
    raised=st.just(NOW),
    received_ms=st.just(0),
    sentences=st.lists(st.builds(AlertSentence, field=st.just("text"), text=TEXT), max_size=5).map(tuple),
    summary=TEXT,
    story=SHORT,
    match=SHORT,
    story_articles=st.integers(1, 99),
    articles=st.lists(st.builds(AlertArticle, article_id=SHORT, title=TEXT, source=TEXT), max_size=20).map(tuple),
    sources=st.lists(TEXT, max_size=20).map(tuple),
)


@st.composite
def notifications(draw: st.DrawFn) -> Notification:
    alerts = tuple(draw(st.lists(ALERTS, max_size=3))) * draw(st.integers(1, ALERTS_MAX // 3))
    reason: Any = draw(st.sampled_from(["first", "escalated", "updated", "repeat", "digest", "resent", "test"]))
    total = len(alerts) + draw(st.integers(0, 1_000))
    return Notification(
        id=draw(SHORT), receiver="desk", group=draw(SHORT), number=0, reason=reason, alerts=alerts,
        alerts_total=total, created=NOW,
    )  # fmt: skip


@hypothesis.settings(max_examples=40)
@given(notifications())
def test_a_webhook_is_always_small_and_says_what_was_cut(told: Notification) -> None:
    sent = payload(told)
    assert len(sent) < BODY_BYTES_MAX
    assert sent == payload(told)
    data = json.loads(sent)["data"]
    assert (data["id"], data["alerts_total"]) == (told.id, told.alerts_total)
    if not data["cut"]:
        assert len(data["alerts"]) == len(told.alerts)
    assert (len(data["alerts"]) == len(told.alerts)) or "alerts" in data["cut"]
    assert bool(data["alerts"]) is bool(told.alerts)


@hypothesis.settings(max_examples=40)
@given(notifications())
def test_a_text_is_always_short_and_nothing_in_it_acts(told: Notification) -> None:
    assert len(subject(told)) <= SUBJECT_CHARS_MAX
    assert "\n" not in subject(told)
    assert len(body(told)) <= BODY_CHARS_MAX + 200
    for text in (subject(told), body(told)):
        assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c != "\n"]
        assert "<" not in text
        assert "](" not in text


def test_sentences_and_articles_are_cut_before_alerts() -> None:
    long = alert(0, sentences=tuple(AlertSentence(field="text", text="x" * 490) for _ in range(5)))
    told = msgspec.structs.replace(notification(), alerts=(long,) * 8, alerts_total=8)
    data = json.loads(payload(told))["data"]
    assert data["cut"] == ["sentences"]
    assert len(data["alerts"]) == 8


def _moment_ago(**length: int) -> datetime:
    return datetime.now(UTC) - timedelta(**length)


def _stamp(**length: int) -> str:
    return str(int(_moment_ago(**length).timestamp()))


def _verifies(webhook: Webhook, headers: dict[str, str], sent: bytes) -> bool:
    try:
        webhook.verify(sent, headers)
    except WebhookVerificationError:
        return False
    return True


def test_a_forged_or_replayed_signature_is_refused_by_the_library() -> None:
    key, sent = new_key(), payload(notification())
    headers = signed([key], "desk-0", datetime.now(UTC), sent)
    assert Webhook(key).verify(sent, headers)["data"]["id"] == "desk-0"
    forged = {
        "another key": (Webhook(new_key()), headers, sent),
        "another body": (Webhook(key), headers, sent.replace(b"NATO", b"NAFO")),
        "another id": (Webhook(key), headers | {"webhook-id": "desk-1"}, sent),
        "another time": (
            Webhook(key),
            headers | {"webhook-timestamp": str(int(_moment_ago(seconds=9).timestamp()))},
            sent,
        ),
        "replayed later": (Webhook(key), signed([key], "desk-0", _moment_ago(minutes=6), sent), sent),
        "no signature": (Webhook(key), {**headers, "webhook-signature": ""}, sent),
    }
    taken = [what for what, (webhook, given_headers, given_body) in forged.items()
             if _verifies(webhook, given_headers, given_body)]  # fmt: skip
    assert taken == []


def test_either_key_verifies_while_they_are_changed() -> None:
    old, new, sent = new_key(), new_key(), payload(notification())
    headers = signed([new, old], "desk-0", datetime.now(UTC), sent)
    for key in (old, new):
        assert Webhook(key).verify(sent, headers)


@pytest.mark.parametrize(
    ("content", "line"),
    [("", ""), ("hunter2-hunter2", ":1"), ("whsec_c2hvcnQ=", ":1"), ("whsec_!!!", ":1"), (f"{'A' * 44}", ":1")],
)
def test_what_is_no_key_is_told_with_its_line_and_never_shown(content: str, line: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    with pytest.raises(UserError) as refused:
        read_keys(file)
    assert str(refused.value).startswith(f"{file}{line}: ")
    assert not content or content not in str(refused.value)


def test_keys_are_read_line_by_line(tmp_path: Path) -> None:
    keys = (new_key(), new_key())
    (tmp_path / "key").write_text("\n".join(keys) + "\n\n")
    assert read_keys(tmp_path / "key") == keys
