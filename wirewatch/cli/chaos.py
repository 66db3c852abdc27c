"""``wirewatch chaos``: kills everything there is, again and again, and checks that nothing is lost or counted twice."""

from __future__ import annotations

import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from consumers.keys import Keys
from consumers.recognise import Recogniser, compile_watchlist
from consumers.rule_file import load_rules
from consumers.watchlist_file import of_settings
from producers.ingest_access import ANY_SOURCE, entry
from wirewatch.chaos.campaign import Campaign, Outcome
from wirewatch.chaos.members import Members
from wirewatch.chaos.outage import Outside, Probe
from wirewatch.chaos.plan import KILLS, Fault, plan
from wirewatch.chaos.producer import RECORDS, read_journal, read_records
from wirewatch.chaos.proxy import Proxy
from wirewatch.chaos.redis import ChaosRedis
from wirewatch.cli.bench_articles import generate
from wirewatch.cli.chaos_oracle import DUPLICATES, MALFORMED, Judge, Verdict, compose, expect, reached
from wirewatch.cli.render import terminal
from wirewatch.cli.samples import sample_items
from wirewatch.cli.wiring import open_broker
from wirewatch.errors import UsageError
from wirewatch.local.kafka import LocalKafka
from wirewatch.local.ports import free_ports
from wirewatch.records import Article
from wirewatch.redis_client import connect
from wirewatch.settings import Settings, load
from wirewatch.topics import ENTITIES, MENTIONS, specs

SESSION_MS = 6_000
_PARTITIONS = 4
_WORDS = 60
_NAMING = 0.3
_LONG = (100_000, 200)
_SHARES = {"redis": 50 / 200, "broker": 30 / 200}


@dataclass(frozen=True, slots=True)
class Report:
    """One campaign. Seconds to recover are (median, worst) by kind of fault; memory is MiB at most, by process."""

    seed: int
    repeat: str
    broker: str
    articles: int
    kills: int
    faults: int
    seconds: float
    holds: bool
    verdict: Verdict
    recovery_seconds: dict[str, tuple[float, float]]
    memory_mib: dict[str, int]
    leaving_seconds_max: float
    ended_alone: tuple[str, ...]


@click.command(
    epilog="Examples: `wirewatch chaos`, `wirewatch chaos --kafka local --seed 7`, "
    "`wirewatch chaos --kafka local --long`, `wirewatch chaos --articles 2000 --kills 5 --json`."
)
@click.option("--articles", type=click.IntRange(100), default=10_000, show_default=True, help="Records published.")
@click.option("--kills", type=click.IntRange(1), default=20, show_default=True, help="kill -9 of stages and servers.")
@click.option("--long", "is_long", is_flag=True, help="100,000 records and 200 kills; takes about half an hour.")
@click.option("--kafka", type=click.Choice(["local"]), help="On a real Apache Kafka instead of the embedded log.")
@click.option("--away", type=click.Choice(["redis", "broker"]), help="Instead of kills: this server is away.")
@click.option("--minutes", type=click.FloatRange(0.1), default=10, show_default=True, help="With --away: how long.")
@click.option("--seed", type=int, help="Of the articles and the faults; without it a random one, which is shown.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep all data and logs in this folder.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
def command(
    articles: int,
    kills: int,
    is_long: bool,
    kafka: str | None,
    away: str | None,
    minutes: float,
    seed: int | None,
    keep: Path | None,
    as_json: bool,
) -> int:
    """Kill stages, Redis and the broker under load, and check that nothing is lost or counted twice.

    A producer keeps a journal of what the broker acknowledged; what the counters, alerts and dead letters must be is
    worked out from that and the articles alone. Between the kills members stand still past their session, join and
    leave, and the network to Redis drops, delays and resets. Exit code 1 on any difference. Data are temporary.
    """
    if is_long:
        articles, kills = _LONG
    seed = secrets.randbelow(1 << 31) if seed is None else seed
    console = Console(stderr=True)
    options = f"--articles {articles} --kills {kills}" + (" --kafka local" if kafka else "")
    options += f" --away {away} --minutes {minutes:g}" if away else ""
    if away == "broker" and not kafka:
        raise UsageError("--away broker needs --kafka local: the embedded log has no server")
    repeat = f"wirewatch chaos {options} --seed {seed}"
    console.print(f"seed {seed}; to repeat it: {repeat}", highlight=False, soft_wrap=True)
    faults = _faults(seed, kills, kafka=kafka is not None)
    if away:
        faults = [Fault("away", away, round(minutes * 60))]
    with _folder(keep) as folder:
        report = _run(
            folder, articles, faults, kafka is not None, seed, f"wirewatch chaos {options} --seed {seed}", console
        )
    if as_json:
        click.echo(msgspec.json.encode(asdict(report)))
        for line in report.verdict.examples:
            console.print(line, highlight=False, markup=False)
    else:
        _show(report)
    return 0 if report.holds else 1


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="wirewatch-chaos-") as name:
        yield Path(name)


