"""Receivers: who is told of which alerts, where, and how often; and the file that lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from consumers.alert_feed import SEVERITIES
from consumers.delivery.quiet import Day, Quiet, TimeOfDay, zone_of
from consumers.life.model import Matcher, parse_matcher
from consumers.moments import parse_span
from consumers.yaml_checks import Checks, items_of, line_of
from consumers.yaml_structs import struct_of
from wirewatch.errors import UserError
from wirewatch.records import Alert, AlertKind, Severity
from wirewatch.seeds import shipped

Span = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}[smhdw]$")]
"""30s, 5m, 4h, 1d, 2w; see ``parse_span``."""
GroupBy = Literal["story", "rule", "actor", "source", "language", "severity", "kind"]
ReceiverKind = Literal["webhook", "apprise"]
RECEIVERS_MAX = 1_000


class Webhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook by the Standard Webhooks specification. Its address is ``url``, or stands in the file ``url_file``."""

    url: str = ""
    url_file: str = ""
    secret_file: str
    """The key of its signature, ``whsec_…``; several keys, one a line, while it is being changed."""
    allow_private: bool = False
    """Also at a private address, and at any port: for a receiver in our own network."""

    def __post_init__(self) -> None:
        """Raises ValueError where there is no address, or two."""
        if bool(self.url) == bool(self.url_file):
            raise ValueError("a webhook needs either url or url_file")
        if self.url and not self.url.startswith(("https://", "http://")):
            raise ValueError("url must begin with https:// or http://")


class Apprise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mail, Slack, Teams, Telegram and so on, by addresses of the library Apprise. They hold passwords: a file."""

    url_file: str


class When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which alerts a receiver wants: all that is written here must fit, and of each list one. Nothing: all alerts."""

    rules: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    severity_min: Severity = "info"
    sources: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    kinds: tuple[AlertKind, ...] = ()

    def __contains__(self, alert: Alert) -> bool:
        sources = (alert.source, *alert.sources)
        return (
            (not self.rules or alert.rule in self.rules)
            and (not self.actors or any(actor.id in self.actors for actor in alert.actors))
            and SEVERITIES.index(alert.severity) >= SEVERITIES.index(self.severity_min)
            and (not self.sources or any(source in self.sources for source in sources))
            and (not self.languages or alert.language in self.languages)
            and (not self.kinds or alert.kind in self.kinds)
        )


