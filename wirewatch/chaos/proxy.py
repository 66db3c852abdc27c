"""A TCP proxy that misbehaves on demand: drops replies, delays, goes silent, resets."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from contextlib import suppress
from typing import Literal

Mode = Literal["pass", "drop", "delay", "half-open", "reset"]
_CHUNK = 64 << 10
_DELAY_SECONDS = 0.2


class Proxy:
    """Listens on a loopback port and forwards to another one, from a thread of its own.

    ``drop``: what the server answers is thrown away and the connection then closed, so the request was done and nobody
    knows. ``delay``: 200 ± 200 ms each way. ``half-open``: bytes go nowhere, connections stay; those of that time stay
    silent for ever. ``reset``: every connection is reset, new ones too.
    """

    def __init__(self, target_port: int, seed: int) -> None:
        self._target = target_port
        self._random = random.Random(seed)  # noqa: S311 - not for secrets
        self._mode: Mode = "pass"
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def set(self, mode: Mode) -> None:
        """Behave like this from now on, until it is set again."""
        asyncio.run_coroutine_threadsafe(self._change(mode), self._loop).result(5)

    def close(self) -> None:
        """End every connection and stop listening."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, sock=self._socket)
        await self._stopping.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _change(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "half-open":
            for link in self._links:
                link.silent = True
        if mode == "reset":
            for link in list(self._links):
                link.reset()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(writer)
        self._links.add(link)
        try:
            if self._mode == "reset":
                link.reset()
                return
            link.silent = self._mode == "half-open"
            try:
                upstream, server = await asyncio.open_connection("127.0.0.1", self._target)
            except OSError:
                link.reset()
                return
            link.server = server
            await asyncio.gather(
                self._pump(reader, server, link, reply=False), self._pump(upstream, writer, link, reply=True)
            )
        finally:
            self._links.discard(link)
            link.close()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, link: _Link, *, reply: bool
    ) -> None:
        with suppress(OSError):
            while data := await source.read(_CHUNK):
                if link.silent:
                    continue
                if self._mode == "drop" and reply:
                    link.reset()
                    break
                if self._mode == "delay":
                    await asyncio.sleep(_DELAY_SECONDS + self._random.uniform(-_DELAY_SECONDS, _DELAY_SECONDS))
                sink.write(data)
                await sink.drain()
        if not link.silent:
            link.close()


class _Link:
    """Both ends of one connection."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.server: asyncio.StreamWriter | None = None
        self.silent = False

    def reset(self) -> None:
        """End it with RST on the client's side."""
        sock = self.client.get_extra_info("socket")
        if sock is not None:
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.transport.abort()
        self.close()

    def close(self) -> None:
        for writer in (self.client, self.server):
            if writer is not None:
                with suppress(OSError):
                    writer.close()
