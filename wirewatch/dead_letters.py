"""Dead letters: what could not be processed, kept as the bytes it came as, with reason and origin in headers.

Everything that rejects input sends it here (producers, the HTTP ingest, the runner), and ``wirewatch dlq`` reads it
back, so that no bad record stops a stage or is lost.
"""

from __future__ import annotations

import msgspec

from wirewatch import __version__
from wirewatch.broker import Delivery, Headers, Message, Producer
from wirewatch.topics import DEAD_LETTERS

# Kafka's own limit for a message is 1,048,588 bytes; the rest is room for the headers.
VALUE_BYTES_MAX = 1_000_000
DETAIL_CHARS_MAX = 1000
EXCEPTION_BYTES_MAX = 1024


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """The headers of a dead letter. ``None``: the header is missing, or holds nothing that can be read."""

    reason: str
    detail: str = ""
    stage: str = ""
    """Who rejected it: ``publish``, ``feeds``, ``ingest``, or the name of a consumer's stage."""
    origin: str | None = None
    """Where the input came from, for people: ``file:line``, a URL, an HTTP client."""
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    timestamp_ms: int | None = None
    """Topic, partition, offset and time stamp (milliseconds since the epoch) of the message that was rejected."""
    exception: str | None = None
    attempts: int = 1
    version: str | None = None
    """Version of Wirewatch that rejected it."""
    cut_from: int | None = None
    """Size of the original in bytes, where it was too large to be kept whole."""


def send(
    producer: Producer,
    *,
    value: bytes,
    reason: str,
    detail: str,
    stage: str,
    origin: str | None = None,
    message: Message | None = None,
    exception: BaseException | None = None,
    attempts: int = 1,
    key: bytes | None = None,
) -> Delivery:
    """Queue ``value``, the original bytes (at most VALUE_BYTES_MAX of them), for the dead-letter topic.

    ``message`` is the broker message that was rejected, if there is one; its key is kept unless ``key`` is given.
    Like every send it is safe only after ``flush``: flush and check the delivery before the original is let go.
    A repeat makes a second dead letter with the same origin.
    """
    letter = DeadLetter(
        reason=reason,
        detail=detail[:DETAIL_CHARS_MAX],
        stage=stage,
        origin=origin,
        topic=message.topic if message else None,
        partition=message.partition if message else None,
        offset=message.offset if message else None,
        timestamp_ms=message.timestamp_ms if message else None,
        exception=_shown(exception) if exception else None,
        attempts=attempts,
        version=__version__,
        cut_from=len(value) if len(value) > VALUE_BYTES_MAX else None,
    )
    if key is None and message is not None:
        key = message.key
    return producer.send(DEAD_LETTERS.name, value[:VALUE_BYTES_MAX], key=key, headers=to_headers(letter))


def to_headers(letter: DeadLetter) -> Headers:
    """One ``dlq.`` header per field that is known, as UTF-8 text."""
    return tuple(
        (f"dlq.{_header(field)}", str(value).encode("utf-8", "backslashreplace"))
        for field in letter.__struct_fields__
        if (value := getattr(letter, field)) is not None
    )


def parse_headers(message: Message) -> DeadLetter:
    """The dead letter's headers. Never raises: whatever wrote the message, a person must be able to look at it."""
    return DeadLetter(
        reason=_text(message, "reason") or "unknown",
        detail=_text(message, "detail") or "",
        stage=_text(message, "stage") or "",
        origin=_text(message, "origin"),
        topic=_text(message, "topic"),
        partition=_number(message, "partition"),
        offset=_number(message, "offset"),
        timestamp_ms=_number(message, "timestamp_ms"),
        exception=_text(message, "exception"),
        attempts=_number(message, "attempts") or 1,
        version=_text(message, "version"),
        cut_from=_number(message, "cut_from"),
    )


def _header(field: str) -> str:
    return "timestamp" if field == "timestamp_ms" else field


def _shown(exception: BaseException) -> str:
    text = f"{type(exception).__name__}: {exception}"
    return text.encode("utf-8", "backslashreplace")[:EXCEPTION_BYTES_MAX].decode("utf-8", "ignore")


def _text(message: Message, field: str) -> str | None:
    value = message.header(f"dlq.{_header(field)}")
    return None if value is None else value.decode("utf-8", "replace")


def _number(message: Message, field: str) -> int | None:
    text = _text(message, field)
    # Kafka's numbers have at most 19 digits; int() itself is slow on, and from 4,300 digits refuses, longer ones.
    return int(text) if text is not None and len(text) <= 19 and text.isascii() and text.isdigit() else None
