"""Volume rules as values: what stands in the list ``volume:`` of a rules file."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Annotated

import msgspec

from consumers.delivery.quiet import Quiet
from consumers.rules import RuleId
from wirewatch.records import Severity

Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Part of a rule. Defaults are not written out, so a field that is new changes no rule's version."""


class Chosen(_Part, frozen=True, kw_only=True):
    """Which actors (by id) or sources (by name): those of ``any``, or all where it is empty, without those of
    ``none``."""

    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()

    def takes(self, *names: str) -> bool:
        """Whether something that goes by these names is chosen."""
        return (not self.any or any_of(names, self.any)) and not any_of(names, self.none)


class _Rule(_Part, frozen=True, kw_only=True):
    id: RuleId
    severity: Severity
    summary: str = ""
    enabled: bool = True
    quiet: tuple[Quiet, ...] = ()


class Spike(_Rule, frozen=True, kw_only=True, tag="spike", tag_field="kind"):
    """Far more is written about an actor than at the same hours of the days before."""

    actors: Chosen = Chosen()
    hours: Annotated[int, msgspec.Meta(ge=1, le=24)] = 1
    """Length of the window."""
    baseline_days: Annotated[int, msgspec.Meta(ge=3, le=60)] = 14
    """Days before, whose same hours tell what to expect."""
    at_least: Count = 10
    times: Annotated[float, msgspec.Meta(ge=1, le=1_000)] = 3.0
    """So many times what is expected."""
    significance: Annotated[float, msgspec.Meta(ge=1e-12, le=0.05)] = 1e-5
    """How often a window of an actor that goes on as before may raise it."""
    clear_share: Annotated[float, msgspec.Meta(ge=0, le=0.9)] = 0.5
    """It is over once a window has less than this share of what raises it, and only then may it be raised again."""


class NewPair(_Rule, frozen=True, kw_only=True, tag="new-pair", tag_field="kind"):
    """Two watched actors in one article that were not seen together for long."""

    actors: Chosen = Chosen()
    """``any``: one of the two is among these; ``none``: neither is."""
    days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 30
    at_least: Count = 2
    """Articles that name both."""


class SilentSource(_Rule, frozen=True, kw_only=True, tag="silent-source", tag_field="kind"):
    """A source that brings nothing any more, where by its own rhythm it would have."""

    sources: Chosen = Chosen()
    history_days: Annotated[int, msgspec.Meta(ge=7, le=90)] = 28
    """Days from which its rhythm is learnt."""
    hours: Annotated[int, msgspec.Meta(ge=1, le=720)] = 6
    """Silent for at least so many."""
    articles_min: Count = 20
    """A source with fewer in its history has no rhythm to speak of."""
    significance: Annotated[float, msgspec.Meta(ge=1e-12, le=0.05)] = 1e-6
    """How rarely a source that goes on as before may be so long without an article."""


def any_of(names: tuple[str, ...], listed: tuple[str, ...]) -> bool:
    """Whether one of the names is listed, in any letter case."""
    return not {name.casefold() for name in names}.isdisjoint(name.casefold().strip() for name in listed)


def names_of_source(source: str) -> tuple[str, ...]:
    """The source, and the domains that it belongs to where it is one: a domain covers its subdomains."""
    labels = source.strip().split(".")
    return (source.strip(), *(".".join(labels[n:]) for n in range(1, len(labels) - 1)))


VolumeRule = Spike | NewPair | SilentSource
KINDS: dict[str, type[VolumeRule]] = {"spike": Spike, "new-pair": NewPair, "silent-source": SilentSource}


@cache
def version(rule: VolumeRule) -> str:
    """Changes whenever what the rule means changes: a hash of all but its summary, whether it is in use, and when
    people are told."""
    meaning = msgspec.structs.replace(rule, summary="", enabled=True, quiet=())
    return hashlib.sha256(msgspec.json.encode(meaning)).hexdigest()[:12]


def alert_id(rule: VolumeRule, subject: str, window_start: str) -> str:
    """The same for the same rule, actors or source, and start of the window, whoever computes it and whenever."""
    parts = (rule.id, version(rule), subject, window_start)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
