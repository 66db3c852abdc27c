"""A notification as people read it: plain text for mail and chats. Pure.

What comes from the net stays text: no control characters, and nothing that a chat would take for a mention, a tag or a
link with another name than its address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC
from urllib.parse import quote, urlsplit

from consumers.delivery.notification import Notification, NotificationReason
from wirewatch.harmless import clean
from wirewatch.records import Alert

SUBJECT_CHARS_MAX = 160
BODY_CHARS_MAX = 3_500
"""Chats take about 4,000 characters in one message."""
_LINE_CHARS_MAX = 500
_SOURCES_SHOWN = 5
_URL_SAFE = "%:/?#[]@!$&'*+,;=-._~"
_MENTION = re.compile(r"(?<!\w)@(?=\w)")
_SPACES = re.compile(r"\s+")
_OPENING: dict[NotificationReason, str] = {
    "first": "",
    "escalated": "More severe: ",
    "updated": "Update: ",
    "repeat": "Still there: ",
    "digest": "",
    "resent": "Sent again: ",
    "test": "Test: ",
}


def plain(text: str, chars_max: int = _LINE_CHARS_MAX) -> str:
    """``text`` in one line, harmless in mail and chats, cut to ``chars_max``."""
    line = _SPACES.sub(" ", clean(text)).strip()
    line = line.replace("<", "‹").replace(">", "›").replace("](", "] (")
    # Full width: it shows as what it is, and calls nobody.
    line = _MENTION.sub("＠", line)
    return line if len(line) <= chars_max else line[: chars_max - 1] + "…"


def link(url: str | None) -> str:
    """A web address that is safe to print; empty for anything else."""
    try:
        if not url or urlsplit(url).scheme not in ("http", "https"):
            return ""
    except ValueError:
        return ""
    return quote(url, safe=_URL_SAFE)


def subject(notification: Notification) -> str:
    """One line: who, and the headline; for several alerts how many."""
    opening = _OPENING[notification.reason]
    if not notification.alerts:
        return opening + f"{notification.alerts_total} alerts"
    first = notification.alerts[0]
    told = _headline(first)
    if notification.alerts_total > 1:
        told = f"{notification.alerts_total} alerts. {told}"
    return plain(opening + told, SUBJECT_CHARS_MAX)


def body(notification: Notification) -> str:
    """What it says below the subject: all about one alert, or a list of several, then how to be told less."""
    if notification.alerts_total == 1 and len(notification.alerts) == 1:
        lines = list(_whole(notification.alerts[0]))
    else:
        lines = list(_list(notification))
    ending = list(_ending(notification))
    return _bounded(lines, BODY_CHARS_MAX - sum(len(line) + 1 for line in ending)) + "\n" + "\n".join(ending)


def _whole(alert: Alert) -> Iterator[str]:
    yield plain(alert.title) or "(no headline)"
    yield _facts(alert)
    if alert.actors:
        yield f"Actors: {_actors(alert)}"
    if sentence := _sentence(alert):
        yield f"“{sentence}”"
    why = "; ".join(f"{plain(actor.name, 60)}: {plain(actor.why, 120)}" for actor in alert.actors[:5] if actor.why)
    yield f"Why: rule {plain(alert.rule)} ({alert.severity}): {plain(alert.reason, 200)}" + (f"; {why}" if why else "")
    if alert.summary:
        yield f"The rule: {plain(alert.summary, 200)}"
    if alert.story_articles > 1:
        yield _story(alert)
    if address := link(alert.url):
        yield address


def _list(notification: Notification) -> Iterator[str]:
    for alert in notification.alerts:
        yield f"• {_headline(alert, 200)}"
        facts = f"  {_facts(alert)}"
        yield facts + (f" · {alert.story_articles} articles" if alert.story_articles > 1 else "")
        if address := link(alert.url):
            yield f"  {address}"
    if (more := notification.alerts_total - len(notification.alerts)) > 0:
        yield f"and {more} more: `wirewatch alerts`"


def _ending(notification: Notification) -> Iterator[str]:
    yield ""
    if notification.reason == "test":
        yield f"This is a test of the receiver {notification.receiver}; nothing has happened."
        return
    if len(notification.alerts) == 1:
        alert = notification.alerts[0]
        yield f"Acknowledge it: wirewatch acknowledge {plain(alert.id)}"
        where = f"story={plain(alert.story)}" if alert.story else f"rule={plain(alert.rule)}"
        yield f"Silence it: wirewatch silences add {where} --for 4h"
    yield f"Receiver {notification.receiver}, notification {plain(notification.id)}"


def _bounded(lines: Iterable[str], chars_max: int) -> str:
    kept: list[str] = []
    left = chars_max
    for line in lines:
        if len(line) + 1 > left - 2:
            kept.append("…")
            break
        kept.append(line)
        left -= len(line) + 1
    return "\n".join(kept)


def _headline(alert: Alert, chars_max: int = _LINE_CHARS_MAX) -> str:
    # The headline of a volume rule is ours, and says whom or what it is about.
    who = f"{_actors(alert)}: " if alert.kind == "article" else ""
    return f"[{alert.severity}] {who}{plain(alert.title, chars_max) or '(no headline)'}"


def _facts(alert: Alert) -> str:
    if alert.kind != "article":
        return alert.kind.replace("-", " ")
    facts = [plain(alert.source, 100) or "unknown source", plain(alert.language or "und", 20)]
    if alert.published is not None:
        facts.append(f"published {alert.published.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    if alert.old:
        facts.append("old")
    return " · ".join(facts)


def _actors(alert: Alert) -> str:
    names = ", ".join(plain(actor.name, 60) for actor in alert.actors[:5])
    return names or plain(alert.rule, 60)


def _sentence(alert: Alert) -> str:
    best = [sentence for sentence in alert.sentences if sentence.field != "title"] or list(alert.sentences)
    return plain(best[0].text) if best else ""


def _story(alert: Alert) -> str:
    names = ", ".join(plain(source, 60) for source in alert.sources[:_SOURCES_SHOWN])
    more = f" and {len(alert.sources) - _SOURCES_SHOWN} more" if len(alert.sources) > _SOURCES_SHOWN else ""
    return f"Story: {alert.story_articles} articles" + (f" of {names}{more}" if names else "")
