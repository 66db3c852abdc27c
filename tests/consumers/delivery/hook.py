"""A real HTTP server on the loopback that takes webhooks as a customer's would: it checks every signature."""

from __future__ import annotations

import json
import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from consumers.delivery.signing import new_key

Mood = Callable[["Hook", BaseHTTPRequestHandler], bool]
"""Answers instead of the receiver (True), or leaves it to it (False)."""


def status(code: int, **headers: str) -> Mood:
    """Answer with a status and headers (underscores are hyphens)."""

    def answer(_: Hook, handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(code)
        for name, value in ({"Content-Length": "0"} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        return True

    return answer


def silent(hook: Hook, _: BaseHTTPRequestHandler) -> bool:
    """Say nothing for longer than anyone waits."""
    hook.stopped.wait(2)
    return True


def reset(_: Hook, handler: BaseHTTPRequestHandler) -> bool:
    """Close the connection without a word."""
    handler.connection.close()
    return True


def well(_: Hook, __: BaseHTTPRequestHandler) -> bool:
    return False


def failing(share: float, seed: int) -> Mood:
    """That share of requests ends in one of the ways in which servers fail, the same for the same seed."""
    chance = random.Random(seed)
    lock = threading.Lock()
    ways = (status(500), status(503), silent, reset, status(429, Retry_After="1"), status(302, Location="/else"))

    def answer(hook: Hook, handler: BaseHTTPRequestHandler) -> bool:
        with lock:
            way = chance.choice(ways) if chance.random() < share else well
        return way(hook, handler)

    return answer


@dataclass
class Hook:
    """``taken``: bodies by message id, of those answered with 204; ``refused``: what did not carry our signature."""

    url: str
    key: str
    secret_file: Path
    mood: Mood = well
    taken: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    refused: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, condition: Callable[[], bool], seconds_max: float = 60) -> None:
        """Until the condition holds, looked at after every request."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds_max), f"taken {len(self.taken)}, asked {len(self.asked)}"

    def _take(self, headers: dict[str, str], body: bytes) -> bool:
        try:
            Webhook(self.key).verify(body, headers)
        except WebhookVerificationError:
            self.refused += 1
            return False
        self.taken[headers["webhook-id"]].append(json.loads(body))
        return True

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers["Content-Length"])
        body = handler.rfile.read(length)
        if len(body) < length:  # who sent it was killed meanwhile: HTTP calls this no request
            return
        headers = {name.lower(): value for name, value in handler.headers.items()}
        handled = self.mood(self, handler)
        with self._changed:
            self.asked.append((headers, body))
            if not handled:
                status(204 if self._take(headers, body) else 401)(self, handler)
            self._changed.notify_all()


@contextmanager
def receiving(folder: Path, mood: Mood = well) -> Iterator[Hook]:
    """The server on a free port, with a key of its own, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.close_connection = True
            with suppress(OSError):  # the sender may have had enough
                hook.handle(self)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    folder.mkdir(parents=True, exist_ok=True)
    secret_file = folder / f"key-{http.server_port}"
    hook = Hook(f"http://127.0.0.1:{http.server_port}/hook", new_key(), secret_file, mood)
    secret_file.write_text(hook.key)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hook
    finally:
        hook.stopped.set()
        http.shutdown()
        http.server_close()
        thread.join()
