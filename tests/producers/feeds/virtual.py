"""An event loop whose clock jumps to the next event, and Redis for it: days of polling pass in seconds."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, Future
from typing import Any

from wirewatch.redis_client import Client

LATENCY_SECONDS = 0.01


class _Jumping(selectors.SelectSelector):
    """Never waits: where nothing is ready, time passes at once."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everything waits for ever"
            self.passed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its ``time`` begins at 0 and is as long as the timers say, not as the work takes."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.passed


class Inline(Executor):
    """Does the work where it is submitted: real threads would take real time."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  (it is the caller's)
            future.set_exception(error)
        return future


class Remote:
    """An asynchronous client of a real server, over a blocking one; each call takes some virtual time.

    Once ``dead`` it is the client of a process that was killed: no call of it is ever made or answered again.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self.dead = False

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        return lambda *args, **kwargs: self.do(lambda: getattr(self._client, name)(*args, **kwargs))

    def register_script(self, text: str) -> Callable[..., Awaitable[Any]]:
        script = self._client.register_script(text)
        return lambda keys, args: self.do(lambda: script(keys, args))

    def pipeline(self, **options: Any) -> _Pipeline:
        return _Pipeline(self, self._client.pipeline(**options))

    async def do(self, call: Callable[[], Any]) -> Any:
        await asyncio.sleep(LATENCY_SECONDS)
        if self.dead:
            await asyncio.get_running_loop().create_future()
        return call()


class _Pipeline:
    def __init__(self, remote: Remote, pipeline: Any) -> None:
        self._remote = remote
        self._pipeline = pipeline

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipeline, name)

    async def execute(self) -> Any:
        return await self._remote.do(self._pipeline.execute)
