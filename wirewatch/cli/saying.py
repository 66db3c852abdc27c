"""What the commands that say something about alerts have in common: who says it, of which alert, in which store."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from consumers.alert_feed import FedAlert, find_alert
from consumers.keys import Keys
from consumers.life.model import MATCHERS_MAX, Matcher, parse_matcher
from consumers.life.store import LifeStore
from wirewatch.cli.wiring import open_redis
from wirewatch.errors import UsageError, UserError
from wirewatch.redis_client import Client
from wirewatch.settings import load

BY_CHARS_MAX = 100
COMMENT_CHARS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Desk:
    """The feed and what people say of it, opened."""

    client: Client
    keys: Keys
    life: LifeStore

    def alert(self, alert_id: str) -> FedAlert:
        """Raises UserError where the feed has no such alert."""
        found = find_alert(self.client, self.keys, alert_id)
        if found is None:
            raise UserError(
                f"there is no alert {alert_id[:64]!r}, or it is not kept any more: "
                "`wirewatch alerts --json | jq -r .id` shows the ids"
            )
        return found


@contextmanager
def desk() -> Iterator[Desk]:
    """Over the Redis of the settings."""
    settings = load()
    client = open_redis(settings)
    try:
        yield Desk(client, Keys(settings.redis_prefix), LifeStore(client, settings.redis_prefix))
    finally:
        client.close()


def login_name() -> str:
    """Of the person at this terminal; ``unknown`` where the system has none, as in a container."""
    try:
        return getpass.getuser()[:BY_CHARS_MAX]
    except (OSError, KeyError):
        return "unknown"


def checked(by: str | None, comment: str) -> str:
    """Who says it. Raises UsageError for what is too long or empty."""
    name = login_name() if by is None else by.strip()
    if not 0 < len(name) <= BY_CHARS_MAX:
        raise UsageError(f"--by: a name has 1 to {BY_CHARS_MAX} characters")
    if len(comment) > COMMENT_CHARS_MAX:
        raise UsageError(f"--comment: at most {COMMENT_CHARS_MAX:,} characters")
    return name


def matchers_of(texts: tuple[str, ...]) -> tuple[Matcher, ...]:
    """The matchers that were written. Raises UsageError that says what is taken."""
    if len(texts) > MATCHERS_MAX:
        raise UsageError(f"a silence has at most {MATCHERS_MAX} matchers")
    try:
        return tuple(map(parse_matcher, texts))
    except ValueError as error:
        raise UsageError(str(error)) from error
