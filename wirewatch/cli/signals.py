"""SIGTERM and Ctrl-C: the first asks to stop in order, the second ends the process at once. And closed pipes."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import sys
import threading
from types import FrameType

EXIT_INTERRUPTED = 130


def stop_event() -> threading.Event:
    """An event that the first SIGTERM or SIGINT sets. Call it from the main thread.

    The second signal ends the process on the spot; that is safe at any moment, as nothing uncommitted is lost.
    """
    stop = threading.Event()
    asked: queue.SimpleQueue[None] = queue.SimpleQueue()
    again = False

    def ask(_: int, __: FrameType | None) -> None:
        nonlocal again
        if again:
            os._exit(EXIT_INTERRUPTED)
        again = True
        asked.put(None)

    def tell() -> None:
        asked.get()
        stop.set()

    # Not set by the handler: that runs in the middle of anything, also of ``stop.wait`` while it holds the event's
    # lock, for which ``set`` would then wait. A SimpleQueue is made for being used there.
    threading.Thread(target=tell, name="signals", daemon=True).start()
    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    return stop


def async_stop_event() -> asyncio.Event:
    """The same for asyncio: call it in the main thread, inside the running loop."""
    stop = asyncio.Event()

    def ask() -> None:
        if stop.is_set():
            os._exit(EXIT_INTERRUPTED)
        stop.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, ask)
    return stop


def close_stdout() -> None:
    """After a BrokenPipeError: what is still written to standard output goes nowhere, instead of failing again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
