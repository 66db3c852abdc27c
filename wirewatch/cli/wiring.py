"""Settings to open clients: which broker, which Redis."""

from __future__ import annotations

from wirewatch.broker import Broker
from wirewatch.local.kafka_files import address_file
from wirewatch.redis_client import Client, address, connect
from wirewatch.settings import Settings


def open_broker(settings: Settings) -> Broker:
    """Apache Kafka where servers are configured or `wirewatch up --kafka local` runs one, else the embedded log."""
    running = address_file(settings.data_dir)
    if settings.kafka_bootstrap_servers or running.exists():
        from wirewatch.kafka_broker import KafkaBroker

        local = {} if settings.kafka_bootstrap_servers else {"kafka_bootstrap_servers": running.read_text().strip()}
        return KafkaBroker(settings.model_copy(update=local))
    from wirewatch.sqlite_broker import SqliteBroker

    return SqliteBroker(settings.data_dir / "log.sqlite3")


def open_redis(settings: Settings) -> Client:
    """The configured Redis, else the embedded one that `wirewatch up` runs. Raises UserError when there is neither."""
    return connect(address(settings))
