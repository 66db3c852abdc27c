"""The body of an HTTP request, of a bounded size."""

from __future__ import annotations

from starlette.requests import Request


async def read(request: Request, bytes_max: int) -> bytes | None:
    """The body as it came; None as soon as it is over ``bytes_max``, not when all of it is in memory.

    Raises ClientDisconnect when it ends too early.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            return None
    return bytes(body)
