"""The channel ``apprise``: mail, Slack, Teams, Telegram and more. The only module that imports apprise.

Addresses come from the operator's file alone: among them are ones that reach into our own network. Plain text and no
attachments; what is sent is escaped by the library for the service that gets it.
"""

from __future__ import annotations

import time
from pathlib import Path

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins.base import NotifyBase

from consumers.delivery.answers import REPLY_BYTES_MAX, Answer
from consumers.delivery.aside import Aside
from consumers.delivery.message import body, subject
from consumers.delivery.notification import Notification
from wirewatch.errors import UserError
from wirewatch.harmless import clean

SECONDS_MAX = 30.0
_GRACE_SECONDS = 2.0
_HOW = "write one address a line, such as mailto://user:password@example.org or slack://…"


class AppriseChannel:
    """Sends to the addresses of one file, which is read at every try. One that fails makes the whole try fail, and all
    of them get the next one: give each address a receiver of its own."""

    def __init__(self, url_file: str, *, seconds_max: float = SECONDS_MAX) -> None:
        self._file = Path(url_file)
        self._seconds_max = seconds_max
        self._aside: Aside[Answer] = Aside("apprise")

    async def send(self, notification: Notification) -> Answer:
        """One try. Never raises for what the service or the network does; bounded in time. A service cannot tell a
        repeat from a new message."""
        started = time.perf_counter()
        try:
            return await self._aside.call(lambda: self._notify(notification), self._seconds_max + _GRACE_SECONDS)
        except UserError as error:
            return Answer(outcome="misconfigured", reply=str(error)[:REPLY_BYTES_MAX])
        except TimeoutError as error:
            why = str(error) or f"no answer within {self._seconds_max:g} s"
            return Answer(outcome="timeout", reply=why, seconds=time.perf_counter() - started)

    def _notify(self, notification: Notification) -> Answer:
        services = self._services()
        sender = Apprise(asset=_asset(self._seconds_max))
        sender.add(services)
        started = time.perf_counter()
        result = sender.notify(
            title=subject(notification),
            body=body(notification),
            body_format=NotifyFormat.TEXT,
            notify_type=NotifyType.INFO,
            timeout=self._seconds_max,
        )
        seconds = time.perf_counter() - started
        if result:
            return Answer(outcome="delivered", seconds=seconds)
        said = "; ".join(entry.message for entry in result.logs())
        outcome = "timeout" if result.status.name == "TIMEOUT" else "failed"
        return Answer(outcome=outcome, reply=clean(said)[:REPLY_BYTES_MAX], seconds=seconds)  # type: ignore[arg-type]

    def _services(self) -> list[NotifyBase]:
        try:
            lines = self._file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self._file}: the addresses cannot be read ({type(error).__name__}): {_HOW}") from error
        found = []
        for number, line in enumerate(lines, 1):
            if (address := line.strip()) and not address.startswith("#"):
                service = Apprise.instantiate(address, asset=_asset(self._seconds_max))
                if service is None:
                    raise UserError(f"{self._file}:{number}: Apprise does not take this address: {_HOW}")
                found.append(service)
        if not found:
            raise UserError(f"{self._file}: there is no address: {_HOW}")
        return found

    async def close(self) -> None:
        """Nothing to give back."""


def _asset(seconds_max: float) -> AppriseAsset:
    return AppriseAsset(
        app_id="Wirewatch",
        app_desc="Wirewatch",
        app_url="",
        storage_mode="memory",
        service_timeout=seconds_max,
        allow_templates=False,
        secure_logging=True,
        http_redirects=False,
        interpret_escapes=False,
        interpret_emojis=False,
        pgp_autogen=False,
        pem_autogen=False,
        image_url_mask="",
        image_url_logo="",
    )
