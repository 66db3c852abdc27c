"""Over TLS the checked address is connected to, while the certificate is held against the name."""

from __future__ import annotations

import asyncio
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

from tests.producers.feeds.server import reply
from wirewatch.egress import Target
from wirewatch.http_client import connect

NAME = "feeds.example"


@dataclass(frozen=True)
class TlsServer:
    port: int
    trusted: ssl.SSLContext
    """Trusts the server's certificate, which is for NAME."""

    def get(self, name: str, *addresses: str) -> httpx.Response:
        async def once() -> httpx.Response:
            async with httpx.AsyncClient(trust_env=False, verify=self.trusted) as client:
                place = Target(name, self.port, addresses)
                response = await connect(client, f"https://{name}:{self.port}/", place, {})
                await response.aread()
                return response

        return asyncio.run(once())


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
    yield TlsServer(http.server_port, trusted)
    http.shutdown()
    thread.join()
    http.server_close()


def test_the_name_in_the_url_is_asked_for_and_verified(server: TlsServer) -> None:
    assert server.get(NAME, "127.0.0.1").content == f"{NAME}:{server.port}".encode()


def test_a_certificate_for_another_name_is_refused(server: TlsServer) -> None:
    with pytest.raises(httpx.ConnectError, match="certificate is not valid for"):
        server.get("other.example", "127.0.0.1")


def test_the_next_address_is_tried_when_one_does_not_answer(server: TlsServer) -> None:
    assert server.get(NAME, "127.0.0.2", "127.0.0.1").status_code == 200
