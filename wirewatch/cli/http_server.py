"""The HTTP server around the application: uvicorn, with limits on how long a request may take to arrive."""

from __future__ import annotations

import asyncio
import signal
import socket

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from wirewatch.settings import Settings

STOP_SECONDS_MAX = 10
HEADER_BYTES_MAX = 16_384
_TOO_LATE = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"X-Content-Type-Options: nosniff\r\nContent-Length: %d\r\n\r\n%s"
)
_TOO_LATE_BODY = b'{"reason":"timeout","detail":"the request took too long to arrive"}'


def serve(app: FastAPI, listener: socket.socket, settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish what is under way, for at most ``STOP_SECONDS_MAX``.

    A client that needs longer than ``http_request_seconds_max`` to send a request, be it by a byte now and then, gets
    408 and is cut off; connections over ``http_connections_max`` get 503.
    """

    class Protocol(_Bounded):
        seconds_max = settings.http_request_seconds_max

    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_SECONDS_MAX,
        limit_concurrency=settings.http_connections_max,
        h11_max_incomplete_event_size=HEADER_BYTES_MAX,
    )
    # Once uvicorn has stopped in order it raises the signal again; that must not turn success into a failure.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listener])


class _Bounded(H11Protocol):
    """uvicorn's protocol, which by itself waits for the rest of a request for ever."""

    seconds_max = 30.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watching()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Start the clock with the first byte that is due, not with each; stop it when the request is whole."""
        arriving = self.conn.their_state in (h11.IDLE, h11.SEND_BODY) and not self.transport.is_closing()
        idle = self.timeout_keep_alive_task is not None  # between requests, with a limit of its own
        if not arriving or idle:
            self._stop_watching()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.seconds_max, self._too_late)

    def _stop_watching(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        if self.transport.is_closing():
            return
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_TOO_LATE % (len(_TOO_LATE_BODY), _TOO_LATE_BODY))
        self.transport.close()
