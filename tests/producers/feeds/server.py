"""A real HTTP server on the loopback whose paths behave as servers do."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Server:
    """``answers`` maps a path to what it does; ``requests`` holds path and headers of every request."""

    url: str
    stopped: threading.Event
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)


def reply(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Answer with a status, a body, and headers (underscores are hyphens)."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        with suppress(OSError):  # the client may have had enough
            handler.wfile.write(body)

    return answer


def conditional(body: bytes, etag: str, last_modified: str) -> Answer:
    """Answer 304 to whoever sends back both validators to the letter."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        known = (handler.headers.get("If-None-Match"), handler.headers.get("If-Modified-Since"))
        if known == (etag, last_modified):
            reply(304)(handler)
        else:
            reply(200, body, ETag=etag, Last_Modified=last_modified, Content_Type="application/rss+xml")(handler)

    return answer


def gzipped(body: bytes) -> Answer:
    """The body, compressed."""
    return reply(200, gzip.compress(body), Content_Encoding="gzip")


def drip(server: Server) -> Answer:
    """Send a byte now and then, for ever."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with suppress(OSError):
            while not server.stopped.wait(0.05):
                handler.wfile.write(b"x")

    return answer


def silence(server: Server) -> Answer:
    """Say nothing until the server stops."""

    def answer(_: BaseHTTPRequestHandler) -> None:
        server.stopped.wait()

    return answer


def flapping(*answers: Answer) -> Answer:
    """One after the other, over and over."""
    turns = itertools.cycle(answers)
    return lambda handler: next(turns)(handler)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    handler.connection.shutdown(socket.SHUT_RDWR)


def cut(body: bytes) -> Answer:
    """Promise the whole body, send half of it, and close."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        reply(200, body[: len(body) // 2], Content_Length=str(len(body)))(handler)

    return answer


@contextmanager
def serving() -> Iterator[Server]:
    """The server on a free port, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.requests.append((self.path, dict(self.headers.items())))
            self.close_connection = True
            server.answers.get(self.path, reply(404))(self)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_port}", threading.Event())
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        http.shutdown()
        thread.join()
        http.server_close()
