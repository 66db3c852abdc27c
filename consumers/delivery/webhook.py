"""The channel ``webhook``: a signed POST by the Standard Webhooks specification, to checked addresses only."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from consumers.delivery.answers import REPLY_BYTES_MAX, Answer, answered
from consumers.delivery.aside import Aside
from consumers.delivery.notification import Notification
from consumers.delivery.payload import payload
from consumers.delivery.signing import read_keys, signed
from wirewatch import __version__
from wirewatch.egress import WEBHOOK_PORTS, Target, resolve
from wirewatch.errors import Rejected, UserError
from wirewatch.harmless import clean
from wirewatch.http_client import FAILURES, connect, explained, open_client

SECONDS_MAX = 15.0
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a webhook is: its address, or the file that holds it, and the file of its keys. ``allow_private``: also in
    our own network, at any port."""

    url: str
    url_file: str
    secret_file: str
    allow_private: bool


class WebhookChannel:
    """Sends to one receiver. The files are read at every try, so that a changed key or address needs no restart."""

    def __init__(self, place: Place, *, seconds_max: float = SECONDS_MAX) -> None:
        self._place = place
        self._seconds_max = seconds_max
        self._client = open_client(seconds_max)
        self._aside: Aside[Target] = Aside("resolve")

    async def send(self, notification: Notification) -> Answer:
        """One try. Never raises for what the receiver or the network does; bounded in time. Repeating is safe: the
        receiver tells a repeat by its id."""
        started = time.perf_counter()

        def failed(outcome: str, reply: str) -> Answer:
            seconds = time.perf_counter() - started
            return Answer(outcome=outcome, reply=clean(reply)[:REPLY_BYTES_MAX], seconds=seconds)  # type: ignore[arg-type]

        try:
            async with asyncio.timeout(self._seconds_max):
                status, retry_after, reply = await self._post(notification)
        except UserError as error:
            return failed("misconfigured", str(error))
        except Rejected as rejected:
            return failed("refused", rejected.detail)
        except FAILURES as error:
            return failed(*explained(error, self._seconds_max))
        return answered(status, retry_after, reply, seconds=time.perf_counter() - started, now=datetime.now(UTC))

    async def _post(self, notification: Notification) -> tuple[int, str | None, bytes]:
        url, body = self._url(), payload(notification)
        keys = read_keys(Path(self._place.secret_file))
        headers = {
            "User-Agent": f"wirewatch/{__version__}",
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            **signed(keys, notification.id, datetime.now(UTC), body),
        }
        target = await self._aside.call(lambda: _target(url, self._place.allow_private), self._seconds_max)
        response = await connect(self._client, url, target, headers, body)
        try:
            reply = b""
            async for chunk in response.aiter_raw():
                reply += chunk
                if len(reply) >= REPLY_BYTES_MAX:
                    break
        finally:
            await response.aclose()
        return response.status_code, response.headers.get("retry-after"), reply

    def _url(self) -> str:
        if self._place.url:
            return self._place.url
        try:
            return Path(self._place.url_file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self._place.url_file}: the address cannot be read ({type(error).__name__})") from error

    async def close(self) -> None:
        """Nothing is sent any more. Repeating is safe."""
        await self._client.aclose()


def _target(url: str, allow_private: bool) -> Target:
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError) as error:
        raise UserError("the address must begin with https:// or http:// and name a host") from error
    return resolve(parts.hostname or "", port, ports=WEBHOOK_PORTS, allow_private=allow_private)
