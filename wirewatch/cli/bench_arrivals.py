"""Watches from outside where alerts arrive: the feed in Redis, the stream of events, a webhook. For benchmarks."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

from consumers.alert_feed import Wanted, follow, latest
from consumers.delivery.payload import Payload
from consumers.keys import Keys
from wirewatch.cli.wiring import open_redis
from wirewatch.records import Alert
from wirewatch.settings import Settings

CHANNELS = ("feed", "events", "webhook")
_EVENTS = "/v1/alerts/stream"
_ANSWER_SECONDS_MAX = 30


class Arrivals:
    """When each article's alert first arrived, by channel; on the monotonic clock of this process. Safe to share
    between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at: dict[str, dict[str, float]] = {channel: {} for channel in CHANNELS}

    def note(self, channel: str, article_id: str) -> None:
        """It arrived now, unless it had before."""
        now = time.monotonic()
        with self._lock:
            self._at[channel].setdefault(article_id, now)

    def of(self, channel: str) -> Mapping[str, float]:
        """Article id → when, as far as it has come."""
        with self._lock:
            return dict(self._at[channel])


@contextmanager
def watching_feed(settings: Settings, arrivals: Arrivals) -> Iterator[None]:
    """Follow the feed in Redis meanwhile."""
    client, over = open_redis(settings), threading.Event()
    keys = Keys(settings.redis_prefix)
    start = latest(client, keys)

    def watch() -> None:
        for fed in follow(client, keys, Wanted(), start):
            if fed is not None:
                arrivals.note("feed", fed.alert.article_id)
            if over.is_set():
                return

    thread = threading.Thread(target=watch, name="feed", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_ANSWER_SECONDS_MAX)
        client.close()


@contextmanager
def watching_events(port: int, arrivals: Arrivals) -> Iterator[None]:
    """Follow the API's stream of events meanwhile."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS_MAX)
    connection.request("GET", _EVENTS, headers={"Accept": "text/event-stream"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise ConnectionError(f"{_EVENTS} answered {answer.status}")
    held = connection.sock

    def watch() -> None:
        with suppress(OSError, http.client.HTTPException):  # it is closed under us at the end
            while line := answer.readline():
                if line.startswith(b"data:"):
                    with suppress(msgspec.DecodeError):  # not an alert
                        alert = msgspec.json.decode(line.removeprefix(b"data:"), type=Alert)
                        arrivals.note("events", alert.article_id)

    thread = threading.Thread(target=watch, name="events", daemon=True)
    thread.start()
    try:
        yield
    finally:
        with suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)
        thread.join(_ANSWER_SECONDS_MAX)
        connection.close()


@contextmanager
def receiving_webhooks(arrivals: Arrivals) -> Iterator[int]:
    """A receiver of webhooks on a free port of 127.0.0.1, which it yields; it takes everything."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            for alert in msgspec.json.decode(body, type=Payload).data.alerts:
                arrivals.note("webhook", alert.article_id)
            self.send_response(204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: the figures are what is shown."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="webhook", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join(_ANSWER_SECONDS_MAX)
        server.server_close()
