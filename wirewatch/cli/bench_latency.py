"""``wirewatch bench latency``: how long it takes from an article to people, at a fixed rate."""

from __future__ import annotations

import math
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
import psutil
from rich.console import Console
from rich.table import Table

from consumers.delivery.signing import new_key
from consumers.recognise import compile_watchlist
from consumers.watchlist_file import of_settings
from wirewatch.broker import Producer
from wirewatch.cli.bench_arrivals import CHANNELS, Arrivals, receiving_webhooks, watching_events, watching_feed
from wirewatch.cli.bench_articles import generate
from wirewatch.cli.bench_machine import this_machine
from wirewatch.cli.path import ArticlePath, settled
from wirewatch.cli.render import terminal
from wirewatch.cli.samples import sample_items
from wirewatch.cli.signals import stop_event
from wirewatch.cli.wiring import open_broker
from wirewatch.errors import UserError
from wirewatch.local import machine
from wirewatch.local.ports import free_ports
from wirewatch.local.supervisor import Supervisor
from wirewatch.records import Article
from wirewatch.settings import load
from wirewatch.topics import ARTICLES, specs

_LOOK_SECONDS = 0.05
_WAIT_SECONDS_MAX = 120.0
_WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Spread:
    """Of one step, milliseconds: exact percentiles of all samples."""

    step: str
    samples: int
    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One run. ``late_ms``: how far the sender fell behind its own schedule at most; latencies include it.
    ``missing``: by channel, alerts that are in the feed and did not arrive there. ``cpu_seconds``: by process."""

    broker: str
    articles: int
    alerts: int
    late_ms: float
    spreads: tuple[Spread, ...]
    missing: dict[str, int]
    cpu_seconds: dict[str, float]


@dataclass(slots=True)
class _Sent:
    """When each article was due, and when the log had acknowledged it; article id → monotonic seconds."""

    due: dict[str, float]
    acknowledged: dict[str, float]
    late_seconds: float = 0.0


@click.command(
    epilog="Examples: `wirewatch bench latency`, `wirewatch bench latency --rate 200 --kafka local`, "
    "`wirewatch bench latency --seconds 10 --json`."
)
@click.option("--rate", type=click.FloatRange(0.1, 10_000), default=50, show_default=True, help="Articles a second.")
@click.option("--seconds", type=click.FloatRange(1, 3_600), default=60, show_default=True, help="How long.")
@click.option("--words", type=click.IntRange(20, 5_000), default=400, show_default=True, help="Words per article.")
@click.option("--naming", type=click.FloatRange(0.01, 1), default=0.2, show_default=True, help="Share naming an actor.")
@click.option(
    "--kafka", type=click.Choice(["local"]), help="Run it on a real Apache Kafka instead of the embedded log."
)
@click.option("--seed", type=int, default=20200106, show_default=True, help="Of the articles.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def command(
    rate: float, seconds: float, words: int, naming: float, kafka: str | None, seed: int, as_json: bool
) -> None:
    """From an article to its alert in the feed, at a client of the event stream, and at a webhook.

    Articles are sent on a fixed schedule, however long each takes, and each is timed from when it was due, so a
    standstill counts for every article that it holds up. Every stage is its own process; data are temporary. Each
    article is a story of its own, so that each that names an actor notifies.
    """
    console = Console(stderr=True)
    settings = load()
    stop = stop_event()
    samples = [item.outcome for item in sample_items(settings) if isinstance(item.outcome, Article)]
    recogniser = compile_watchlist(of_settings(settings))
    count = max(1, round(rate * seconds))
    made = list(generate(samples, recogniser, count=count, words=words, naming=naming, seed=seed))
    warm = list(generate(samples, recogniser, count=_WARM_UP, words=words, naming=1, seed=seed + 1))
    console.print(f"{count} articles of about {words} words, {rate:g} a second, seed {seed}")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=settings.data_dir) as folder:
        own = settings.model_copy(update={"data_dir": Path(folder)})
        with machine.servers(own, local_kafka=kafka == "local", say=console.print) as servers:
            figures = _measure(servers, warm, made, rate, stop)
    _show(figures, {"rate": rate, "seconds": seconds, "words": words, "naming": naming, "seed": seed}, as_json)


def _measure(
    servers: machine.Servers, warm: Sequence[Article], made: Sequence[Article], rate: float, stop: threading.Event
) -> Figures:
    from consumers.stages import PATH

    settings = servers.settings
    broker = open_broker(settings)
    admin = broker.admin()
    admin.create_topics(specs(settings))
    admin.close()
    chosen = [stage for stage in PATH.values() if stage.name != "entities"]
    names: dict[str, tuple[str, ...]] = {stage.name: ("consume", stage.name) for stage in chosen}
    names |= {"deliver": ("consume", "deliver"), "serve": ("serve", "--only", "api")}
    arrivals = Arrivals()
    with ExitStack() as stack:
        (api_port,) = free_ports(1)
        webhook_port = stack.enter_context(receiving_webhooks(arrivals))
        env = {
            **servers.env,
            "WIREWATCH_RECEIVERS": str(_receivers_file(settings.data_dir, webhook_port)),
            "WIREWATCH_STORY_HOURS": "0",
            "WIREWATCH_HTTP_HOST": "127.0.0.1",
            "WIREWATCH_HTTP_PORT": str(api_port),
            "WIREWATCH_API_TOKENS": "",
        }
        supervisor = stack.enter_context(machine.processes(names, env, settings.data_dir))
        machine.wait_for_ports([api_port], supervisor)
        stack.enter_context(watching_feed(settings, arrivals))
        stack.enter_context(watching_events(api_port, arrivals))
        producer = broker.producer()
        stack.callback(producer.close)
        _warm_up(producer, warm, arrivals, supervisor, stop)
        used = _cpu_seconds(supervisor, {})
        sent = send(producer, made, rate, stop)
        path = ArticlePath(chosen, settings)
        stack.callback(path.close)
        _until(lambda: settled(path.reached()), supervisor, stop)
        fed = arrivals.of("feed").keys() & sent.due.keys()
        _until(lambda: all(fed <= arrivals.of(channel).keys() for channel in CHANNELS), supervisor, stop)
        return figures_of(broker.name, sent, arrivals, _cpu_seconds(supervisor, used))


def _receivers_file(folder: Path, port: int) -> Path:
    secret = folder / "webhook-secret"
    secret.touch(mode=0o600)
    secret.write_text(new_key())
    file = folder / "receivers.yaml"
    webhook = {"url": f"http://127.0.0.1:{port}/", "secret_file": str(secret.resolve()), "allow_private": True}
    receiver = {"id": "bench", "webhook": webhook, "rate_per_minute": 60_000}
    file.write_bytes(msgspec.json.encode({"receivers": [receiver]}))  # JSON is YAML
    return file


def _warm_up(
    producer: Producer, warm: Iterable[Article], arrivals: Arrivals, supervisor: Supervisor, stop: threading.Event
) -> None:
    """Until one article has gone the whole way to each channel: what is loaded late is loaded by then."""
    for article in warm:
        _send(producer, article)
        producer.flush()
        if _until(lambda: all(arrivals.of(channel) for channel in CHANNELS), supervisor, stop, 3.0):
            return
    raise UserError("no alert arrived at the feed, the event stream and the webhook: see the logs in the data folder")


def send(producer: Producer, made: Sequence[Article], rate: float, stop: threading.Event) -> _Sent:
    """Send each when it is due, on a schedule that waits for nothing: what is late is sent at once."""
    start = time.monotonic() + _LOOK_SECONDS
    sent = _Sent({article.id: start + n / rate for n, article in enumerate(made)}, {})
    waiting = list(reversed(made))
    while waiting:
        if stop.wait(max(0.0, sent.due[waiting[-1].id] - time.monotonic())):
            raise UserError("stopped before the measurement was done")
        now = time.monotonic()
        batch = []
        while waiting and sent.due[waiting[-1].id] <= now:
            batch.append(waiting.pop())
            sent.late_seconds = max(sent.late_seconds, now - sent.due[batch[-1].id])
            _send(producer, batch[-1])
        producer.flush()
        now = time.monotonic()
        sent.acknowledged.update({article.id: now for article in batch})
    return sent


def _send(producer: Producer, article: Article) -> None:
    fresh = msgspec.structs.replace(article, first_seen=datetime.now(UTC))
    producer.send(ARTICLES.name, ARTICLES.encode(fresh), key=article.id.encode())


def _until(
    condition: Callable[[], bool], supervisor: Supervisor, stop: threading.Event, seconds_max: float = _WAIT_SECONDS_MAX
) -> bool:
    """Whether it came true in that time."""
    deadline = time.monotonic() + seconds_max
    while not condition():
        supervisor.tend()
        if stop.wait(_LOOK_SECONDS):
            raise UserError("stopped before the measurement was done")
        if time.monotonic() > deadline:
            return False
    return True


def _cpu_seconds(supervisor: Supervisor, before: Mapping[str, float]) -> dict[str, float]:
    """Of each process, without what it had used before."""
    found = {}
    for name, pid in supervisor.pids().items():
        with suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            found[name] = round(times.user + times.system - before.get(name, 0.0), 1)
    return found


def figures_of(broker: str, sent: _Sent, arrivals: Arrivals, cpu_seconds: dict[str, float]) -> Figures:
    """The figures of what was sent and what has arrived."""
    fed = arrivals.of("feed").keys() & sent.due.keys()
    spreads = [spread("due → acknowledged", [sent.acknowledged[id_] - sent.due[id_] for id_ in sent.acknowledged])]
    missing = {}
    for channel in CHANNELS:
        at = {id_: when for id_, when in arrivals.of(channel).items() if id_ in sent.due}
        missing[channel] = len(fed - at.keys())
        spreads.append(spread(f"acknowledged → {channel}", [at[id_] - sent.acknowledged[id_] for id_ in at]))
        spreads.append(spread(f"due → {channel}", [at[id_] - sent.due[id_] for id_ in at]))
    return Figures(
        broker=broker,
        articles=len(sent.due),
        alerts=len(fed),
        late_ms=round(1000 * sent.late_seconds, 1),
        spreads=tuple(spreads),
        missing=missing,
        cpu_seconds=cpu_seconds,
    )


def spread(step: str, seconds: Iterable[float]) -> Spread:
    """Percentiles by nearest rank; an article that arrived before its acknowledgement did took no time."""
    ordered = sorted(max(0.0, value) * 1000 for value in seconds)

    def at(share: float) -> float:
        return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 1) if ordered else math.nan

    return Spread(step, len(ordered), at(0.5), at(0.95), at(0.99), at(1))


def _show(figures: Figures, asked: dict[str, float], as_json: bool) -> None:
    where = this_machine()
    if as_json:
        click.echo(msgspec.json.encode({**asked, **asdict(figures), **asdict(where)}))
        return
    table = Table("milliseconds", "samples", "p50", "p95", "p99", "max", title_justify="left")
    table.title = f"latency at {asked['rate']:g} articles/s for {asked['seconds']:g} s, {figures.broker}"
    for one in figures.spreads:
        table.add_row(
            one.step, f"{one.samples:,}", *(f"{value:,.1f}" for value in (one.p50, one.p95, one.p99, one.max))
        )
    console = terminal()
    console.print(table)
    lost = ", ".join(f"{channel} {count}" for channel, count in figures.missing.items())
    console.print(f"{figures.articles:,} articles, {figures.alerts:,} alerts; did not arrive: {lost}", highlight=False)
    console.print(f"sender late by at most {figures.late_ms:,.1f} ms, which is counted", highlight=False)
    used = ", ".join(f"{name} {seconds:g}" for name, seconds in figures.cpu_seconds.items())
    console.print(f"seconds of CPU: {used}", highlight=False)
    console.print(str(where), highlight=False)
