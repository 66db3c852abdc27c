"""What the API reads from, opened once per process."""

from __future__ import annotations

from dataclasses import dataclass

from consumers.delivery.receivers_in_use import ReceiversInUse
from consumers.keys import Keys
from consumers.life.store import LifeStore
from wirewatch.metrics import Metrics
from wirewatch.redis_client import AsyncClient, Client
from wirewatch.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """``client`` serves short reads from threads, ``stream_client`` the readers that wait."""

    settings: Settings
    metrics: Metrics
    client: Client
    stream_client: AsyncClient
    life: LifeStore
    receivers: ReceiversInUse

    @property
    def keys(self) -> Keys:
        return Keys(self.settings.redis_prefix)


def open_backend(settings: Settings, metrics: Metrics, client: Client, stream_client: AsyncClient) -> Backend:
    """All that the API reads and writes, over these clients, which the caller closes. Raises UserError for a receivers
    file with mistakes."""
    return Backend(
        settings=settings,
        metrics=metrics,
        client=client,
        stream_client=stream_client,
        life=LifeStore(client, settings.redis_prefix),
        receivers=ReceiversInUse(settings),
    )
