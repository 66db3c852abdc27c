"""Who may publish over HTTP, and how much: bearer tokens and their rate limit."""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter


@dataclass(frozen=True, slots=True)
class Token:
    """A token that may publish; only its hash is kept. ``source`` overrides what the articles say."""

    digest: bytes
    source: str | None

    @property
    def name(self) -> str:
        """Tells tokens apart where they are counted; says nothing about the secret."""
        return self.source or self.digest.hex()[:12]


def parse_tokens(setting: str) -> tuple[Token, ...]:
    """The tokens in ``source-id:token,source-id:token,…``; without ``source-id:`` the articles name their source."""
    tokens = []
    for entry in setting.split(","):
        source, colon, secret = entry.strip().rpartition(":")
        if secret:
            tokens.append(Token(_digest(secret), source.strip() if colon and source.strip() else None))
    return tuple(tokens)


def find(tokens: Sequence[Token], authorization: str | None) -> Token | None:
    """The token that an Authorization header presents; takes equally long for every wrong one."""
    scheme, _, presented = (authorization or "").strip().partition(" ")
    digest = _digest(presented.strip())
    found = None
    for token in tokens:
        if hmac.compare_digest(token.digest, digest):
            found = token
    return found if scheme.lower() == "bearer" else None


class RateLimit:
    """Articles per token and minute, over a sliding window, counted in this process."""

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
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
