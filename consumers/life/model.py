"""What people say about alerts: silences, acknowledgements and verdicts, as records and pure questions about them.

The words are Alertmanager's. Times are aware datetimes in UTC.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Literal, get_args

import msgspec

from wirewatch.records import Alert, Moment

MatcherName = Literal["rule", "severity", "actor", "source", "language", "kind", "story", "alert"]
Operator = Literal["=", "!=", "in"]
VerdictValue = Literal["true", "false", "unsure"]
SilenceState = Literal["pending", "active", "expired"]

MATCHER_NAMES: tuple[MatcherName, ...] = get_args(MatcherName)
OPERATORS: tuple[Operator, ...] = get_args(Operator)
VERDICTS: tuple[VerdictValue, ...] = get_args(VerdictValue)
UNDETERMINED = "und"
"""What a matcher calls the language of an article whose language is not known."""

Value = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
By = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Comment = Annotated[str, msgspec.Meta(max_length=1_000)]
MATCHERS_MAX = 20
VALUES_MAX = 100


class Matcher(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition on one property of an alert. ``in`` holds for any of the values; the others take one.

    An alert about several actors is ``actor = iran`` when Iran is one of them. Its sources are those of its story, by
    now: ``source = Wire`` holds when it has no other, and ``source != Wire`` when Wire is none of them, so that muting
    a source never mutes what somebody else reports too.
    """

    name: MatcherName
    op: Operator
    values: Annotated[tuple[Value, ...], msgspec.Meta(min_length=1, max_length=VALUES_MAX)]

    def __post_init__(self) -> None:
        """Raises ValueError for several values with an operator that takes one."""
        if self.op != "in" and len(self.values) > 1:
            raise ValueError(f"{self.op} takes one value; write `{self.name} in {','.join(self.values)}`")

    def __contains__(self, alert: Alert) -> bool:
        have, values = _properties(alert, self.name), set(self.values)
        if self.op == "!=":
            return values.isdisjoint(have)
        return values.issuperset(have) if self.name == "source" else not values.isdisjoint(have)

    def __str__(self) -> str:
        """As ``parse_matcher`` reads it."""
        return f"{self.name} in {','.join(self.values)}" if self.op == "in" else f"{self.name}{self.op}{self.values[0]}"


def _properties(alert: Alert, name: MatcherName) -> tuple[str, ...]:
    match name:
        case "actor":
            return tuple(actor.id for actor in alert.actors)
        case "source":
            return tuple(dict.fromkeys((alert.source, *alert.sources)))
        case "language":
            return (alert.language or UNDETERMINED,)
        case "alert":
            return (alert.id,)
        case _:
            return (getattr(alert, name),)


@lru_cache(maxsize=1_000)
def parse_matcher(text: str) -> Matcher:
    """The matcher that people write: ``rule=x``, ``actor!=iran``, ``source in Wire,Bote``.

    Raises ValueError that says what is taken.
    """
    for op in ("!=", "=", " in "):
        name, found, rest = text.partition(op)
        if found and name.strip() in MATCHER_NAMES:
            values = rest.split(",") if op == " in " else [rest]
            plain = {"name": name.strip(), "op": op.strip(), "values": [value.strip() for value in values]}
            try:
                return msgspec.convert(plain, Matcher)
            except msgspec.ValidationError as error:
                raise ValueError(f"{text!r} is no matcher: {error}") from error
    known = ", ".join(MATCHER_NAMES)
    raise ValueError(f"{text!r} is no matcher: write rule=ID, actor!=ID or `source in A,B`; it may ask for {known}")


class Silence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Alerts that all of the matchers fit notify no one from ``starts`` until ``ends``."""

    id: str
    matchers: Annotated[tuple[Matcher, ...], msgspec.Meta(min_length=1, max_length=MATCHERS_MAX)]
    author: By
    comment: Comment = ""
    starts: Moment
    ends: Moment
    created: Moment

    def __post_init__(self) -> None:
        """Raises ValueError for a silence that ends before it starts."""
        if self.ends < self.starts:
            raise ValueError("a silence must end after it starts")

    def __contains__(self, alert: Alert) -> bool:
        """Whether it is about this alert, whatever the time."""
        return all(alert in matcher for matcher in self.matchers)

    def state(self, now: datetime) -> SilenceState:
        if now >= self.ends:
            return "expired"
        return "pending" if now < self.starts else "active"


def new_silence_id() -> str:
    """Random; never given out twice."""
    return secrets.token_hex(8)


def silencing(silences: Iterable[Silence], alert: Alert, now: datetime) -> tuple[Silence, ...]:
    """Those that mute the alert at ``now``, the one that ends last first."""
    found = [silence for silence in silences if silence.state(now) == "active" and alert in silence]
    return tuple(sorted(found, key=lambda silence: (silence.ends, silence.id), reverse=True))


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has taken the alert on: it does not repeat, and no longer escalates."""

    by: By
    at: Moment
    comment: Comment = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody who read the article says of the alert: right, wrong, or cannot tell."""

    value: VerdictValue
    by: By
    at: Moment
    comment: Comment = ""
    rule: str
    """That of the alert, whose precision it counts for."""


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """All that people have said about one alert."""

    acknowledged: Acknowledgement | None = None
    verdict: Verdict | None = None
    silences: tuple[str, ...] = ()
    """Ids of those that mute it now."""


NOTHING_SAID = Life()


class Precision(msgspec.Struct, frozen=True, kw_only=True):
    """Verdicts on the alerts of one rule."""

    rule: str
    true: int = 0
    false: int = 0
    unsure: int = 0

    @property
    def precision(self) -> float | None:
        """Of those judged true or false, the part that is true; None before the first."""
        judged = self.true + self.false
        return self.true / judged if judged else None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a silence would have muted."""

    looked_at: int
    muted: int
    stories: int
    """Of the muted, how many stories; an alert without one counts as its own."""
    rules: dict[str, int]
    """Muted alerts by rule, the most first."""
    samples: tuple[Alert, ...]
    """The first of the muted, in the order given."""


PREVIEW_SAMPLES = 20


def preview(silence: Silence | Sequence[Matcher], alerts: Iterable[Alert]) -> Preview:
    """What the silence, or one with these matchers, would have muted of ``alerts``, whenever they came."""
    matchers = silence.matchers if isinstance(silence, Silence) else tuple(silence)
    looked_at, muted, stories = 0, 0, set()
    rules: dict[str, int] = {}
    samples: list[Alert] = []
    for alert in alerts:
        looked_at += 1
        if not all(alert in matcher for matcher in matchers):
            continue
        muted += 1
        stories.add(alert.story or alert.id)
        rules[alert.rule] = rules.get(alert.rule, 0) + 1
        if len(samples) < PREVIEW_SAMPLES:
            samples.append(alert)
    return Preview(
        looked_at=looked_at,
        muted=muted,
        stories=len(stories),
        rules=dict(sorted(rules.items(), key=lambda item: (-item[1], item[0]))),
        samples=tuple(samples),
    )
