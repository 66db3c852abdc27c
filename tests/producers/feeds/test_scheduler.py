"""Any course of polling keeps its promises: real schedulers over a real Redis, with pollers that are killed.

The network is simulated, so is the clock; a course of ten minutes takes a part of a second.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from producers.documents import Document
from producers.feed import Feed
from producers.feeds.board import RedisBoard
from producers.feeds.fetch import Conditional, Failed, Fetched, Fetcher, NotModified, Outcome
from producers.feeds.intake import Intake
from producers.feeds.poll import Poller, Visit
from producers.feeds.scheduler import Scheduler
from tests.producers.feeds.virtual import Inline, Remote, VirtualLoop
from tests.producers.log import Log
from wirewatch.feed_state import FeedKeys, Listing, list_feeds
from wirewatch.metrics import Metrics
from wirewatch.redis_client import connect
from wirewatch.settings import Settings

START = datetime(2020, 1, 6, tzinfo=UTC)
SETTINGS = Settings(
    feed_interval_seconds=20,
    feed_interval_seconds_max=120,
    feed_lease_seconds=60,
    feed_connections=4,
    feed_host_connections=2,
)
COURSE_SECONDS = 400.0
FETCH_SECONDS_MAX = 2.0
LATE_SECONDS_MAX = 30.0
"""For whoever has to wait for others of the same host."""
HOSTS = ("a.example", "b.example")

ANSWERS = st.sampled_from(["same", "new", "same", "new", "fresh", "broken", "busy", "gone"])


@dataclass
class Poll:
    """One request, and what its poller made of it; ``ended`` None: it was killed before."""

    url: str
    poller: int
    asked: float
    etag: str | None
    answer: str = ""
    answered: float | None = None
    ended: float | None = None
    visit: Visit | None = None


@dataclass
class Course:
    """Everything that happened."""

    answers: dict[str, Sequence[str]]
    polls: list[Poll] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)

    def of(self, url: str) -> list[Poll]:
        return [poll for poll in self.polls if poll.url == url]


class Network(Fetcher):
    """Answers as the course says, after a while; notes who asks when for what."""

    def __init__(self, course: Course, poller: int, remote: Remote) -> None:
        super().__init__(SETTINGS)
        self.course, self.poller, self.remote = course, poller, remote

    async def fetch(self, url: str, state: Conditional = Conditional(), **_: object) -> Outcome:  # noqa: B008
        earlier = len(self.course.of(url))
        answers = self.course.answers[url]
        answer = answers[earlier % len(answers)]
        poll = Poll(url, self.poller, asyncio.get_running_loop().time(), state.etag, answer)
        self.course.polls.append(poll)
        await asyncio.sleep(FETCH_SECONDS_MAX * (1 + earlier % 4) / 4)
        await self.remote.do(lambda: None)  # a killed poller sees no answer
        poll.answered = asyncio.get_running_loop().time()
        return _outcome(answer, f'"{earlier}"', state)


def _outcome(answer: str, etag: str, state: Conditional) -> Outcome:
    match answer:
        case "gone":
            return Failed("gone", "410")
        case "broken":
            return Failed("http-status", "500")
        case "busy":
            return Failed("rate-limited", "429", "90")
        case "same" if state.etag:
            return NotModified(state)
    return Fetched("https://e.example/", b"", None, Conditional(etag), max_age=60 if answer == "fresh" else None)


def _nothing(_: Document) -> Feed:
    return Feed("", None, None, ())


async def _run(course: Course, kills: Sequence[tuple[float, int, float]], redis_url: str, log: Log) -> None:
    """``kills``: when, which poller, and after how long another takes its place."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    client = connect(redis_url)
    client.flushall()
    list_feeds(client, FeedKeys(SETTINGS.redis_prefix), [Listing(url=url) for url in course.answers], START)
    running: dict[int, tuple[Remote, asyncio.Task[None]]] = {}

    def start(number: int) -> None:
        remote = Remote(client)
        board = RedisBoard(remote, SETTINGS)
        intake = Intake(
            producer=log.producer,
            parse=_nothing,
            settings=SETTINGS,
            metrics=Metrics(CollectorRegistry()),
            marks=board,
            fetcher=Network(course, number, remote),
            threads=Inline(),
        )

        def visited(visit: Visit) -> None:
            poll = [each for each in course.of(visit.url) if each.poller == number and each.ended is None][-1]
            poll.ended, poll.visit = loop.time(), visit

        clock: Callable[[], datetime] = lambda: START + timedelta(seconds=loop.time())  # noqa: E731
        poller = Poller(intake=intake, board=board, on_visit=visited, clock=clock)
        running[number] = remote, asyncio.create_task(Scheduler(poller).run(stop))

    def kill(number: int) -> None:
        running.pop(number)[0].dead = True
        course.kills.append(loop.time())

    for number in range(3):
        start(number)

    def replace(which: int, new: int, away: float) -> None:
        if alive := sorted(running):
            kill(alive[which % len(alive)])
        loop.call_later(away, start, new)

    for n, (when, which, away) in enumerate(kills):
        loop.call_later(when, replace, which, 10 + n, away)
    await asyncio.sleep(COURSE_SECONDS)
    stop.set()
    await asyncio.gather(*(task for _, task in running.values()))
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    for task in others:
        with suppress(asyncio.CancelledError):
            await task
    client.close()


