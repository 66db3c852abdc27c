"""What the API reads from, opened once per process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from consumers.api.checking_apart import mistakes
from consumers.api.rule_answers import NAME
from consumers.api.turns import Turns
from consumers.delivery.receivers_in_use import ReceiversInUse
from consumers.keys import Keys
from consumers.life.store import LifeStore
from consumers.rules import RuleSet
from consumers.rules_in_use import check_rules
from consumers.watchlist import Watchlist
from consumers.watchlist_file import of_settings
from wirewatch.broker import Admin
from wirewatch.errors import UserError
from wirewatch.metrics import Metrics
from wirewatch.redis_client import AsyncClient, Client
from wirewatch.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """``client`` serves short calls from threads, ``stream_client`` the readers that wait; ``admin`` opens a reader of
    the log, which whoever asks for it closes."""

    settings: Settings
    metrics: Metrics
    client: Client
    stream_client: AsyncClient
    admin: Callable[[], Admin]
    life: LifeStore
    receivers: ReceiversInUse
    watchlist: Watchlist
    parsing: Turns

    @property
    def keys(self) -> Keys:
        return Keys(self.settings.redis_prefix)

    def check_rules(self, text: str) -> RuleSet:
        """The rules that a text from outside holds; one text at a time.

        Raises UserError with a line per mistake, RefusedError where others were at it for too long.
        """
        actors = [actor.id for actor in self.watchlist.actors]
        with self.parsing.turn():
            if found := mistakes(text, NAME, actors):
                raise UserError(found)
            return check_rules(text, NAME, actors)


def open_backend(
    settings: Settings, metrics: Metrics, client: Client, stream_client: AsyncClient, admin: Callable[[], Admin]
) -> Backend:
    """All that the API reads and writes, over these clients, which the caller closes. Raises UserError for a receivers
    file or a watchlist with mistakes."""
    return Backend(
        settings=settings,
        metrics=metrics,
        client=client,
        stream_client=stream_client,
        admin=admin,
        life=LifeStore(client, settings.redis_prefix),
        receivers=ReceiversInUse(settings),
        watchlist=of_settings(settings),
        parsing=Turns(),
    )
