"""Follows the alert feed for every receiver and puts what it is to be told into its queue. In the making."""

from __future__ import annotations

import threading
from collections.abc import Callable

from consumers.delivery.receivers_in_use import ReceiversInUse
from wirewatch.stage import Context

_TURN_SECONDS = 1.0


def run_notifier(
    context: Context,
    receivers: ReceiversInUse,
    stop: threading.Event,
    turned: Callable[[], None] = lambda: None,
    enqueued: Callable[[str], None] = lambda _: None,
) -> None:
    """Decide for every receiver until ``stop`` is set. ``turned`` is called at every turn of the loop, ``enqueued``
    with the receiver's id after something was put into its queue, so that a sender in this process need not wait.

    Blocks: give it a thread of its own. Several processes may run it; a lease per receiver tells who decides. Raises
    StoreUnavailable when Redis is away: call it again after a pause, nothing is lost or repeated.
    """
    del context, receivers, enqueued
    while not stop.wait(_TURN_SECONDS):
        turned()
