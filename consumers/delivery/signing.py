"""Signatures by the Standard Webhooks specification. The only module that imports standardwebhooks."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from standardwebhooks.webhooks import Webhook

from wirewatch.errors import UserError

_PREFIX = "whsec_"
_BYTES_MIN, _BYTES_MAX = 24, 64
_HOW = "write whsec_ and 24 to 64 random bytes in base64, one key a line; `wirewatch delivery secret` makes one"


def new_key() -> str:
    """A fresh random key."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def read_keys(path: Path) -> tuple[str, ...]:
    """The keys of a file, one a line, in its order; more than one while they are being changed.

    Raises UserError, which names the line and never the key.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: the key cannot be read ({type(error).__name__}): {_HOW}") from error
    keys = []
    for number, line in enumerate(lines, 1):
        if key := line.strip():
            if not _is_key(key):
                raise UserError(f"{path}:{number}: this is no key: {_HOW}")
            keys.append(key)
    if not keys:
        raise UserError(f"{path}: there is no key: {_HOW}")
    return tuple(keys)


def _is_key(key: str) -> bool:
    try:
        found = base64.b64decode(key.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return key.startswith(_PREFIX) and _BYTES_MIN <= len(found) <= _BYTES_MAX


def signed(keys: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of one try at ``at``: the same id for every try, and a signature by each key, so that a receiver may
    check by the old one or the new one."""
    text = body.decode()
    signatures = [Webhook(key).sign(message_id, at, text) for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
