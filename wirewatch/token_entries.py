"""Bearer tokens, of which only hashes are kept: how one is made, written into the settings, and recognised."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from wirewatch.errors import UserError
from wirewatch.example_secrets import spellings

TOKEN_PREFIX = "ww_"  # noqa: S105 - tells programs that look for leaked secrets what they found
TOKEN_BYTES = 32
TOKEN_CHARS_MAX = 1_000
HASH = r"sha256:(?P<hash>[0-9a-fA-F]{64})"
"""How an entry of the settings ends."""


class Hashed(Protocol):
    """What a token is here."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the token."""


Kept = TypeVar("Kept", bound=Hashed)


def new_token() -> str:
    """256 random bits, to be shown once."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def digest(secret: str) -> bytes:
    """What is kept of a token. Fast on purpose: what is hashed is random, so guessing is hopeless all the same."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def hashed(token: str) -> str:
    """The end of the entry that lets ``token`` in."""
    return f"sha256:{digest(token).hex()}"


def entries(setting: str, inline: str, file: Path | None) -> Iterator[tuple[str, str]]:
    """Each entry of a setting (with commas) and of its file (one a line; # begins a comment), with its place.

    Raises UserError for a file that cannot be read.
    """
    for number, text in enumerate(inline.split(","), 1):
        if text.strip():
            yield f"{setting}, entry {number},", text.strip()
    if file is None:
        return
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"{setting}_FILE: {file} cannot be read: {said}") from error
    for number, line in enumerate(lines, 1):
        if text := line.partition("#")[0].strip():
            yield f"{file}:{number}", text


def checked_digest(place: str, written: str) -> bytes:
    """The hash of an entry. Raises UserError that names ``place`` for that of a token from examples."""
    found = bytes.fromhex(written)
    if found in _EXAMPLES:
        raise UserError(f"{place} is a token from examples, which everybody knows: `wirewatch tokens new` makes one")
    return found


def find(tokens: Sequence[Kept], authorization: str | None) -> Kept | None:
    """The token that an Authorization header presents; takes equally long for every wrong one."""
    scheme, _, presented = (authorization or "").strip().partition(" ")
    found = recognise(tokens, presented.strip())
    return found if scheme.lower() == "bearer" else None


def recognise(tokens: Sequence[Kept], presented: str) -> Kept | None:
    """The token that this is; takes equally long for every wrong one."""
    asked = digest(presented[:TOKEN_CHARS_MAX])
    found = None
    for token in tokens:
        if hmac.compare_digest(token.digest, asked):
            found = token
    return found


_EXAMPLES = frozenset(map(digest, spellings()))