def _faults(seed: int, kills: int, *, kafka: bool) -> list[Fault]:
    """The kills asked for, shared out as 120 : 50 : 30; the embedded log has no server to kill."""
    redis = round(kills * _SHARES["redis"])
    broker = round(kills * _SHARES["broker"]) if kafka else 0
    return list(plan(seed, stage_kills=kills - redis - broker, redis_kills=redis, broker_kills=broker, zombies=kafka))


def _run(
    folder: Path, articles: int, faults: list[Fault], kafka: bool, seed: int, repeat: str, console: Console
) -> Report:
    base = load(data_dir=folder)
    recogniser = compile_watchlist(of_settings(base))
    _write_records(folder, base, recogniser, articles, seed)
    started = time.monotonic()
    with ExitStack() as stack:
        log: LocalKafka | None = None
        if kafka:
            log = stack.enter_context(LocalKafka(folder, progress=lambda text: console.print(text, style="dim")))
        redis = ChaosRedis(folder / "redis", free_ports(1)[0], folder / "logs" / "redis.log")
        redis.start()
        stack.callback(redis.stop)
        proxy = Proxy(redis.port, seed)
        stack.callback(proxy.close)
        env = _environment(folder, proxy, log)
        settings = load(
            data_dir=folder, partitions=_PARTITIONS, kafka_bootstrap_servers=log.bootstrap_servers if log else ""
        )
        broker = open_broker(settings)
        admin = broker.admin()
        admin.create_topics(specs(settings))
        admin.close()
        client, keys = connect(redis.url), Keys(settings.redis_prefix)
        stack.callback(client.close)
        members = Members(env, folder / "logs")
        stack.callback(members.stop)
        outside = _serve(members, free_ports(1)[0], env) if faults[0].kind == "away" else None
        campaign = Campaign(
            folder=folder,
            records=articles,
            members=members,
            redis=redis,
            proxy=proxy,
            log=log,
            session_seconds=SESSION_MS / 1000,
            reached=lambda: reached(client, keys, _PARTITIONS, (MENTIONS.name, ENTITIES.name)),
            outside=outside,
            say=lambda text: console.print(f"{time.monotonic() - started:6.1f} s  {text}", highlight=False),
        )
        outcome = campaign.run(faults)
        outcome.stuck += outside.wrong if outside else []
        members.stop()
        admin = broker.admin()
        verdict = _judge(folder, Judge(admin, client, keys, _PARTITIONS), recogniser, base)
        admin.close()
    return _report(outcome, verdict, members, faults, articles, seed, repeat, broker.name, started)