class Digest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One notification a day or a week, at a local time, with all that came since the last one."""

    every: Literal["day", "week"]
    at: TimeOfDay = "07:00"
    on: Day = "mon"
    """The day of a weekly one."""
    zone: str = "UTC"

    def __post_init__(self) -> None:
        """Raises ValueError for a zone that does not exist."""
        zone_of(self.zone)


class Receiver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told, of what, and how often, as the file has it (see seeds/receivers.yaml for what each field means)."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    webhook: Webhook | None = None
    apprise: Apprise | None = None
    when: When = When()
    group_by: tuple[GroupBy, ...] = ("story",)
    group_wait: Span = "0s"
    group_interval: Span = "5m"
    repeat_interval: Span | None = None
    repeat_factor: Annotated[float, msgspec.Meta(ge=1, le=100)] = 1.0
    repeat_interval_max: Span = "7d"
    updates: bool = False
    old: bool = False
    quiet: tuple[Quiet, ...] = ()
    rate_per_minute: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 60
    digest: Digest | None = None

    def __post_init__(self) -> None:
        """Raises ValueError where it does not say one way to reach the receiver, or asks for what cannot be."""
        if (self.webhook is None) == (self.apprise is None):
            raise ValueError("a receiver needs either webhook or apprise")
        if self.repeat_interval is not None and not parse_span(self.repeat_interval):
            raise ValueError("repeat_interval must not be 0; leave it out for no repeats")

    @property
    def kind(self) -> ReceiverKind:
        return "webhook" if self.webhook else "apprise"


class Inhibit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """While an alert that ``source`` fits is there, alerts that ``target`` fits, and that are equal to it in all of
    ``equal``, notify no one. An alert that both fit is not inhibited by another of that kind."""

    source: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    target: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    equal: Annotated[tuple[GroupBy, ...], msgspec.Meta(min_length=1)] = ("story",)

    def __post_init__(self) -> None:
        """Raises ValueError for what is no matcher."""
        for text in (*self.source, *self.target):
            parse_matcher(text)

    @property
    def source_matchers(self) -> tuple[Matcher, ...]:
        return tuple(map(parse_matcher, self.source))

    @property
    def target_matchers(self) -> tuple[Matcher, ...]:
        return tuple(map(parse_matcher, self.target))


class Receivers(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    receivers: tuple[Receiver, ...] = ()
    inhibit: tuple[Inhibit, ...] = ()


_SPAN = "use for example 30s, 5m, 4h, 1d"
_HINTS = {
    "id": "use lower-case letters, digits and hyphens",
    "webhook": "write for example {url: https://desk.example/hook, secret_file: /run/secrets/desk}",
    "apprise": "write for example {url_file: /run/secrets/mail}",
    "when": "write for example {severity_min: warning, actors: [iran]}",
    "severity_min": "use info, warning or critical",
    "kinds": "use a list of article, spike, new-pair and silent-source",
    "group_by": "use a list of story, rule, actor, source, language, severity and kind",
    "equal": "use a list of story, rule, actor, source, language, severity and kind",
    "group_wait": _SPAN,
    "group_interval": _SPAN,
    "repeat_interval": _SPAN,
    "repeat_interval_max": _SPAN,
    "repeat_factor": "use a number from 1 to 100",
    "updates": "use true or false",
    "old": "use true or false",
    "rate_per_minute": "use a whole number from 1 to 60000",
    "quiet": 'write for example [{from: "22:00", to: "07:00", zone: Europe/Amsterdam}]',
    "days": "use a list of mon, tue, wed, thu, fri, sat and sun",
    "from": 'use a time of day in quotes, such as "22:00"',
    "to": 'use a time of day in quotes, such as "07:00"',
    "at": 'use a time of day in quotes, such as "07:00"',
    "allow_private": "use true or false",
    "digest": 'write for example {every: day, at: "07:00", zone: Europe/Amsterdam}',
    "every": "use day or week",
    "source": "use a list of matchers, such as severity=critical",
    "target": "use a list of matchers, such as severity=info",
}


def load_receivers(path: Path | None = None) -> Receivers:
    """The receivers of a file, in its order; without ``path`` those of the shipped file, which has none.

    Raises UserError with a line ``file:line: what is wrong; how to mend it`` per mistake. Files with secrets are named
    in it and not read here.
    """
    path = path or shipped("receivers.yaml")
    checks = Checks(str(path))
    document = checks.load(path)
    found = Receivers()
    if not checks.problems and checks.is_map(document, 1, "a receivers file", ("receivers", "inhibit")):
        receivers: dict[str, Receiver] = {}
        for item, line in _items(checks, document, "receivers"):
            receiver = struct_of(checks, item, line, Receiver, _HINTS)
            if receiver is not None and receiver.id in receivers:
                checks.problem(line, f"there is a receiver {receiver.id!r} already; give one of them a new id")
            elif receiver is not None:
                receivers[receiver.id] = receiver
        inhibit = [struct_of(checks, item, line, Inhibit, _HINTS) for item, line in _items(checks, document, "inhibit")]
        found = Receivers(receivers=tuple(receivers.values()), inhibit=tuple(filter(None, inhibit)))
    if checks.problems:
        raise UserError("\n".join(checks.lines()))
    return found


def _items(checks: Checks, document: CommentedMap, name: str) -> list[tuple[object, int]]:
    items = document.get(name)
    if items is None:
        return []
    if not isinstance(items, CommentedSeq):
        checks.problem(line_of(document, name), f"{name} must be a list: `- id: desk`, …")
        return []
    if len(items) > RECEIVERS_MAX:
        checks.problem(line_of(document, name), f"{name} has {len(items)} entries; at most {RECEIVERS_MAX} are taken")
        return []
    return list(items_of(items))
