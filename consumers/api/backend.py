"""What the API reads from, opened once per process."""

from __future__ import annotations

from dataclasses import dataclass

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

    @property
    def keys(self) -> Keys:
        return Keys(self.settings.redis_prefix)