def _environment(folder: Path, proxy: Proxy, log: LocalKafka | None) -> dict[str, str]:
    return os.environ | {
        "WIREWATCH_DATA_DIR": str(folder.resolve()),
        "WIREWATCH_PARTITIONS": str(_PARTITIONS),
        "WIREWATCH_KAFKA_SESSION_TIMEOUT_MS": str(SESSION_MS),
        "WIREWATCH_COUNTERS_DAYS": "36500",  # the articles are of a fixed day, whenever this runs
        "WIREWATCH_METRICS_PORT": "0",
        "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
        "KAFKA_BOOTSTRAP_SERVERS": log.bootstrap_servers if log else "",
        "REDIS_URL": f"redis://127.0.0.1:{proxy.port}/0",
    }


def _serve(members: Members, port: int, env: dict[str, str]) -> Outside:
    token = secrets.token_urlsafe(32)
    env |= {"WIREWATCH_HTTP_PORT": str(port), "WIREWATCH_INGEST_TOKENS": entry(ANY_SOURCE, token)}
    members.start("serve", ("wirewatch", "serve"))
    return Outside(Probe(port, token))


def _write_records(folder: Path, settings: Settings, recogniser: Recogniser, count: int, seed: int) -> None:
    samples = [item.outcome for item in sample_items(settings) if isinstance(item.outcome, Article)]
    sound = round(count / (1 + (DUPLICATES + MALFORMED)))
    made = list(generate(samples, recogniser, count=sound, words=_WORDS, naming=_NAMING, seed=seed))
    records = compose(made, count, seed)
    records += records[:1] * (count - len(records))  # what chance left open
    (folder / RECORDS).write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))


def _judge(folder: Path, judge: Judge, recogniser: Recogniser, settings: Settings) -> Verdict:
    records, journal = read_records(folder), read_journal(folder)
    acknowledged = [records[n] for n in sorted({entry.n for entry in journal})]
    return judge.judge(records, journal, expect(acknowledged, recogniser, load_rules(settings.rules)))


def _report(
    outcome: Outcome, verdict: Verdict, members: Members, faults: list[Fault], articles: int, seed: int,
    repeat: str, broker: str, started: float,
) -> Report:  # fmt: skip
    verdict.stuck = len(outcome.stuck)
    verdict.examples += outcome.stuck
    return Report(
        seed=seed,
        repeat=repeat,
        broker=broker,
        articles=articles,
        kills=sum(fault.kind in KILLS for fault in faults),
        faults=len(faults),
        seconds=round(time.monotonic() - started, 1),
        holds=verdict.holds,
        verdict=verdict,
        recovery_seconds={
            name: (round(statistics.median(seconds), 2), max(seconds))
            for name, seconds in sorted(outcome.recovery.items())
        },
        memory_mib=members.memory_mib,
        leaving_seconds_max=round(max(outcome.leaving, default=0.0), 1),
        ended_alone=tuple(members.ended_alone),
    )


def _show(report: Report) -> None:
    console = terminal()
    table = Table("figure", "value", title=f"chaos: {report.broker}", title_justify="left")
    table.add_row("verdict", "[green]nothing lost, nothing doubled[/green]" if report.holds else "[red]it fails[/red]")
    table.add_row(
        "done", f"{report.articles:,} records, {report.kills} kills, {report.faults} faults, {report.seconds} s"
    )
    for name, number in report.verdict.violations.items():
        table.add_row(name.replace("_", " "), str(number), style="red" if number else "")
    for name, number in report.verdict.repeats.items():
        table.add_row(name, str(number), style="dim")
    for name, (median, worst) in report.recovery_seconds.items():
        table.add_row(f"recovery: {name}", f"median {median} s, worst {worst} s")
    for name, memory in report.memory_mib.items():
        table.add_row(f"memory: {name}", f"{memory} MiB at most")
    table.add_row("longest SIGTERM to end", f"{report.leaving_seconds_max} s")
    table.add_row("repeat", report.repeat)
    console.print(table)
    for line in (*report.verdict.examples, *report.ended_alone):
        console.print(line, highlight=False, markup=False)
