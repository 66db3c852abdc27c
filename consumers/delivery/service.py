"""The service ``deliver``: decides what receivers are told, and sends it."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable

import structlog

from consumers.delivery.channel import open_channel
from consumers.delivery.notification import ReceiverKeys
from consumers.delivery.notifier import run_notifier
from consumers.delivery.outcomes import Observer
from consumers.delivery.queue import Queue
from consumers.delivery.receivers import Receiver
from consumers.delivery.receivers_in_use import ReceiversInUse
from consumers.delivery.sender import Policy, Sender
from wirewatch.errors import StoreUnavailable
from wirewatch.redis_client import AsyncClient, address, connect_async_shared
from wirewatch.stage import Context, Service

_LOOK_SECONDS = 0.25
_PAUSE_SECONDS = 1.0
_CONNECTIONS_MAX = 16
_JOIN_SECONDS_MAX = 3.0
_STOP_SECONDS_MAX = 8.0
"""What is being sent when we are told to stop gets so long to end; below what a supervisor allows."""

log = structlog.get_logger(__name__)


class _Both:
    """Tells the watchdog of a turn once both, the notifier and the senders, have made one."""

    def __init__(self, turned: Callable[[], None]) -> None:
        self._turned = turned
        self._lock = threading.Lock()
        self._seen: set[str] = set()

    def turn(self, who: str) -> None:
        with self._lock:
            self._seen.add(who)
            if len(self._seen) == 2:
                self._seen.clear()
                self._turned()


class _Notifying:
    """The notifier on a thread of its own, called again after a pause when Redis is away."""

    def __init__(
        self,
        context: Context,
        receivers: ReceiversInUse,
        stop: threading.Event,
        turned: Callable[[], None],
        enqueued: Callable[[str], None],
    ) -> None:
        self.failure: BaseException | None = None
        self._run: Callable[[], None] = lambda: run_notifier(context, receivers, stop, turned, enqueued)
        self._stop = stop
        self._turned = turned
        self._thread = threading.Thread(target=self._work, name="notifier", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._stop.is_set():
            self._turned()
            try:
                self._run()
            except StoreUnavailable as error:
                log.warning("the notifier waits for Redis", error=str(error))
                self._stop.wait(_PAUSE_SECONDS)
            except BaseException as error:  # noqa: BLE001 - raised again in the main thread
                self.failure = error
                return

    def join(self, seconds_max: float) -> None:
        self._thread.join(seconds_max)


class _Sending:
    """A task for each receiver in use, as the file changes."""

    def __init__(self, context: Context, client: AsyncClient) -> None:
        self._context = context
        self._client = client
        self._running: dict[Receiver, tuple[Sender, asyncio.Task[None]]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def follow(self, receivers: tuple[Receiver, ...]) -> None:
        """Start senders of new receivers, end those of receivers that are gone or changed."""
        for receiver in set(self._running) - set(receivers):
            sender, task = self._running.pop(receiver)
            sender.stop()
            self._ending.add(task)
        for receiver in receivers:
            if receiver not in self._running:
                sender = self._sender(receiver, Policy.of(self._context.settings, len(receivers)))
                task = asyncio.create_task(sender.run(), name=f"send to {receiver.id}")
                self._running[receiver] = sender, task
                log.info("sending to a receiver", receiver=receiver.id, channel=receiver.kind)
        for task in [*self._ending, *(task for _, task in self._running.values())]:
            if task.done():
                self._ending.discard(task)
                task.result()  # raises what ended it

    def _sender(self, receiver: Receiver, policy: Policy) -> Sender:
        settings = self._context.settings
        return Sender(
            receiver,
            open_channel(receiver, settings),
            Queue(self._client, ReceiverKeys(settings.redis_prefix, receiver.id)),
            Observer(self._context.metrics, receiver.id),
            policy,
            secrets.token_hex(8),
        )

    def wake(self, receiver_id: str) -> None:
        for receiver, (sender, _) in self._running.items():
            if receiver.id == receiver_id:
                sender.wake()

    async def close(self) -> None:
        """End all senders; what is being sent gets a while to end."""
        tasks = set(self._ending)
        for sender, task in self._running.values():
            sender.stop()
            tasks.add(task)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_STOP_SECONDS_MAX)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(context: Context, stop: threading.Event, turned: Callable[[], None]) -> None:
    receivers = ReceiversInUse(context.settings)
    if not receivers.current().receivers:
        log.info("there are no receivers: nobody is told of alerts; see WIREWATCH_RECEIVERS and seeds/receivers.yaml")
    both = _Both(turned)
    loop = asyncio.get_running_loop()
    client = connect_async_shared(address(context.settings), _CONNECTIONS_MAX)
    sending = _Sending(context, client)
    over = threading.Event()
    notifying = _Notifying(
        context,
        receivers,
        over,
        lambda: both.turn("notifier"),
        lambda receiver_id: _from_thread(loop, lambda: sending.wake(receiver_id)),
    )
    try:
        while not stop.is_set():
            if notifying.failure is not None:
                raise notifying.failure
            sending.follow(receivers.current().receivers)
            both.turn("senders")
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        over.set()
        await sending.close()
        notifying.join(_JOIN_SECONDS_MAX)
        await client.aclose()


def _from_thread(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)


def _run(context: Context, stop: threading.Event, turned: Callable[[], None]) -> None:
    asyncio.run(_serve(context, stop, turned))


DELIVER = Service(
    name="deliver",
    summary="tells receivers of alerts: decides what each is told, and sends it until the receiver has it",
    reads="the feed of alerts in Redis",
    writes="a queue per receiver in Redis; webhooks, mail, chats",
    run=_run,
)
