"""What a worker process and its parent say to each other: frames over a socket pair, each a length and MessagePack."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

import msgspec

from wirewatch.broker import Message

_LENGTH = struct.Struct(">I")
_CHUNK_BYTES = 1 << 20


class Start(msgspec.Struct, frozen=True, tag=True):
    """Parent to worker, once. ``settings`` holds no secrets."""

    stage: str
    settings: dict[str, Any]
    memory_bytes_max: int
    job_seconds_max: float


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Worker to parent: everything is loaded."""


class Job(msgspec.Struct, frozen=True, tag=True):
    """Parent to worker: source records, all of which the stage can decode."""

    messages: list[Message]


class Result(msgspec.Struct, frozen=True):
    """Of one source record: the encoded output, or the reason why there is none."""

    value: bytes = b""
    reason: str | None = None
    detail: str = ""
    ours: bool = False
    """As of ``Rejected``."""


class Answer(msgspec.Struct, frozen=True, tag=True):
    """Worker to parent: one result per message of the job, in order."""

    results: list[Result]


class Failed(msgspec.Struct, frozen=True, tag=True):
    """Worker to parent, its last words: what went wrong."""

    detail: str


Frame = Start | Ready | Job | Answer | Failed

_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)


class Closed(Exception):
    """The other side is gone."""


def send(channel: socket.socket, frame: Frame, deadline: float | None = None) -> None:
    """Write a frame. Raises Closed, and TimeoutError at ``deadline`` (monotonic seconds)."""
    body = msgspec.msgpack.encode(frame)
    channel.settimeout(_remaining(deadline))
    try:
        channel.sendall(_LENGTH.pack(len(body)) + body)
    except TimeoutError:
        raise
    except OSError as error:
        raise Closed from error


def receive(channel: socket.socket, deadline: float | None = None) -> Frame:
    """The next frame. Raises Closed at the end of the stream, and TimeoutError at ``deadline`` (monotonic seconds)."""
    (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size, deadline))
    return _decoder.decode(_exactly(channel, length, deadline))


def _exactly(channel: socket.socket, size: int, deadline: float | None) -> bytearray:
    found = bytearray()
    while len(found) < size:
        channel.settimeout(_remaining(deadline))
        try:
            chunk = channel.recv(min(size - len(found), _CHUNK_BYTES))
        except TimeoutError:
            raise
        except OSError as error:
            raise Closed from error
        if not chunk:
            raise Closed
        found += chunk
    return found


def _remaining(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    if (remaining := deadline - time.monotonic()) <= 0:
        raise TimeoutError
    return remaining
