"""Keeps polling what is due, many feeds at a time and few per host, until stopped."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta

from producers.feeds.board import Held
from producers.feeds.poll import Poller
from producers.identity import host_of
from wirewatch.errors import Rejected, StoreUnavailable
from wirewatch.feed_state import HEALTH_WORDS

LOOK_SECONDS_MAX = 1.0
"""Other pollers and the list change what is due: look again at least so often."""
AWAY_SECONDS = 2.0
HOST_BUSY = timedelta(seconds=2)
HOST_LOOK_SECONDS = 0.2
CENSUS_SECONDS = 60.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Scheduler:
    """Drives one poller. Several processes share the work when their boards are the same Redis.

    ``endless`` False: ``run`` returns when no feed will ever be due again.
    """

    poller: Poller
    endless: bool = True
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _counted: float = float("-inf")
    _fault: BaseException | None = None

    async def once(self) -> None:
        """Poll every feed that is due, one time."""
        now = self.poller.clock()
        await self._leave()
        while held := await self.poller.board.take(now, self.poller.settings.feed_connections):
            await asyncio.gather(*map(self._when_admitted, held))

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until ``stop`` is set; polls under way are finished first. Redis may go away and come back.

        What else fails in a poll (a fault of ours, wrong credentials) is raised here.
        """
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                if self._fault:
                    raise self._fault
                try:
                    wait = await self._step()
                except StoreUnavailable as error:
                    _log.warning("polling waits: %s", error)
                    wait = AWAY_SECONDS
                if wait is None and not self._running:
                    return
                # Also ends when a poll does: its slot is free, and its feed may be due at once.
                waits = {stopping, *self._running}
                await asyncio.wait(waits, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if self._running:
                await asyncio.gather(*self._running, return_exceptions=True)

    async def _step(self) -> float | None:
        """Start what is due; returns for how long to wait then, None when nothing will ever be due."""
        board, settings = self.poller.board, self.poller.settings
        await self._each_minute()
        free = settings.feed_connections - len(self._running)
        if free > 0:
            now = self.poller.clock()
            for held in await board.take(now, free):
                if not await board.admit(held, _host(held), now):
                    await board.postpone(held, now + HOST_BUSY)
                    continue
                self._begin(self._visit(held))
        following = await board.seconds_to_next(self.poller.clock())
        if following is None:
            return LOOK_SECONDS_MAX if self.endless or self._running else None
        # Without a free slot only a poll that ends can change anything.
        return LOOK_SECONDS_MAX if free <= 0 else min(following, LOOK_SECONDS_MAX)

    async def _when_admitted(self, held: Held) -> None:
        while not await self.poller.board.admit(held, _host(held), self.poller.clock()):
            # Other pollers count too: nothing here tells when one of them is done.
            await asyncio.sleep(HOST_LOOK_SECONDS)
        await self.poller.visit(held)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._fault = self._fault or error

    async def _visit(self, held: Held) -> None:
        try:
            await self.poller.visit(held)
        except StoreUnavailable as error:
            # The lease ends, and the feed is taken again.
            _log.warning("%s: what this poll learnt is lost: %s", held.listing.url, error)

    async def _each_minute(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._counted < CENSUS_SECONDS:
            return
        self._counted = now
        words = Counter(await self.poller.board.census())
        for word in HEALTH_WORDS:
            self.poller.intake.metrics.feeds.labels(word).set(words[word])
        self._begin(self._leave())

    async def _leave(self) -> None:
        if self.poller.subscriber is None:
            return
        try:
            await self.poller.subscriber.leave(self.poller.clock())
        except StoreUnavailable as error:
            _log.warning("subscriptions of feeds that left the list end by themselves: %s", error)


def _host(held: Held) -> str:
    try:
        return host_of(held.state.moved_to or held.listing.url)
    except Rejected:
        return held.listing.url
