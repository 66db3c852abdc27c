"""The alerts of volume rules, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from consumers.volume.hours import begins
from consumers.volume.model import NewPair, SilentSource, Spike, VolumeRule, alert_id, version
from consumers.volume.new_pair import PairDecision
from consumers.volume.silence import SilenceDecision
from consumers.volume.spike import SpikeDecision, Window
from wirewatch.feed_state import spoken
from wirewatch.records import Alert, AlertActor, AlertKind

_CHANCE_MIN = 1e-9
PAIR_SEPARATOR = "\x1f"
Named = tuple[str, str]
"""Id and name of an actor."""


def spike_alert(rule: Spike, actor: Named, seen: Window, decision: SpikeDecision, now: datetime) -> Alert:
    """Of an actor that is written about far more than usual."""
    id_, name = actor
    end = begins(seen.start + seen.hours)
    length = "hour" if seen.hours == 1 else f"{seen.hours} hours"
    usual = _number(decision.expected)
    if seen.complete:
        title = f"{name}: {_articles(seen.count)} in the {length} to {end:%H:%M} UTC, {usual} expected"
    else:
        title = f"{name}: {_articles(seen.count)} since {begins(seen.start):%H:%M} UTC, {usual} expected by {end:%H:%M}"
    reason = (
        f"The same {length} of {len(seen.earlier)} days before had {usual} on average and {max(seen.earlier)} at most; "
        f"at its usual rate so many come {_odds(decision.chance)}."
    )
    return _alert(rule, "spike", id_, seen.start, title, reason, [(id_, name, seen.count)], "", now)


def pair_alert(
    rule: NewPair, actors: Sequence[Named], start: int, counted: int, decision: PairDecision, now: datetime
) -> Alert:
    """Of two actors that were not seen together for long. ``start``: the hour in which the day of their first article
    begins; ``counted``: on how many of the rule's days before anything was counted."""
    names = " and ".join(name for _, name in actors)
    title = f"{names}: together in {_articles(decision.articles)}, for the first time in {_days(counted)}"
    since = f"since {begins(start):%d %B} (UTC)"
    reason = f"{_articles(decision.articles).capitalize()} {since} name both; none did in the {_days(counted)} before."
    shown = [(id_, name, decision.articles) for id_, name in actors]
    subject = PAIR_SEPARATOR.join(id_ for id_, _ in actors)
    return _alert(rule, "new-pair", subject, start, title, reason, shown, "", now)


def silence_alert(rule: SilentSource, source: str, at: int, decision: SilenceDecision, now: datetime) -> Alert:
    """Of a source that is silent. ``at``: the hour that is being counted."""
    silent = spoken(timedelta(hours=at - decision.last - 1))
    end = begins(decision.last + 1)
    title = f"{source}: no article for {silent}"
    reason = (
        f"The last one came before {end:%H:%M} UTC on {end:%d %B}; by its own rhythm there would have been one in "
        f"{_number(decision.missed)} of the hours since."
    )
    return _alert(rule, "silent-source", source, decision.last + 1, title, reason, [], source, now)


def _alert(
    rule: VolumeRule,
    kind: AlertKind,
    subject: str,
    start: int,
    title: str,
    reason: str,
    actors: Sequence[tuple[str, str, int]],
    source: str,
    now: datetime,
) -> Alert:
    id_ = alert_id(rule, subject, begins(start).isoformat())
    return Alert(
        id=id_,
        match=id_,
        kind=kind,
        rule=rule.id,
        rule_version=version(rule),
        severity=rule.severity,
        summary=rule.summary,
        reason=reason,
        actors=tuple(
            AlertActor(id=actor, name=name, score=1.0, mentions=articles, why=f"counted in {_articles(articles)}")
            for actor, name, articles in actors
        ),
        article_id="",
        title=title,
        source=source,
        sources=(source,) if source else (),
        url=None,
        language=None,
        published=None,
        first_seen=None,
        raised=now,
        received_ms=0,
    )


def _articles(count: int) -> str:
    return "1 article" if count == 1 else f"{count:,} articles"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _number(value: float) -> str:
    """Whole from 10 on; one digit behind the point below."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}".removesuffix(".0")


def _odds(chance: float) -> str:
    return "less than once in a billion windows" if chance < _CHANCE_MIN else f"once in {1 / chance:,.0f} windows"
