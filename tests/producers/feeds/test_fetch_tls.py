"""Over TLS the checked address is connected to, while the certificate is held against the name."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from producers.feeds.fetch import connect
from tests.producers.feeds.server import reply
from wirewatch.egress import Target

NAME = "feeds.example"


@dataclass(frozen=True)
class TlsServer:
    port: int
    trusting: httpx.Client
    """A client that trusts the server's certificate, which is for NAME."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TlsServer]:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed: it makes the certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = f"req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN={NAME} -addext subjectAltName=DNS:{NAME}"
    subprocess.run(
        ["openssl", *request.split(), "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply(200, (self.headers["Host"] or "").encode())(self)

        def log_message(self, *_: object) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    http.socket = context.wrap_socket(http.socket, server_side=True)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    trusted = ssl.create_default_context(cafile=str(certificate))
    with httpx.Client(trust_env=False, verify=trusted) as client:
        yield TlsServer(http.server_port, client)
    http.shutdown()
    thread.join()
    http.server_close()


def test_the_name_in_the_url_is_asked_for_and_verified(server: TlsServer) -> None:
    place = Target(NAME, server.port, ("127.0.0.1",))
    response = connect(server.trusting, f"https://{NAME}:{server.port}/", place, {})
    assert response.read() == f"{NAME}:{server.port}".encode()


def test_a_certificate_for_another_name_is_refused(server: TlsServer) -> None:
    place = Target("other.example", server.port, ("127.0.0.1",))
    with pytest.raises(httpx.ConnectError, match="certificate is not valid for"):
        connect(server.trusting, f"https://other.example:{server.port}/", place, {})


def test_the_next_address_is_tried_when_one_does_not_answer(server: TlsServer) -> None:
    place = Target(NAME, server.port, ("127.0.0.2", "127.0.0.1"))
    assert connect(server.trusting, f"https://{NAME}:{server.port}/", place, {}).status_code == 200
