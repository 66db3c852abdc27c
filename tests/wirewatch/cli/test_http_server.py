"""The HTTP server under hostile clients, on raw sockets: bounded time and memory."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers.ingest_access import entry
from wirewatch.cli.wiring import open_broker
from wirewatch.settings import load
from wirewatch.token_entries import new_token
from wirewatch.topics import specs

TOKEN = new_token()
SLOW_SECONDS = 1.5
CONNECTIONS_MAX = 30
HEAD = b"POST /v1/articles HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
AUTHORISED = HEAD + b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"


class Server:
    """``wirewatch serve --only ingest``, as a process."""

    def __init__(self, data_dir: Path) -> None:
        settings = load(data_dir=data_dir, partitions=2)
        admin = open_broker(settings).admin()
        admin.create_topics(specs(settings))
        admin.close()
        self.log = data_dir / "serve.log"
        environment = os.environ | {
            "WIREWATCH_DATA_DIR": str(data_dir),
            "WIREWATCH_PARTITIONS": "2",
            "WIREWATCH_INGEST_TOKENS": entry("desk", TOKEN),
            "WIREWATCH_HTTP_REQUEST_SECONDS_MAX": str(SLOW_SECONDS),
            "WIREWATCH_HTTP_CONNECTIONS_MAX": str(CONNECTIONS_MAX),
            "WIREWATCH_LOG_LEVEL": "debug",
        }
        with self.log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "wirewatch", "serve", "--only", "ingest", "--port", "0"],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )
        assert self.process.stdout is not None
        address = re.match(r"http://\S+:\d+", self.process.stdout.readline())
        assert address
        self.url = address[0]
        self.place = (urlsplit(self.url).hostname or "", urlsplit(self.url).port or 0)

    def takes(self, title: str) -> bool:
        """Whether an ordinary sender is served."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = httpx.post(
            f"{self.url}/v1/articles", json={"title": title}, headers=headers, trust_env=False, timeout=30
        )
        return answer.status_code == 202

    def says(self, sent: bytes) -> bytes:
        """All that it answers until it hangs up, or is silent though it waits for nothing more."""
        with socket.create_connection(self.place, 20) as channel:
            with suppress(ConnectionError):  # it may hang up before all is said
                channel.sendall(sent)
            return read(channel)


def read(channel: socket.socket) -> bytes:
    found = b""
    with suppress(ConnectionError):
        while chunk := channel.recv(65_536):
            found += chunk
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("serve"))
    yield started
    started.process.terminate()
    started.process.communicate(timeout=30)
    assert started.process.returncode == 0
    assert TOKEN not in started.log.read_text()


def status(answer: bytes) -> int:
    match = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(match[1]) if match else 0


