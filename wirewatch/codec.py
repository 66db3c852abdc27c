"""Bytes to records, validated once, at the edge."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

import msgspec

from wirewatch.errors import Rejected
from wirewatch.topics import Topic

R = TypeVar("R")


@cache
def _decoder(topic: Topic[R]) -> msgspec.json.Decoder[R]:
    return msgspec.json.Decoder(topic.record)


def decode(topic: Topic[R], value: bytes) -> R:
    """The record in ``value``.

    Raises Rejected (``undecodable``: not JSON or not UTF-8; ``invalid``: a field is missing or has the wrong type);
    the caller dead-letters the bytes. Unknown fields are ignored, so newer writers do not stop older readers.
    """
    decoder: msgspec.json.Decoder[Any] = _decoder(topic)
    try:
        return decoder.decode(value)  # type: ignore[no-any-return]
    except msgspec.ValidationError as error:
        raise Rejected("invalid", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected("undecodable", str(error)) from error
