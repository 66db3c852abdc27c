"""A real WebSub hub on the loopback, which verifies intents, signs what it pushes, and can be made to misbehave."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx


@dataclass
class Hub:
    """``subscribers``: callback to the form that asked for it; ``forms``: every form that came."""

    url: str
    lease: int = 864_000
    refuse: bool = False
    method: str = "sha256"
    forms: list[dict[str, str]] = field(default_factory=list)
    subscribers: dict[str, dict[str, str]] = field(default_factory=dict)
    verified: threading.Condition = field(default_factory=threading.Condition)

    def verify(self, form: dict[str, str]) -> bool:
        """Ask the callback whether it wants what ``form`` asks for; whether it does."""
        challenge = secrets.token_hex()
        about = {"hub.mode": form["hub.mode"], "hub.topic": form["hub.topic"], "hub.challenge": challenge}
        if form["hub.mode"] == "subscribe":
            about["hub.lease_seconds"] = str(self.lease)
        parts = urlsplit(form["hub.callback"])
        answer = httpx.get(urlunsplit(parts._replace(query=urlencode(about))), trust_env=False, timeout=30)
        agreed = answer.status_code == 200 and answer.text == challenge
        with self.verified:
            if agreed and form["hub.mode"] == "subscribe":
                self.subscribers[form["hub.callback"]] = form
            elif agreed:
                self.subscribers.pop(form["hub.callback"], None)
            self.verified.notify_all()
        return agreed

    def wait(self, subscribers: int) -> None:
        """Until there are so many."""
        with self.verified:
            assert self.verified.wait_for(lambda: len(self.subscribers) == subscribers, 30)

    def publish(self, body: bytes, content_type: str = "application/rss+xml", secret: str | None = None) -> list[int]:
        """Push to every subscriber; the statuses of the answers. ``secret``: sign with this one instead."""
        return [self.push(callback, body, content_type, secret) for callback in list(self.subscribers)]

    def push(self, callback: str, body: bytes, content_type: str, secret: str | None = None) -> int:
        key = (secret or self.subscribers[callback]["hub.secret"]).encode()
        signature = hmac.new(key, body, getattr(hashlib, self.method)).hexdigest()
        headers = {"Content-Type": content_type, "X-Hub-Signature": f"{self.method}={signature}"}
        return httpx.post(callback, content=body, headers=headers, trust_env=False, timeout=60).status_code


@contextmanager
def hubbing() -> Iterator[Hub]:
    """The hub on a free port, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            hub.forms.append(form)
            self.send_response(500 if hub.refuse else 202)
            self.end_headers()
            if not hub.refuse:
                thread = threading.Thread(target=verify, args=(form,))
                verifying.append(thread)
                thread.start()

        def log_message(self, *_: object) -> None:
            pass

    def verify(form: dict[str, str]) -> None:
        with suppress(httpx.HTTPError):  # the subscriber may be gone
            hub.verify(form)

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub = Hub(f"http://127.0.0.1:{http.server_port}/")
    verifying: list[threading.Thread] = []
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        http.shutdown()
        http.server_close()
        for each in (thread, *verifying):
            each.join()
