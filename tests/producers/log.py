"""What is on the embedded log, read back for tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from wirewatch.broker import Broker, Message
from wirewatch.codec import decode
from wirewatch.dead_letters import DeadLetter, parse_headers
from wirewatch.records import Article
from wirewatch.settings import Settings
from wirewatch.topics import ARTICLES, DEAD_LETTERS, specs


@contextmanager
def unwritable(settings: Settings) -> Iterator[None]:
    """The embedded log, broken for as long as this lasts: the table of records is not where it was."""
    database = sqlite3.connect(settings.data_dir / "log.sqlite3", isolation_level=None)
    database.execute("ALTER TABLE log RENAME TO elsewhere")
    try:
        yield
    finally:
        database.execute("ALTER TABLE elsewhere RENAME TO log")
        database.close()


class Log:
    def __init__(self, broker: Broker, settings: Settings) -> None:
        self.broker = broker
        self.producer = broker.producer()
        self._admin = broker.admin()
        self._admin.create_topics(specs(settings))

    def messages(self, topic: str) -> list[Message]:
        partitions = range(self._admin.partitions(topic))
        return [message for p in partitions for message in self._admin.read(topic, p, 0, 10_000)]

    def articles(self) -> list[Article]:
        return [decode(ARTICLES, message.value) for message in self.messages(ARTICLES.name)]

    def dead_letters(self) -> list[tuple[DeadLetter, bytes]]:
        return [(parse_headers(message), message.value) for message in self.messages(DEAD_LETTERS.name)]

    def close(self) -> None:
        self.producer.close()
        self._admin.close()
