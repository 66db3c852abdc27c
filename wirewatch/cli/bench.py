"""``wirewatch bench``: measures on this machine, and prints the figures with the machine and the versions."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import msgspec
import psutil
from rich.console import Console
from rich.table import Table

from consumers.recognise import compile_watchlist
from consumers.watchlist_file import of_settings
from wirewatch.broker import Broker
from wirewatch.cli import bench_exactness, bench_latency, bench_rules
from wirewatch.cli.bench_articles import generate
from wirewatch.cli.bench_machine import this_machine
from wirewatch.cli.path import ArticlePath, settled
from wirewatch.cli.render import terminal
from wirewatch.cli.samples import sample_items
from wirewatch.cli.signals import stop_event
from wirewatch.cli.wiring import open_broker
from wirewatch.errors import UserError
from wirewatch.local import machine
from wirewatch.local.supervisor import Supervisor
from wirewatch.records import Article
from wirewatch.settings import load
from wirewatch.topics import ARTICLES, specs

_LOOK_SECONDS = 0.2
_PUBLISH_BATCH = 500


@dataclass(frozen=True, slots=True)
class Figures:
    """One run of ``bench path``. Rates are articles a second; memory is the peak resident set, MiB."""

    broker: str
    stages: tuple[str, ...]
    articles: int
    words: int
    publish_seconds: float
    publish_rate: float
    counted_seconds: float
    counted_rate: float
    memory_mib: Mapping[str, int]
    cpu_seconds: Mapping[str, float]


@click.group()
def command() -> None:
    """Measure on this machine, and print the figures with the machine and the versions."""


command.add_command(bench_exactness.command, "exactness")
command.add_command(bench_latency.command, "latency")
command.add_command(bench_rules.command, "rules")


@command.command(
    epilog="Examples: `wirewatch bench path`, `wirewatch bench path --kafka local --entities`, "
    "`wirewatch bench path --articles 2000 --json`."
)
@click.option("--articles", type=click.IntRange(1), default=20_000, show_default=True, help="How many.")
@click.option("--words", type=click.IntRange(20, 5_000), default=400, show_default=True, help="Words per article.")
@click.option("--naming", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="Share naming an actor.")
@click.option(
    "--kafka", type=click.Choice(["local"]), help="Run it on a real Apache Kafka instead of the embedded log."
)
@click.option("--entities/--no-entities", default=False, show_default=True, help="Run the entities stage too.")
@click.option("--seed", type=int, default=20200106, show_default=True, help="Of the articles.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def path(articles: int, words: int, naming: float, kafka: str | None, entities: bool, seed: int, as_json: bool) -> None:
    """Articles a second from publish to counted, with every stage running as its own process.

    The clock starts with the first article and stops when the counters hold the last one. Data are temporary.
    """
    console = Console(stderr=True)
    settings = load()
    stop = stop_event()
    samples = [item.outcome for item in sample_items(settings) if isinstance(item.outcome, Article)]
    recogniser = compile_watchlist(of_settings(settings))
    made = list(generate(samples, recogniser, count=articles, words=words, naming=naming, seed=seed))
    console.print(f"{articles} articles of about {words} words, seed {seed}")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=settings.data_dir) as folder:
        own = settings.model_copy(update={"data_dir": Path(folder)})
        with machine.servers(own, local_kafka=kafka == "local", say=console.print) as servers:
            figures = _measure(servers, made, words, entities, stop)
    _show(figures, seed, as_json)


def _measure(
    servers: machine.Servers, made: Sequence[Article], words: int, entities: bool, stop: threading.Event
) -> Figures:

    from consumers.stages import PATH

    settings = servers.settings
    chosen = [stage for stage in PATH.values() if entities or stage.name != "entities"]
    broker = open_broker(settings)
    admin = broker.admin()
    admin.create_topics(specs(settings))
    admin.close()
    path = ArticlePath(chosen, settings)
    names = {stage.name: ("consume", stage.name) for stage in chosen}
    with machine.processes(names, servers.env, settings.data_dir) as supervisor:
        watch = _Watch(supervisor)
        started = time.perf_counter()
        _publish(broker, made)
        published = time.perf_counter()
        while not settled(path.reached()):
            supervisor.tend()
            watch.look()
            if stop.wait(_LOOK_SECONDS):
                raise UserError("stopped before the measurement was done")
        counted = time.perf_counter()
        watch.look()
    path.close()
    return Figures(
        broker=broker.name,
        stages=tuple(names),
        articles=len(made),
        words=words,
        publish_seconds=round(published - started, 2),
        publish_rate=round(len(made) / (published - started), 1),
        counted_seconds=round(counted - started, 2),
        counted_rate=round(len(made) / (counted - started), 1),
        memory_mib=watch.memory_mib,
        cpu_seconds=watch.cpu_seconds,
    )


def _publish(broker: Broker, made: Sequence[Article]) -> None:
    producer = broker.producer()
    for start in range(0, len(made), _PUBLISH_BATCH):
        for article in made[start : start + _PUBLISH_BATCH]:
            producer.send(ARTICLES.name, ARTICLES.encode(article), key=article.id.encode())
        producer.flush()
    producer.close()


class _Watch:
    """Peak memory and CPU time of each process, looked at from outside."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in supervisor.pids().items()}
        self.memory_mib: dict[str, int] = dict.fromkeys(self._processes, 0)
        self.cpu_seconds: dict[str, float] = {}

    def look(self) -> None:
        for name, process in self._processes.items():
            try:
                resident = process.memory_info().rss >> 20
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            self.memory_mib[name] = max(self.memory_mib[name], resident)
            self.cpu_seconds[name] = round(times.user + times.system, 1)


def _show(figures: Figures, seed: int, as_json: bool) -> None:
    where = this_machine()
    if as_json:
        click.echo(msgspec.json.encode({"seed": seed, **asdict(figures), **asdict(where)}))
        return
    table = Table("figure", "value", title=f"path: publish to counted, {figures.broker}", title_justify="left")
    table.add_row("stages", ", ".join(figures.stages))
    table.add_row("articles", f"{figures.articles:,} of about {figures.words} words")
    table.add_row("published", f"{figures.publish_rate:,.0f} articles/s ({figures.publish_seconds} s)")
    table.add_row(
        "[bold]counted[/bold]", f"[bold]{figures.counted_rate:,.0f} articles/s[/bold] ({figures.counted_seconds} s)"
    )
    for name, memory in figures.memory_mib.items():
        table.add_row(f"process {name}", f"{memory} MiB at most, {figures.cpu_seconds.get(name, 0)} s of CPU")
    table.add_row("machine", str(where))
    terminal().print(table)
