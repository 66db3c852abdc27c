"""A token bucket: how many notifications a receiver gets in a time, with a burst allowed. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class Rate:
    """``per_minute`` on average, and up to ``burst`` at once after a pause. Both are positive."""

    per_minute: float
    burst: int


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """``tokens`` were in it at ``at``, seconds since the epoch."""

    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class Taken:
    """The bucket afterwards; ``wait_seconds`` 0: a token was taken, else there is one after so long."""

    bucket: Bucket
    wait_seconds: float


def take(bucket: Bucket | None, rate: Rate, now: float) -> Taken:
    """Take one token at ``now``, seconds since the epoch. None is a full bucket. A clock that went back gives none."""
    most = float(max(1, rate.burst))
    if bucket is None:
        return Taken(Bucket(tokens=most - 1, at=now), 0.0)
    each_second = rate.per_minute / 60
    tokens = min(most, bucket.tokens + max(0.0, now - bucket.at) * each_second)
    # Rounding may leave a token short of one by a hair, for ever.
    if tokens >= 1 - 1e-9:
        return Taken(Bucket(tokens=max(0.0, tokens - 1), at=now), 0.0)
    # A clock that went back far must not make anyone wait until then.
    return Taken(Bucket(tokens=tokens, at=now), (1 - tokens) / each_second)
