"""Alerts as feeds: Atom (RFC 4287) and JSON Feed 1.1. Pure.

An alert is one entry for good: its id is that of the alert, and a new revision only moves ``updated``. What comes from
articles is text in it, never markup, and a link only where it leads to the web.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from urllib.parse import quote, urlsplit

import msgspec
from lxml import etree

from wirewatch.harmless import clean
from wirewatch.records import Alert, AlertSentence

ATOM = "application/atom+xml"
JSON_FEED = "application/feed+json"
_NAMESPACE = "http://www.w3.org/2005/Atom"
_SPECIFICATION = "https://jsonfeed.org/version/1.1"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What is told of the feed itself. ``rule``: it holds the alerts of this one alone. ``home``: of the page."""

    address: str
    home: str
    rule: str | None = None

    @property
    def title(self) -> str:
        return f"Wirewatch: {clean(self.rule)}" if self.rule else "Wirewatch: alerts"

    @property
    def id(self) -> str:
        return f"urn:wirewatch:rule:{quote(self.rule, safe='')}" if self.rule else "urn:wirewatch:alerts"


class JsonAuthor(msgspec.Struct, frozen=True, kw_only=True):
    """Who wrote something."""

    name: str


class JsonItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An alert as an item."""

    id: str
    title: str
    content_html: str
    content_text: str
    date_published: datetime
    date_modified: datetime
    authors: tuple[JsonAuthor, ...]
    tags: tuple[str, ...]
    url: str | None = None
    language: str | None = None


class JsonFeed(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts as a JSON Feed, the newest first."""

    version: str
    title: str
    home_page_url: str
    feed_url: str
    items: tuple[JsonItem, ...]


def atom(feed: Feed, alerts: Sequence[Alert]) -> bytes:
    """The feed as Atom, in UTF-8."""
    root = etree.Element(_tag("feed"), nsmap={None: _NAMESPACE})
    _add(root, "id", feed.id)
    _add(root, "title", feed.title)
    # Without alerts there is no moment to tell; any fixed one keeps the answer the same.
    _add(root, "updated", _stamp(max((alert.updated or alert.raised for alert in alerts), default=_NEVER)))
    etree.SubElement(root, _tag("link"), rel="self", type=ATOM, href=feed.address)
    etree.SubElement(root, _tag("link"), rel="alternate", type="text/html", href=feed.home)
    _add(etree.SubElement(root, _tag("author")), "name", "Wirewatch")
    for alert in alerts:
        _entry(root, alert)
    document: bytes = etree.tostring(root, xml_declaration=True, encoding="utf-8")
    return document


def _entry(root: etree._Element, alert: Alert) -> None:
    entry = etree.SubElement(root, _tag("entry"))
    if alert.language:
        entry.set("{http://www.w3.org/XML/1998/namespace}lang", clean(alert.language))
    _add(entry, "id", _id(alert))
    _add(entry, "title", _title(alert))
    _add(entry, "published", _stamp(alert.raised))
    _add(entry, "updated", _stamp(alert.updated or alert.raised))
    _add(etree.SubElement(entry, _tag("author")), "name", clean(alert.source) or "unknown source")
    if link := web_link(alert.url):
        etree.SubElement(entry, _tag("link"), rel="alternate", href=link)
    for tag in _tags(alert):
        etree.SubElement(entry, _tag("category"), term=tag)
    _add(entry, "content", _html(alert), type="html")


def json_feed(feed: Feed, alerts: Sequence[Alert]) -> JsonFeed:
    """The feed as JSON Feed."""
    items = tuple(
        JsonItem(
            id=_id(alert),
            title=_title(alert),
            url=web_link(alert.url),
            content_html=_html(alert),
            content_text=_text(alert),
            date_published=alert.raised,
            date_modified=alert.updated or alert.raised,
            authors=(JsonAuthor(name=clean(alert.source) or "unknown source"),),
            tags=_tags(alert),
            language=clean(alert.language) if alert.language else None,
        )
        for alert in alerts
    )
    return JsonFeed(
        version=_SPECIFICATION, title=feed.title, home_page_url=feed.home, feed_url=feed.address, items=items
    )


def _id(alert: Alert) -> str:
    return f"urn:wirewatch:alert:{quote(alert.id, safe='')}"


def _title(alert: Alert) -> str:
    return clean(alert.title) or ", ".join(clean(actor.name) for actor in alert.actors) or clean(alert.rule)


def _tags(alert: Alert) -> tuple[str, ...]:
    return tuple(dict.fromkeys((alert.severity, clean(alert.rule), *(clean(actor.name) for actor in alert.actors))))


def _html(alert: Alert) -> str:
    told = "".join(f"<p>{_marked(sentence)}</p>" for sentence in alert.sentences)
    return f"{told}<p>{escape(_why(alert))}</p>"


def _text(alert: Alert) -> str:
    return "\n".join([*(clean(sentence.text) for sentence in alert.sentences), _why(alert)])


def _why(alert: Alert) -> str:
    others = len(alert.sources) - 1
    more = f" {alert.story_articles} articles, {len(alert.sources)} sources." if others > 0 else ""
    return f"{alert.severity}: {clean(alert.rule)}. {clean(alert.reason)}{more}"


def _marked(sentence: AlertSentence) -> str:
    """The sentence as HTML, what names an actor marked. Overlapping highlights become one."""
    text, parts, done = sentence.text, [], 0
    for mark in sorted(sentence.highlights, key=lambda mark: mark.start):
        start, end = max(mark.start, done), min(mark.end, len(text))
        if start < end:
            parts += [escape(clean(text[done:start])), f"<mark>{escape(clean(text[start:end]))}</mark>"]
            done = end
    return "".join([*parts, escape(clean(text[done:]))])


def web_link(url: str | None) -> str | None:
    """The address where it leads to the web; None for anything else, e.g. ``javascript:``."""
    if url is None or url != clean(url) or " " in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc else None


def _tag(name: str) -> str:
    return f"{{{_NAMESPACE}}}{name}"


def _add(parent: etree._Element, name: str, text: str, **attributes: str) -> None:
    etree.SubElement(parent, _tag(name), **attributes).text = text


def _stamp(moment: datetime) -> str:
    return str(msgspec.to_builtins(moment))
