"""A consumer for tests, as the runner drives one. As a program it applies a seeded log, to be killed at any moment."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

from consumers.matching import matches
from consumers.redis_store import RedisStore
from consumers.rules import Rule, RuleSet
from tests.consumers.making import M0, actor, days_later, mentions, received, store
from wirewatch.errors import StoreUnavailable
from wirewatch.records import Mentions
from wirewatch.redis_client import Client, connect
from wirewatch.stage import Received

SEEN_DAYS = 3
RULES = RuleSet((Rule(id="any", severity="info", score_min=0.0),))
Log = list[Received[Mentions]]


class Member:
    """A consumer as the runner drives it: seeks where the store stands, and may lose an answer."""

    def __init__(self, client: Client, log: Log) -> None:
        self._log = log
        self.store: RedisStore = store(client, lambda m, now: matches(RULES, m, now), seen_days=SEEN_DAYS)
        self._script: Callable[..., Any] = self.store._script
        self._expected = self.store.positions(frozenset({M0})).get(M0, 0)

    def step(self, size: int, *, lose_answer: bool = False) -> bool:
        """Apply the next batch; True when the log is at its end."""
        batch = self._log[self._expected : self._expected + size]
        if not batch:
            return True
        self.store._script = self._losing if lose_answer else self._script
        following = batch[-1].message.offset + 1
        try:
            self._expected = self.store.apply(M0, self._expected, following, batch)
        except StoreUnavailable:
            self.store._script = self._script
            self._expected = self.store.apply(M0, self._expected, following, batch)
        return False

    def _losing(self, **call: Any) -> Any:
        self._script(**call)
        raise StoreUnavailable("the answer was lost")


def seeded_log(seed: int, records: int = 1_500) -> Log:
    chance = random.Random(seed)
    names = ("nato", "iran", "islamic-state")
    log: Log = []
    for offset in range(records):
        found = [actor(each) for each in names if chance.random() < 0.4]
        article = f"a{chance.randrange(records)}"
        log.append(received(M0, offset, mentions(article, *found, first_seen=days_later(offset / 300))))
    return log


def main(url: str, seed: int) -> None:
    member = Member(connect(url), seeded_log(seed))
    while not member.step(7):
        print("applied", flush=True)  # noqa: T201
    print("done", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
