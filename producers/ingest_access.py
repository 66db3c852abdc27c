"""Who may publish over HTTP, and how much: bearer tokens, of which only hashes are kept, and their rate limit."""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from wirewatch.errors import UsageError, UserError
from wirewatch.example_secrets import spellings
from wirewatch.settings import Settings

ANY_SOURCE = "*"
"""In place of a source: the articles name their own."""
TOKEN_PREFIX = "ww_"  # noqa: S105 - tells programs that look for leaked secrets what they found
TOKEN_BYTES = 32
TOKEN_CHARS_MAX = 1_000

_SOURCE = r"[^\s,:#*][^,:#\x00-\x1f\x7f]{0,198}[^\s,:#]|[^\s,:#]"
_ENTRY = re.compile(rf"(?P<source>{_SOURCE}):sha256:(?P<hash>[0-9a-fA-F]{{64}})")
_SETTING = "WIREWATCH_INGEST_TOKENS"


@dataclass(frozen=True, slots=True)
class Token:
    """A token that may publish; only its hash is kept. ``source`` overrides what the articles say."""

    digest: bytes
    source: str | None

    @property
    def name(self) -> str:
        """Tells senders apart where they are counted; says nothing about the secret."""
        return self.source or self.digest.hex()[:12]


def new_token() -> str:
    """256 random bits, to be shown once."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def entry(source: str, token: str) -> str:
    """What to put into the settings so that ``token`` may publish for ``source``; ``*`` for any source.

    Raises UsageError for a source that cannot stand there.
    """
    made = f"{source}:sha256:{_digest(token).hex()}"
    if not _ENTRY.fullmatch(made):
        raise UsageError(f"{source!r} cannot be a source: 1 to 200 characters, without colon, comma, # or line break")
    return made


def configured_tokens(settings: Settings) -> tuple[Token, ...]:
    """Every token of the settings and of their file; several of one source are valid at once.

    Raises UserError that names the place, never the secret, for an entry of another form, a token from examples, or one
    token for two sources.
    """
    tokens: dict[bytes, Token] = {}
    for place, text in _entries(settings):
        token = _token(place, text)
        if tokens.setdefault(token.digest, token).source != token.source:
            raise UserError(f"{place} has the token of another source: make one for each with `wirewatch tokens new`")
    return tuple(tokens.values())


def _entries(settings: Settings) -> Iterator[tuple[str, str]]:
    """Each entry with its place, e.g. ``file:line``."""
    for number, text in enumerate(settings.ingest_tokens.get_secret_value().split(","), 1):
        if text.strip():
            yield f"{_SETTING}, entry {number},", text.strip()
    file = settings.ingest_tokens_file
    if file is None:
        return
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"{_SETTING}_FILE: {file} cannot be read: {said}") from error
    for number, line in enumerate(lines, 1):
        if text := line.partition("#")[0].strip():
            yield f"{file}:{number}", text


def _token(place: str, text: str) -> Token:
    match = _ENTRY.fullmatch(text)
    if match is None:
        # Not quoted: it may be a token, written down in full.
        raise UserError(
            f"{place} is not SOURCE:sha256:HASH: `wirewatch tokens new SOURCE` makes a token, and shows what to write"
        )
    digest = bytes.fromhex(match["hash"])
    if digest in _EXAMPLES:
        raise UserError(f"{place} is a token from examples, which everybody knows: `wirewatch tokens new` makes one")
    return Token(digest, None if match["source"] == ANY_SOURCE else match["source"])


def find(tokens: Sequence[Token], authorization: str | None) -> Token | None:
    """The token that an Authorization header presents; takes equally long for every wrong one."""
    scheme, _, presented = (authorization or "").strip().partition(" ")
    digest = _digest(presented.strip()[:TOKEN_CHARS_MAX])
    found = None
    for token in tokens:
        if hmac.compare_digest(token.digest, digest):
            found = token
    return found if scheme.lower() == "bearer" else None


class RateLimit:
    """Articles per source and minute, over a sliding window, counted in this process."""

    def __init__(self, articles_per_minute: int) -> None:
        self.articles_per_minute = articles_per_minute
        self._limit = RateLimitItemPerMinute(articles_per_minute)
        self._windows = SlidingWindowCounterRateLimiter(MemoryStorage())

    def take(self, token: Token, articles: int) -> int | None:
        """Count ``articles``; None when they are within the limit, else the seconds after which to try again.

        More than ``articles_per_minute`` at once never fit.
        """
        if self._windows.hit(self._limit, token.name, cost=articles):
            return None
        reset = self._windows.get_window_stats(self._limit, token.name).reset_time
        return max(1, math.ceil(reset - time.time()))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


_EXAMPLES = frozenset(map(_digest, spellings()))
