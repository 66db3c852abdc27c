"""A member of a consumer group in a process of its own, for tests that stop or kill it.

``python -m tests.wirewatch.group_member GROUP TOPIC``, with the broker in the environment. It reads until it has got
something, says how many messages, and commits them when it is told to by a line on standard input.
"""

from __future__ import annotations

import sys

from wirewatch.cli.wiring import open_broker
from wirewatch.errors import Rebalanced
from wirewatch.settings import load


def main(group: str, topic: str) -> None:
    consumer = open_broker(load()).consumer(group, [topic])
    batch = consumer.poll(0.2, 1000)
    while not batch:
        batch = consumer.poll(0.2, 1000)
    _say(f"read {sum(map(len, batch.values()))}")
    sys.stdin.readline()
    try:
        consumer.commit({where: messages[-1].offset + 1 for where, messages in batch.items()})
    except Rebalanced:
        _say("refused")
    else:
        _say("committed")
    consumer.close()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
