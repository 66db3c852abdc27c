"""A real Redis that loses what it acknowledged heals by itself, also while no article comes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from consumers.counters import COUNTERS
from tests.consumers.making import mentions
from tests.consumers.oracle import counted
from tests.consumers.test_exactness import Tail
from tests.wirewatch.stages import PARTITIONS, embedded, running
from wirewatch.broker import Broker
from wirewatch.redis_client import connect
from wirewatch.topics import MENTIONS


def publish(broker: Broker, first: int, count: int) -> None:
    with closing(broker.producer()) as producer:
        for n in range(first, first + count):
            record = mentions(f"a{n}", "nato")
            producer.send(MENTIONS.name, MENTIONS.encode(record), partition=n % PARTITIONS)
        producer.flush()


@pytest.mark.parametrize("all_of_it", [True, False], ids=["flushed", "tail lost"])
def test_what_redis_loses_while_no_article_comes_is_counted_again(
    redis_url: str, tmp_path: Path, all_of_it: bool
) -> None:
    broker = embedded(tmp_path)
    client = connect(redis_url)
    tail = Tail(client)
    with running(COUNTERS, broker, redis_url=SecretStr(redis_url), partitions=PARTITIONS) as stage:
        publish(broker, 0, 30)
        stage.until(lambda: stage.value("stage_records_total", stage="counters", outcome="applied") == 30)
        if not all_of_it:
            tail.keep()
        publish(broker, 30, 30)
        stage.until(lambda: stage.value("stage_records_total", stage="counters", outcome="applied") == 60)
        before = counted(client)
        tail.lose()
        assert counted(client) != before
        stage.until(lambda: counted(client) == before)
        assert stage.value("stage_failures_total", stage="counters", reason="lost-tail") == 1
    client.close()