def _check(course: Course) -> None:
    for url in course.answers:
        polls = course.of(url)
        assert polls, "a feed that is due is polled"
        assert polls[0].asked <= LATE_SECONDS_MAX + _kill_seconds(course, 0, LATE_SECONDS_MAX)
        for before, after in pairwise(polls):
            _check_pair(course, before, after)
        _check_last(course, polls[-1])
    _check_hosts(course)


def _check_pair(course: Course, before: Poll, after: Poll) -> None:
    if before.visit is None:  # killed: nobody else until its lease is over
        assert after.asked >= before.asked + SETTINGS.feed_lease_seconds - 5
        return
    assert before.ended is not None
    assert after.asked >= before.ended, "two polls of a feed at once"
    following = before.visit.next
    assert following.when is not None, "what is gone was polled again"
    promised = (following.when - START).total_seconds()
    late = after.asked - promised
    assert late >= -0.001, "asked before its time"
    assert late <= LATE_SECONDS_MAX + _kill_seconds(course, before.ended, after.asked)
    if isinstance(before.visit.outcome, Fetched):
        assert after.etag == before.visit.outcome.state.etag
    else:
        assert after.etag == before.etag


def _check_last(course: Course, last: Poll) -> None:
    """Nobody is forgotten: what was not polled any more was not due, or had ended."""
    if last.visit is None or last.ended is None or last.visit.next.when is None:
        return
    promised = (last.visit.next.when - START).total_seconds()
    assert promised + LATE_SECONDS_MAX + _kill_seconds(course, last.ended, COURSE_SECONDS) >= COURSE_SECONDS


def _kill_seconds(course: Course, begin: float, end: float) -> float:
    """Whoever was killed may have held the feed, and another one after it."""
    return sum(SETTINGS.feed_lease_seconds + 15 for kill in course.kills if begin - 5 <= kill <= end)


def _check_hosts(course: Course) -> None:
    changes: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for poll in course.polls:
        if poll.answered is not None:
            changes[poll.url.split("/")[2]] += [(poll.asked, 1), (poll.answered, -1)]
    for host, found in changes.items():
        under_way = 0
        for _, change in sorted(found):
            under_way += change
            assert under_way <= SETTINGS.feed_host_connections, host


@pytest.mark.timeout(300)
@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # a course takes a second: to make a failing one smaller takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    feeds=st.lists(st.lists(ANSWERS, min_size=1, max_size=6), min_size=2, max_size=7),
    kills=st.lists(st.tuples(st.floats(1, COURSE_SECONDS - 100), st.integers(0, 9), st.floats(0, 10)), max_size=4),
)
def test_any_course_of_polling_keeps_its_promises(
    feeds: list[list[str]], kills: list[tuple[float, int, float]], redis_url: str, log: Log
) -> None:
    urls = [f"https://{HOSTS[n % 2]}/{n}" for n in range(len(feeds))]
    course = Course(dict(zip(urls, feeds, strict=True)))
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_run(course, kills, redis_url, log))
    _check(course)
