"""The running system that the page is tested against: real stages in processes of their own, a real Redis, the embedded
log, and `wirewatch serve`, to which articles are published over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from producers.ingest_access import ANY_SOURCE, entry
from tests.redis_server import RedisServer, programs
from wirewatch.cli.wiring import open_broker
from wirewatch.local.ports import free_ports
from wirewatch.settings import load
from wirewatch.topics import specs

STAGES = ("actors", "counters", "relay")
TOKEN = "0123456789abcdef0123456789abcdef"
WAIT_SECONDS_MAX = 60
_INGEST_BATCH = 100


class System:
    """Everything between an article and the page. ``environment`` is added to that of every process."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        valkey = programs()
        self._redis = RedisServer(valkey.get("valkey") or valkey["redis"], folder).start()
        self._environment = {
            **os.environ,
            "REDIS_URL": self._redis.url,
            "WIREWATCH_DATA_DIR": str(folder / "data"),
            "WIREWATCH_PARTITIONS": "2",
            "WIREWATCH_INGEST_TOKENS": entry(ANY_SOURCE, TOKEN),
            **(environment or {}),
        }
        settings = load(data_dir=folder / "data", partitions=2)
        admin = open_broker(settings).admin()
        admin.create_topics(specs(settings))
        admin.close()
        self._stages = [self._run("consume", stage) for stage in STAGES]
        self._server: subprocess.Popen[str] | None = None
        self.http = httpx.Client(base_url=self.url, timeout=20, headers={"Authorization": f"Bearer {TOKEN}"})
        self.serve()

    def _run(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "wirewatch", *arguments]
        log = (self._folder / f"{arguments[-1]}.log").open("w")
        return subprocess.Popen(command, env=self._environment | environment, stdout=log, stderr=log, text=True)

    def serve(self) -> None:
        """Start the server; returns once it answers."""
        self._server = self._run("serve", "--port", str(self.port))
        self.wait_for(self._answers)

    @contextmanager
    def second_server(self, environment: Mapping[str, str]) -> Iterator[str]:
        """Another server over the same data, with settings of its own; its address."""
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}"
        server = self._run("serve", "--only", "api", "--port", str(port), **environment)
        try:
            self.wait_for(lambda: _alive(url))
            yield url
        finally:
            server.terminate()
            server.communicate(timeout=30)

    def stop_serving(self) -> None:
        assert self._server is not None
        self._server.terminate()
        self._server.communicate(timeout=30)
        self._server = None

    def _answers(self) -> bool:
        assert self._server is not None
        assert self._server.poll() is None, (self._folder / f"{self.port}.log").read_text()
        return _alive(self.url)

    def publish(self, articles: Iterable[Mapping[str, Any]]) -> None:
        """Put articles on the log; returns once it has them."""
        every = list(articles)
        for start in range(0, len(every), _INGEST_BATCH):
            batch = every[start : start + _INGEST_BATCH]
            lines = "\n".join(json.dumps(article) for article in batch)
            answer = self.http.post("/v1/articles", content=lines, headers={"Content-Type": "application/x-ndjson"})
            assert answer.status_code == 202, answer.text

    def alerts(self) -> list[dict[str, Any]]:
        """The newest alerts, at most 500."""
        found: list[dict[str, Any]] = self.http.get("/v1/alerts", params={"limit": 500}).json()["alerts"]
        return found

    def wait_for_titles(self, *parts: str) -> None:
        """Until each of these texts stands in the title of an alert, or of another article of its story."""

        def there() -> bool:
            alerts = self.alerts()
            titles = "\n".join(each["title"] for alert in alerts for each in (alert, *alert.get("articles", ())))
            return all(part in titles for part in parts)

        self.wait_for(there)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Until it holds; a failure says what each process said last."""
        end = time.monotonic() + WAIT_SECONDS_MAX
        while not condition():
            if time.monotonic() > end:
                logs = {path.name: path.read_text()[-2000:] for path in self._folder.glob("*.log")}
                raise AssertionError(f"it did not come about; the logs end with {logs}")
            time.sleep(0.05)

    def close(self) -> None:
        """Stop every process."""
        self.http.close()
        for process in [*self._stages, *([self._server] if self._server else [])]:
            process.terminate()
        for process in [*self._stages, *([self._server] if self._server else [])]:
            process.communicate(timeout=30)
        self._redis.stop()


def _alive(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
