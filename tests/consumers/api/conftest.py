"""A real `wirewatch serve`, over a real Redis and the embedded log."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from producers.ingest_access import entry
from tests.redis_server import RedisServer
from wirewatch.cli.wiring import open_broker
from wirewatch.redis_client import Client, connect
from wirewatch.settings import load
from wirewatch.topics import specs

TOKEN = "0123456789abcdef0123456789abcdef"


class Served:
    """A running server, with settings ``changed``. ``stop`` returns its exit code."""

    def __init__(self, redis_url: str, data_dir: Path, *arguments: str, **changed: str) -> None:
        self.data_dir = data_dir
        settings = load(data_dir=data_dir, partitions=2)
        admin = open_broker(settings).admin()
        admin.create_topics(specs(settings))
        admin.close()
        environment = os.environ | {
            "REDIS_URL": redis_url,
            "WIREWATCH_DATA_DIR": str(data_dir),
            "WIREWATCH_PARTITIONS": "2",
            "WIREWATCH_INGEST_TOKENS": entry("desk", TOKEN),
            **{f"WIREWATCH_{name.upper()}": value for name, value in changed.items()},
        }
        command = [sys.executable, "-m", "wirewatch", "serve", "--port", "0", *arguments]
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        address = re.match(r"http://\S+:\d+", said)
        assert address, f"it said {said!r}"
        self.url = address[0]
        self.http = httpx.Client(base_url=self.url, timeout=20)

    def stop(self) -> int:
        self.http.close()
        self._process.terminate()
        self._process.communicate(timeout=30)
        return self._process.returncode


@pytest.fixture(scope="session")
def shared_server(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = Served(redis_server.url, tmp_path_factory.mktemp("serve"))
    yield server
    server.stop()


@pytest.fixture
def server(shared_server: Served, redis_url: str) -> Served:
    """The server, over a Redis that holds nothing."""
    return shared_server


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    client = connect(redis_url)
    yield client
    client.close()