CLOSE = b"Connection: close\r\n"
REFUSED: dict[str, tuple[bytes, set[int]]] = {
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 60 + b"\r\n\r\n", {400}),
    "a header without end": (
        b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
        {0, 400, 431},
    ),  # a hang-up may overtake the answer
    "headers without end": (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"A: b\r\n" * 200_000 + b"\r\n", {0, 400, 431}),
    "an address without end": (b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", {0, 400, 414, 431}),
    "NUL in a header": (b"GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", {400}),
    "two lengths": (AUTHORISED + CLOSE + b"Content-Length: 3\r\nContent-Length: 30\r\n\r\n[1]", {400}),
    "a negative length": (AUTHORISED + CLOSE + b"Content-Length: -1\r\n\r\n", {400}),
    "a length that is no number": (AUTHORISED + CLOSE + b"Content-Length: 0x10\r\n\r\n", {400}),
    "a huge length": (AUTHORISED + CLOSE + b"Content-Length: 99999999999\r\n\r\n{", {413}),
    "a length of a thousand digits": (
        AUTHORISED + CLOSE + b"Content-Length: " + b"9" * 1000 + b"\r\n\r\n{",
        {400, 413},
    ),
    "another transfer coding": (AUTHORISED + CLOSE + b"Transfer-Encoding: gzip\r\n\r\n{}", {400, 501}),
    "a chunk of no size": (AUTHORISED + CLOSE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", {400}),
    "a compressed body": (AUTHORISED + CLOSE + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", {415}),
    "no token": (HEAD + CLOSE + b"Content-Length: 2\r\n\r\n{}", {401}),
    "a wrong token": (HEAD + CLOSE + b"Authorization: Bearer x\r\nContent-Length: 2\r\n\r\n{}", {401}),
    "deep JSON": (AUTHORISED + CLOSE + b"Content-Length: 90000\r\n\r\n" + b"[" * 90_000, {422}),
    "no UTF-8": (AUTHORISED + CLOSE + b'Content-Length: 4\r\n\r\n"\xff\xfe"', {422}),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", {400}),
}


@pytest.mark.parametrize(("sent", "statuses"), REFUSED.values(), ids=REFUSED)
def test_a_hostile_request_is_refused_and_the_next_one_is_served(
    sent: bytes, statuses: set[int], server: Server, request: pytest.FixtureRequest
) -> None:
    assert status(server.says(sent)) in statuses
    assert server.takes(request.node.name)


def test_both_a_length_and_chunks_cannot_hide_a_second_request(server: Server) -> None:
    hidden = AUTHORISED + b"Content-Length: 20\r\n\r\n" + b'{"title": "smuggled"}'
    sent = AUTHORISED + CLOSE + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden
    assert len(re.findall(rb"HTTP/1\.1 \d{3} ", server.says(sent))) == 1


def test_a_request_that_comes_byte_by_byte_gets_408_however_often_a_byte_comes(server: Server) -> None:
    with socket.create_connection(server.place, 20) as channel:
        channel.settimeout(0.05)
        answer = b""
        for byte in AUTHORISED + b"X: " + b"a" * 10_000:
            try:
                channel.sendall(bytes([byte]))
                answer += channel.recv(1000)
            except TimeoutError:
                continue
            except OSError:
                break
            if answer:
                break
    assert status(answer) == 408


def test_a_body_that_never_comes_is_not_waited_for(server: Server) -> None:
    assert status(server.says(AUTHORISED + b"Content-Length: 100\r\n\r\n{")) == 408


def test_connections_over_the_limit_get_503_and_those_before_are_served_again(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(CONNECTIONS_MAX + 5):
            stack.enter_context(socket.create_connection(server.place, 20))
        answer = server.says(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert status(answer) == 503
    while status(server.says(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")) != 200:
        assert server.process.poll() is None
    assert server.takes("after the flood")


def test_a_large_body_in_small_chunks_is_refused_before_it_fills_the_memory(server: Server) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    with socket.create_connection(server.place, 20) as channel:
        channel.sendall(AUTHORISED + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        with suppress(ConnectionError):
            for _ in range(500):  # 32 MB
                channel.sendall(chunk)
        answer = read(channel)
    assert status(answer) in {413, 0}  # the hang-up may overtake the answer
    assert process.memory_info().rss - before < 20 << 20
    assert server.takes("after the large one")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sent=st.binary(max_size=200)
    | st.tuples(st.integers(0, len(AUTHORISED)), st.binary(max_size=20), st.integers(0, len(AUTHORISED))).map(
        lambda cut: AUTHORISED[: cut[0]] + cut[1] + AUTHORISED[cut[2] :] + b"Content-Length: 2\r\n\r\n{}"
    )
)
def test_whatever_is_sent_the_server_never_fails(sent: bytes, server: Server) -> None:
    with socket.create_connection(server.place, 20) as channel:
        with suppress(OSError):
            channel.sendall(sent)
            channel.shutdown(socket.SHUT_WR)
        answer = read(channel)
    assert status(answer) < 500
    assert server.process.poll() is None


def test_it_listens_on_this_machine_alone_unless_it_is_told_otherwise(server: Server) -> None:
    own = [c.laddr.ip for c in psutil.Process(server.process.pid).net_connections() if c.status == psutil.CONN_LISTEN]
    assert own == ["127.0.0.1"]
