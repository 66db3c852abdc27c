"""Query parameters: what is taken, checked, with a message that says what to write instead."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from consumers.alert_feed import CURSOR, Wanted
from consumers.moments import parse_since
from consumers.reading import By
from wirewatch.records import AlertKind, Severity

ALERTS_MAX = 500
FEED_ALERTS_MAX = 200
ROWS_MAX = 10_000


def _moment(value: object) -> object:
    return parse_since(value, datetime.now(UTC)) if isinstance(value, str) else value


def _cursor(value: str) -> str:
    if not CURSOR.fullmatch(value):
        raise ValueError("this is no cursor: take it from an earlier answer")
    return value


_MOMENT: dict[str, Any] = {
    "type": "string",
    "format": None,
    "anyOf": [{"pattern": "^[0-9]{1,5}[smhdw]$"}, {"format": "date-time"}],
    "examples": ["2h"],
}
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    Field(description="`30m`, `2h`, `7d`, or a time in RFC 3339.", json_schema_extra=_MOMENT),
]
Cursor = Annotated[
    str, AfterValidator(_cursor), Field(json_schema_extra={"pattern": f"^{CURSOR.pattern}$", "examples": ["0"]})
]


class _Filter(BaseModel):
    model_config = ConfigDict(extra="forbid")

    actor: str | None = Field(None, description="Id of an actor, e.g. `nato`.", max_length=200)
    severity: Severity | None = Field(None, description="The least severity.")
    source: str | None = Field(None, description="Source of an article of its story that matched.", max_length=500)
    language: str | None = Field(None, description="Language of one of them, e.g. `nl`.", max_length=35)
    kind: AlertKind | None = Field(None, description="What raised it.")
    story: str | None = Field(None, description="Id of its story.", max_length=200)
    old: bool | None = Field(None, description="Whether it was published long before we first saw it.")

    def wanted(self, rule: str | None = None) -> Wanted:
        """As a filter; ``rule`` as given here."""
        return Wanted(rule=rule, **{name: getattr(self, name) for name in _Filter.model_fields})


class AlertFilter(_Filter):
    """Which alerts; all that is given must fit."""

    rule: str | None = Field(None, description="Id of the rule that raised it.", max_length=200)


class AlertQuery(AlertFilter):
    """A page of alerts."""

    since: Moment | None = None
    limit: int = Field(50, ge=1, le=ALERTS_MAX, description="How many at most.")
    cursor: Cursor | None = Field(None, description="`next` of the page before: read on with older alerts.")


class RuleFeedQuery(_Filter):
    """A feed for readers."""

    limit: int = Field(50, ge=1, le=FEED_ALERTS_MAX, description="How many at most.")
    token: str | None = Field(
        None, max_length=200, description="A token with the role `read`, for readers that send no headers."
    )


class FeedQuery(RuleFeedQuery, AlertFilter):
    """A feed of all rules, unless it names one."""


class StreamQuery(AlertFilter):
    """Where a stream starts, for clients that cannot set the header."""

    last_event_id: Cursor | None = Field(
        None, description="Go on behind this event, like the header `Last-Event-ID`; `0` starts with the oldest."
    )


class CounterQuery(BaseModel):
    """Which counters."""

    model_config = ConfigDict(extra="forbid")

    by: By = Field("actor", description="What to count by.")
    actor: str | None = Field(None, description="Only this actor.", max_length=200)
    since: Moment | None = Field(None, description="Default: 7 days ago.")
    until: Moment | None = Field(None, description="Default: now.")
    limit: int = Field(1_000, ge=1, le=ROWS_MAX, description="How many rows at most.")
