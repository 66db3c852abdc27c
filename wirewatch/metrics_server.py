"""Serves a process's metrics on a port of its own."""

from __future__ import annotations

from prometheus_client import start_http_server

from wirewatch.errors import UserError
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings


def serve(metrics: Metrics, settings: Settings) -> None:
    """Serve ``/metrics`` from a daemon thread, unless the port is 0. Raises UserError when the port is taken."""
    if not settings.metrics_port:
        return
    try:
        start_http_server(settings.metrics_port, settings.metrics_host, registry=metrics.registry)
    except OSError as error:
        raise UserError(
            f"metrics port {settings.metrics_host}:{settings.metrics_port}: {error.strerror}: "
            "set WIREWATCH_METRICS_PORT to a free one"
        ) from error
