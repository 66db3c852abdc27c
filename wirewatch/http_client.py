"""HTTP requests to checked addresses. The only module that imports httpx.

What wirewatch/egress.py has checked is what is connected to: a name is never resolved a second time.
"""

from __future__ import annotations

import socket
import ssl
from functools import cache

import httpx

from wirewatch.egress import Target

Client = httpx.AsyncClient
Response = httpx.Response
FAILURES = (httpx.HTTPError, httpx.InvalidURL, OSError)
"""What a request may raise, TimeoutError included: the server's or the network's doing, never a fault of ours."""


def open_client(seconds_max: float) -> Client:
    """A client that follows no redirect and no proxy, and keeps no connection.

    A proxy from the environment would resolve the name again, past our check; a kept connection was verified for one
    host, and must not serve another at the same address.
    """
    return httpx.AsyncClient(
        verify=_authorities(),
        trust_env=False,
        follow_redirects=False,
        timeout=seconds_max,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
    )


@cache
def _authorities() -> ssl.SSLContext:
    """Loaded once: it takes memory and time, and every receiver has a client of its own."""
    return httpx.create_ssl_context(trust_env=False)


async def connect(
    client: Client, url: str, place: Target, headers: dict[str, str], body: bytes | None = None
) -> Response:
    """Send a GET, or a POST of ``body``, to the addresses of ``place``, in turn until one answers.

    The body of the answer is still unread: close it. The name in ``url`` goes into the Host header and the TLS
    handshake only: it is not resolved again, and the certificate must be for it. Raises one of FAILURES.
    """
    asked = httpx.URL(url)
    name = asked.raw_host.decode("ascii")
    last: httpx.ConnectError | None = None
    for address in place.addresses:
        request = client.build_request(
            "GET" if body is None else "POST",
            asked.copy_with(host=address, username=None, password=None),
            headers=headers | {"Host": asked.netloc.decode("ascii")},
            content=body,
            extensions={"sni_hostname": name},
        )
        try:
            return await client.send(request, stream=True)
        except httpx.ConnectError as error:
            last = error
    raise last or httpx.ConnectError(f"{name} has no address")


def explained(error: Exception, seconds_max: float) -> tuple[str, str]:
    """One of FAILURES as a fixed word, ``timeout`` or ``connection``, and a sentence for people."""
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "timeout", f"{type(error).__name__} within {seconds_max:g} s"
    if isinstance(error, socket.gaierror):
        # The resolver's own words, without its numbers: "Name or service not known".
        return "connection", f"the host is not found: {error.strerror or error}"
    return "connection", f"{type(error).__name__}: {error}"
