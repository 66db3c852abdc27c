"""The proxy misbehaves towards a real Redis as it was told, and behaves again afterwards."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from wirewatch.chaos.proxy import Proxy

_PING = b"PING\r\n"


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    proxy = Proxy(urlsplit(redis_url).port or 0, seed=1)
    yield proxy
    proxy.close()


def _connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), 5)


def _ask(connection: socket.socket, request: bytes = _PING) -> bytes:
    connection.sendall(request)
    return connection.recv(100)


def test_it_passes_both_ways(proxy: Proxy) -> None:
    with _connect(proxy) as connection:
        assert _ask(connection) == b"+PONG\r\n"


def test_a_dropped_reply_is_of_a_request_that_was_done(proxy: Proxy) -> None:
    with _connect(proxy) as connection:
        assert _ask(connection) == b"+PONG\r\n"
        proxy.set("drop")
        connection.sendall(b"INCR n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(100)
    proxy.set("pass")
    with _connect(proxy) as connection:
        assert _ask(connection, b"GET n\r\n") == b"$1\r\n1\r\n"


def test_a_half_open_connection_stays_silent_for_ever_and_new_ones_work(proxy: Proxy) -> None:
    with _connect(proxy) as stale:
        assert _ask(stale) == b"+PONG\r\n"
        proxy.set("half-open")
        proxy.set("pass")
        stale.settimeout(0.3)
        with pytest.raises(TimeoutError):
            _ask(stale)
        with _connect(proxy) as fresh:
            assert _ask(fresh) == b"+PONG\r\n"


def test_a_reset_ends_the_connections_there_are_and_those_that_come(proxy: Proxy) -> None:
    with _connect(proxy) as connection:
        assert _ask(connection) == b"+PONG\r\n"
        proxy.set("reset")
        with pytest.raises(ConnectionResetError):
            connection.recv(100)
    with pytest.raises(ConnectionResetError), _connect(proxy) as connection:
        connection.recv(100)


def test_a_delay_still_answers_everything_in_order(proxy: Proxy) -> None:
    with _connect(proxy) as connection:
        proxy.set("delay")
        started = time.monotonic()
        assert [_ask(connection, b"ECHO %d\r\n" % n) for n in range(3)] == [b"$1\r\n%d\r\n" % n for n in range(3)]
        assert time.monotonic() > started
