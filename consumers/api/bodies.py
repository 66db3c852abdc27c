"""Bodies of requests: JSON of a bounded size, decoded into records, with what is wrong named by its place."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from consumers.api.answers import Problem, RefusedError
from wirewatch import request_body

BODY_BYTES_MAX = 65_536

Body = TypeVar("Body", bound=msgspec.Struct)
_PLACE = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<place>.*)`)?", re.DOTALL)


def body(kind: type[Body], bytes_max: int = BODY_BYTES_MAX, *, needed: bool = True) -> Any:
    """For endpoints: ``Annotated[Kind, body(Kind)]``. Ends the request with 413, 415 or 422 when it is none.

    Without ``needed`` an empty body is the record with every default.
    """

    async def read(request: Request) -> Body:
        try:
            data = await request_body.read(request, bytes_max)
        except ClientDisconnect:
            # Nobody reads this answer.
            raise RefusedError(400, "incomplete", "the body ended too early") from None
        if data is None:
            headers = {"Connection": "close"}  # what stops the rest of the body from coming
            raise RefusedError(413, "too-large", f"send at most {bytes_max:,} bytes", headers=headers)
        if not data and not needed:
            return kind()
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise RefusedError(415, "media-type", "send JSON, with the header Content-Type: application/json")
        return decode(data, kind)

    return Depends(read)


def decode(data: bytes, kind: type[Body]) -> Body:
    """The record. Raises RefusedError with 422 and the place of the first thing that is wrong."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        matched = _PLACE.fullmatch(str(error))
        what, place = (matched["what"], matched["place"] or "") if matched else (str(error), "")
        raise invalid(f"body{place}", what) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise invalid("body", "this is no JSON") from error


def invalid(where: str, what: str) -> RefusedError:
    """The refusal of one value, e.g. of ``body.ends`` or ``query.since``."""
    return RefusedError(422, "invalid", f"{where}: {what}", problems=(Problem(where=where, what=what),))
