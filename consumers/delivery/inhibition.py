"""Which alerts keep others from being told. Pure functions.

An alert that the source matchers of an inhibition fit leaves a mark, which names the inhibition and what must be equal;
an alert that the target matchers fit is inhibited while the mark is there. A mark fades like a group does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from consumers.delivery.groups import named
from consumers.delivery.receivers import Inhibit
from wirewatch.records import Alert


def marks_of(inhibits: Iterable[Inhibit], alert: Alert) -> tuple[str, ...]:
    """The marks that the alert leaves. One that is old leaves none: nobody was told of it."""
    if alert.old:
        return ()
    return tuple(_mark(each, alert) for each in inhibits if _is_source(each, alert))


def marks_against(inhibits: Iterable[Inhibit], alert: Alert) -> tuple[str, ...]:
    """The marks that inhibit the alert. What is source and target at once is not inhibited: nobody would be told."""
    return tuple(
        _mark(each, alert)
        for each in inhibits
        if all(alert in matcher for matcher in each.target_matchers) and not _is_source(each, alert)
    )


def _is_source(inhibit: Inhibit, alert: Alert) -> bool:
    return all(alert in matcher for matcher in inhibit.source_matchers)


def _mark(inhibit: Inhibit, alert: Alert) -> str:
    which = msgspec.json.encode(inhibit).decode()
    return hashlib.sha256(f"{which}\x1f{named(inhibit.equal, alert)}".encode()).hexdigest()[:24]
