"""Settings to open clients: which broker, which Redis."""

from __future__ import annotations

from wirewatch.broker import Broker
from wirewatch.redis_client import Client, address, connect
from wirewatch.settings import Settings


def open_broker(settings: Settings) -> Broker:
    """Apache Kafka where servers are configured, else the embedded log in the data folder."""
    if settings.kafka_bootstrap_servers:
        from wirewatch.kafka_broker import KafkaBroker

        return KafkaBroker(settings)
    from wirewatch.sqlite_broker import SqliteBroker

    return SqliteBroker(settings.data_dir / "log.sqlite3")


def open_redis(settings: Settings) -> Client:
    """The configured Redis, else the embedded one that `wirewatch up` runs. Raises UserError when there is neither."""
    return connect(address(settings))
