"""Blocking calls on a thread of their own, with a limit: one that hangs holds up nobody else's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Aside(Generic[Result]):
    """One call at a time. A shared pool of threads would fill up with calls that hang, and then delay all."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None

    async def call(self, work: Callable[[], Result], seconds_max: float) -> Result:
        """What ``work`` returns or raises; TimeoutError after ``seconds_max``, and as long as an earlier call hangs."""
        if self._thread is not None and self._thread.is_alive():
            await asyncio.sleep(0)
            raise TimeoutError("an earlier call still hangs")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()

        def tell(settle: Callable[[], None]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(lambda: None if future.done() else settle())

        def run() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
                failure = error
                tell(lambda: future.set_exception(failure))
            else:
                tell(lambda: future.set_result(result))

        # A daemon: the process may end while it hangs.
        self._thread = threading.Thread(target=run, name=self._name, daemon=True)
        self._thread.start()
        async with asyncio.timeout(seconds_max):
            return await future
