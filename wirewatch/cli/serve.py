"""``wirewatch serve``: the API and the HTTP ingest, on one port."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import click
from fastapi import APIRouter, FastAPI

from consumers.api.access import Door, is_loopback
from consumers.api.app import create_app, reading_routers
from consumers.api.backend import open_backend
from consumers.api.gate import Gate
from consumers.api.tokens import configured
from producers import ingest, websub_endpoint
from producers.apart_pool import ApartPool
from producers.feeds.board import RedisBoard
from producers.feeds.fetch import Fetcher
from producers.feeds.intake import THREADS, Intake
from producers.feeds.pages import Pages
from wirewatch import logs, metrics_server
from wirewatch.broker import Broker, Producer
from wirewatch.cli import http_server
from wirewatch.cli.wiring import open_broker
from wirewatch.errors import UserError
from wirewatch.metrics import Metrics
from wirewatch.rate_limit import RateLimit
from wirewatch.redis_client import address, answers, connect, connect_async
from wirewatch.settings import Settings, load
from wirewatch.topics import ARTICLES

_BACKLOG = 1024


@click.command(
    epilog="Examples: `wirewatch serve`, `wirewatch serve --only api --port 0`; "
    "then `curl -N http://127.0.0.1:8080/v1/alerts/stream`."
)
@click.option("--only", type=click.Choice(["api", "ingest"]), help="Only reading (api), or only publishing (ingest).")
@click.option("--host", help="Address to listen on. Default: WIREWATCH_HTTP_HOST.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port; 0 takes a free one. Default: WIREWATCH_HTTP_PORT.")
def command(only: str | None, host: str | None, port: int | None) -> None:
    """Serve the API until stopped: publish articles, read alerts and counters, follow the alert stream.

    Ctrl-C or SIGTERM finishes the requests under way, for at most 10 seconds.
    """
    settings = load()
    logs.configure(settings, process="serve")
    metrics = Metrics().with_process_metrics()
    metrics_server.serve(metrics, settings)
    with ExitStack() as stack:
        listener = stack.enter_context(
            _listening(host or settings.http_host, settings.http_port if port is None else port)
        )
        name, real_port = listener.getsockname()[:2]
        gate = _gate(settings, name)
        app = stack.enter_context(_application(settings, metrics, only, gate))
        click.echo(f"http://{f'[{name}]' if ':' in name else name}:{real_port}/ names the endpoints")
        if only != "ingest" and not gate.door.anonymous and not gate.door.tokens:
            click.echo("The API lets nobody in: `wirewatch tokens new NAME --role admin` makes a token", err=True)
        http_server.serve(app, listener, settings)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Listens before the address is said, so that it answers. Raises UserError when it is taken."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(_BACKLOG)
    except OSError as error:
        raise UserError(f"{host}:{port}: {error.strerror}: choose others with --host and --port") from error
    try:
        yield listener
    finally:
        listener.close()


def _gate(settings: Settings, listens_on: str) -> Gate:
    """Raises UserError for API tokens that are none."""
    limit = settings.api_requests_per_minute
    door = Door(configured(settings), loopback=is_loopback(listens_on))
    return Gate(door, RateLimit(limit) if limit else None)


@contextmanager
def _application(settings: Settings, metrics: Metrics, only: str | None, gate: Gate) -> Iterator[FastAPI]:
    """The application with its clients opened; they are closed at the end. Raises UserError, BrokerUnavailable."""
    broker = open_broker(settings)
    routers: list[APIRouter] = []
    checks: dict[str, Callable[[], object]] = {"broker": lambda: _broker_answers(broker)}
    at_end: list[Callable[[], Awaitable[None]]] = []
    with ExitStack() as stack:
        if only != "ingest":
            url = address(settings)
            client, stream_client = connect(url), connect_async(url)
            stack.callback(client.close)
            at_end.append(stream_client.aclose)
            checks["redis"] = lambda: _redis_answers(client)
            routers += reading_routers(open_backend(settings, metrics, client, stream_client, broker.admin))
        if only != "api":
            producer = broker.producer()
            stack.callback(producer.close)
            routers.append(ingest.router(producer, settings, metrics))
            if settings.websub_url:
                pushes, close_pushes = _for_hubs(producer, settings, metrics, stack)
                routers.append(pushes)
                at_end.append(close_pushes)

        async def end() -> None:
            for close in at_end:
                await close()

        yield create_app(metrics, routers, checks, gate, end)


def _for_hubs(
    producer: Producer, settings: Settings, metrics: Metrics, stack: ExitStack
) -> tuple[APIRouter, Callable[[], Awaitable[None]]]:
    """The routes for WebSub hubs, and what closes their connections."""
    client = connect_async(address(settings))
    board = RedisBoard(client, settings)
    fetcher = Fetcher(settings)
    parse = stack.enter_context(ApartPool())
    threads = stack.enter_context(ThreadPoolExecutor(THREADS, "push"))
    intake = Intake(
        producer=producer,
        parse=parse,
        settings=settings,
        metrics=metrics,
        marks=board,
        fetcher=fetcher,
        pages=Pages(fetcher, settings, metrics, threads, parse),
        threads=threads,
    )

    async def close() -> None:
        await fetcher.close()
        await client.aclose()

    return websub_endpoint.router(intake, client, settings, metrics), close


def _redis_answers(client: Any) -> None:
    with answers():
        client.ping()


def _broker_answers(broker: Broker) -> None:
    """Raises BrokerUnavailable when it does not answer, UserError when the topics are not there."""
    admin = broker.admin()
    try:
        if not admin.partitions(ARTICLES.name):
            raise UserError(f"there is no topic {ARTICLES.name}: run `wirewatch topics create`")
    finally:
        admin.close()
