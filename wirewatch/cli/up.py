"""``wirewatch up``: everything on this machine, or with ``--once`` the samples through everything, and a report."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from rich.console import Console

from producers.ingest_access import ANY_SOURCE, configured_tokens, entry
from wirewatch.cli.consume import tend_until
from wirewatch.cli.render import terminal
from wirewatch.cli.signals import stop_event
from wirewatch.cli.wiring import open_broker
from wirewatch.local import machine
from wirewatch.local.lock import only_one
from wirewatch.local.ports import free_ports
from wirewatch.settings import Settings, load
from wirewatch.topics import specs

SERVE = "serve"


@click.command(
    epilog="Examples: `wirewatch up --once` shows it at work; `wirewatch up` keeps it running; "
    "`wirewatch up --kafka local` does so on a real Apache Kafka of its own; "
    "`KAFKA_BOOTSTRAP_SERVERS=host:9092 REDIS_URL=redis://host wirewatch up` uses yours."
)
@click.option("--once", "only_once", is_flag=True, help="Feed the sample articles, print alerts and counters, stop.")
@click.option(
    "--kafka",
    type=click.Choice(["local"]),
    help="local: fetch Apache Kafka, run it here, stop it at the end (needs Java 17 and Maven).",
)
@click.option("--keep", is_flag=True, help="With --once: keep the data in the data folder instead of a temporary one.")
def command(only_once: bool, kafka: str | None, keep: bool) -> None:
    """Run everything on this machine: broker, Redis, every stage, the API.

    Broker and Redis are embedded unless KAFKA_BOOTSTRAP_SERVERS and REDIS_URL name yours.
    Ctrl-C or SIGTERM stops all of it in order; the data stay, and the next `up` goes on where this one stopped.
    """
    settings = load()
    console = terminal()
    stop = stop_event()
    with ExitStack() as stack:
        if only_once and not keep:
            settings = stack.enter_context(_temporary_data(settings))
        stack.enter_context(only_one(settings.data_dir))
        say = _sayer(console)
        servers = stack.enter_context(machine.servers(settings, local_kafka=kafka == "local", say=say))
        _create_topics(servers.settings, say)
        if only_once:
            from wirewatch.cli import once

            once.run(servers, console, stop)
        else:
            _keep_running(servers, console, stop)


def _keep_running(servers: machine.Servers, console: Console, stop: threading.Event) -> None:
    from consumers.stages import STAGES

    settings = servers.settings
    own_token = not configured_tokens(settings)
    tokens = {"WIREWATCH_INGEST_TOKENS": entry(ANY_SOURCE, machine.ingest_token(settings))} if own_token else {}
    names: dict[str, tuple[str, ...]] = {name: ("consume", name) for name in STAGES}
    names[SERVE] = ("serve",)
    port = settings.http_port or free_ports(1)[0]
    env = {**servers.env, **tokens, "WIREWATCH_HTTP_PORT": str(port)}
    with machine.processes(names, env, settings.data_dir) as supervisor:
        machine.wait_for_ports([port], supervisor)
        for name, pid in supervisor.pids().items():
            console.print(f"  [dim]{name:<10} process {pid}[/dim]", highlight=False)
        url = f"http://{settings.http_host}:{port}"
        console.print(f"\n[bold green]Wirewatch is running[/bold green] at {url}, logs in {settings.data_dir}/logs\n")
        console.print(_next_steps(settings, url, own_token=own_token), highlight=False, soft_wrap=True)
        tend_until(stop, supervisor)
        console.print("stopping …")


def _next_steps(settings: Settings, url: str, *, own_token: bool) -> str:
    bearer = f"$(cat {settings.data_dir}/ingest-token)" if own_token else "YOUR-TOKEN"
    return f"""\
Feed it     wirewatch publish FILE              text, HTML, JSON Lines, RSS, Atom, JSON Feed, or a folder
            wirewatch feeds poll URL            a live feed
            curl {url}/v1/articles \\
                 -H "Authorization: Bearer {bearer}" \\
                 -H "Content-Type: application/json" \\
                 -d '{{"source": "me", "title": "NATO meets in Brussels", "text": "The allies meet."}}'
Read it     {url}               in a browser
            wirewatch alerts --follow           or: wirewatch counters
            curl -N {url}/v1/alerts/stream
Stop it     Ctrl-C; the data stay
"""


def _create_topics(settings: Settings, say: machine.Say) -> None:
    admin = open_broker(settings).admin()
    try:
        created = admin.create_topics(specs(settings))
    finally:
        admin.close()
    if created:
        say(f"topics {', '.join(created)}, {settings.partitions} partitions each")


def _sayer(console: Console) -> Callable[[str], None]:
    return lambda line: console.print(f"[green]✓[/green] {line}", highlight=False, soft_wrap=True)


@contextmanager
def _temporary_data(settings: Settings) -> Iterator[Settings]:
    """A data folder that is gone afterwards, so that every `up --once` shows the same."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="once-", dir=settings.data_dir))
    try:
        yield settings.model_copy(update={"data_dir": folder})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
