"""The only module that imports redis-py: how to connect, and what its failures mean to us.

Works with Redis 7.0 and later and with Valkey; no command newer than Redis 7.0 is used anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import redis
import redis.asyncio
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    AuthorizationError,
    BusyLoadingError,
    ClusterError,
    ConnectionError,  # noqa: A004  (redis-py's own name)
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,  # noqa: A004  (redis-py's own name)
    TryAgainError,
)
from redis.retry import Retry

from wirewatch.errors import StoreUnavailable, UserError
from wirewatch.settings import Settings

# redis-py types every answer as "now or awaitable": the calls of a synchronous client could not be typed.
Client = Any
AsyncClient = Any

SeveralSlots = redis.exceptions.ClusterCrossSlotError
"""A Redis Cluster's refusal of a command whose keys are not all in one slot."""
CONNECT_SECONDS_MAX = 5.0
ANSWER_SECONDS_MAX = 10.0
BLOCK_SECONDS_MAX = 5.0
"""Longest wait inside one blocking read; below ANSWER_SECONDS_MAX, so that silence is told from a dead server."""
_CONNECTIONS_MAX = 1 << 16

_REFUSED = (AuthenticationError, AuthenticationWrongNumberOfArgsError, AuthorizationError)
_AWAY = (ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError, OutOfMemoryError, ClusterError, TryAgainError)
# States of a server that an operator mends and that pass; redis-py has no classes for them.
_AWAY_WORDS = ("OOM", "MISCONF", "NOREPLICAS", "BUSY", "LOADING", "MASTERDOWN", "READONLY", "CLUSTERDOWN", "TRYAGAIN")


def connect(url: str) -> Client:
    """A client whose answers are text; safe to share between threads. Connects at the first call.

    Raises UserError when ``url`` is no Redis address.
    """
    return _from_url(redis.Redis, url, Retry(ExponentialBackoff(cap=0.5, base=0.05), 1))


def connect_async(url: str) -> AsyncClient:
    """Like ``connect``, for asyncio. One connection per reader that waits, as a blocking read occupies it."""
    from redis.asyncio.retry import Retry as AsyncRetry

    # redis-py would refuse the hundred and first reader; how many there may be is for the callers to say.
    retry = AsyncRetry(ExponentialBackoff(cap=0.5, base=0.05), 1)
    return _from_url(redis.asyncio.Redis, url, retry, max_connections=_CONNECTIONS_MAX)


def connect_async_shared(url: str, connections_max: int) -> AsyncClient:
    """Like ``connect_async``, for many tasks that ask briefly: they wait for one of so many connections."""
    from redis.asyncio.retry import Retry as AsyncRetry

    pool = _from_url(
        redis.asyncio.BlockingConnectionPool,
        url,
        AsyncRetry(ExponentialBackoff(cap=0.5, base=0.05), 1),
        max_connections=connections_max,
        timeout=ANSWER_SECONDS_MAX,
    )
    return redis.asyncio.Redis.from_pool(pool)


def _from_url(kind: Any, url: str, retry: Any, **options: Any) -> Any:
    try:
        return kind.from_url(
            url,
            decode_responses=True,
            protocol=2,
            socket_connect_timeout=CONNECT_SECONDS_MAX,
            socket_timeout=ANSWER_SECONDS_MAX,
            health_check_interval=30,
            # One quiet retry mends a connection that went stale; longer waits belong to the caller, who can be stopped.
            retry=retry,
            **options,
        )
    except ValueError:
        # Its own words may quote a part of the password.
        raise UserError(
            f"REDIS_URL {shown(url)!r} is no Redis address: write redis://user:password@host:6379/0 or rediss://…, "
            "with / and @ in the password as %2F and %40"
        ) from None


def shown(url: str) -> str:
    """The address without user, password and options, for messages; whatever ``url`` is."""
    scheme, separator, rest = url.partition("://")
    where = rest.partition("?")[0].rpartition("@")[2] if separator else ""
    return f"{scheme}://{where}" if where and scheme in ("redis", "rediss", "unix") else "redis"


@contextmanager
def answers() -> Iterator[None]:
    """Around every call: raises StoreUnavailable where repeating may help, UserError where credentials are wrong."""
    try:
        yield
    except NoPermissionError as error:
        raise UserError(f"Redis refused us: {error}: give this user the rights in docs/security/redis.acl") from error
    except _REFUSED as error:
        raise UserError(f"Redis refused us: {error}: check the user and password in REDIS_URL") from error
    except _AWAY as error:
        raise StoreUnavailable(f"Redis: {error}") from error
    except ResponseError as error:
        if str(error).startswith(_AWAY_WORDS):
            raise StoreUnavailable(f"Redis: {error}") from error
        raise


def address(settings: Settings) -> str:
    """The configured Redis, else the embedded one that `wirewatch up` runs in the data folder.

    The files of the TLS settings are part of it, as ``connect`` reads them. Raises UserError when there is neither, or
    for TLS settings that cannot work.
    """
    if configured := settings.redis_url.get_secret_value():
        return _with_tls_files(configured, settings)
    from wirewatch.local.valkey import url_file

    try:
        return url_file(settings.data_dir).read_text("utf-8").strip()
    except FileNotFoundError as error:
        raise UserError("no Redis: set REDIS_URL, or start `wirewatch up`") from error


# Setting to the name that redis-py reads from the address.
_TLS_FILES = {
    "redis_ssl_cafile": "ssl_ca_certs",
    "redis_ssl_certfile": "ssl_certfile",
    "redis_ssl_keyfile": "ssl_keyfile",
}


def _with_tls_files(url: str, settings: Settings) -> str:
    files = {option: path for name, option in _TLS_FILES.items() if (path := getattr(settings, name))}
    if not files:
        return url
    parts = urlsplit(url)
    if parts.scheme != "rediss":
        raise UserError(f"REDIS_SSL_ files are set, but REDIS_URL begins with {parts.scheme}://: write rediss://")
    for name, option in _TLS_FILES.items():
        if option in files and not Path(files[option]).is_file():
            raise UserError(f"{name.upper()}: there is no file {files[option]}")
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode(files))))))
