"""``wirewatch chaos``: kills everything there is, again and again, and checks that nothing is lost or counted twice."""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import msgspec
from rich.console import Console

from consumers.keys import Keys
from consumers.recognise import Recogniser, compile_watchlist
from consumers.rule_file import load_rules
from consumers.watchlist_file import of_settings
from producers.ingest_access import ANY_SOURCE, entry
from wirewatch.broker import Broker
from wirewatch.chaos.campaign import Campaign, Outcome
from wirewatch.chaos.members import Members
from wirewatch.chaos.outage import Outside, Probe
from wirewatch.chaos.plan import STAGES, Fault, Wanted, plan
from wirewatch.chaos.ports import lasting_port
from wirewatch.chaos.producer import RECORDS, Journal, read_records
from wirewatch.chaos.proxy import Proxy
from wirewatch.chaos.redis import ChaosRedis
from wirewatch.cli.bench_articles import generate
from wirewatch.cli.chaos_found import reached, read_found
from wirewatch.cli.chaos_oracle import Found, Verdict, expect, judge
from wirewatch.cli.chaos_report import conclude, show
from wirewatch.cli.chaos_workload import compose, sound
from wirewatch.cli.samples import sample_items
from wirewatch.cli.wiring import open_broker
from wirewatch.errors import UsageError
from wirewatch.local.kafka import LocalKafka
from wirewatch.local.kafka_files import Relayed
from wirewatch.local.ports import free_ports
from wirewatch.records import Article
from wirewatch.redis_client import connect
from wirewatch.settings import Settings, load
from wirewatch.topics import ENTITIES, MENTIONS, specs

SESSION_MS = 6_000
_PARTITIONS = 4
_WORKERS = 2
_WORDS = 60
_NAMING = 0.3
_LONG = (100_000, 200)
_SHARES = {"redis": 50 / 200, "broker": 30 / 200}
_COMMANDS = {stage: ("wirewatch", "consume", stage) for stage in STAGES} | {
    "entities": ("wirewatch.cli.chaos_entities",)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options ask for."""

    articles: int
    kills: int
    storms: int
    zombies: int
    kafka: bool
    away: str | None
    minutes: float
    seed: int

    @property
    def repeat(self) -> str:
        """The command that does the same again."""
        options = [f"--articles {self.articles}"]
        if self.away:
            options += [f"--away {self.away} --minutes {self.minutes:g}"]
        else:
            options += [f"--kills {self.kills}"]
            options += [f"--{name} {n}" for name, n in (("storm", self.storms), ("zombies", self.zombies)) if n]
        if self.kafka:
            options.append("--kafka local")
        return f"wirewatch chaos {' '.join(options)} --seed {self.seed}"


@click.command(
    epilog="Examples: `wirewatch chaos`, `wirewatch chaos --kafka local --seed 7`, "
    "`wirewatch chaos --kafka local --long`, `wirewatch chaos --kafka local --away redis`, "
    "`wirewatch chaos --kafka local --kills 0 --storm 10 --zombies 5`."
)
@click.option("--articles", type=click.IntRange(100), default=10_000, show_default=True, help="Records published.")
@click.option(
    "--kills", type=click.IntRange(0), default=20, show_default=True, help="kill -9 of processes and servers."
)
@click.option("--long", "is_long", is_flag=True, help="100,000 records and 200 kills; takes most of an hour.")
@click.option("--storm", "storms", type=click.IntRange(0), default=0, help="So many times from 1 member to 4 and back.")
@click.option("--zombies", type=click.IntRange(0), default=0, help="So many members stand still past their session.")
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
    storms: int,
    zombies: int,
    kafka: str | None,
    away: str | None,
    minutes: float,
    seed: int | None,
    keep: Path | None,
    as_json: bool,
) -> int:
    """Kill stages, Redis and the broker under load, and check that nothing is lost or counted twice.

    A producer keeps a journal of what the broker acknowledged; what the counters, alerts and dead letters must be is
    worked out from that and the articles alone. Some articles come twice, some records are malformed, some articles end
    the worker process that has them. Between the kills members stand still past their session, join and leave, and the
    network to Redis and to the broker drops, delays, falls silent and resets. Exit code 1 on any difference, and when a
    process ends by itself or stops too late. Data are temporary.
    """
    if is_long:
        articles, kills = _LONG
    if not kafka and (away == "broker" or zombies):
        raise UsageError("--away broker and --zombies need --kafka local: the embedded log has no server")
    asked = Asked(
        articles=articles,
        kills=kills,
        storms=storms,
        zombies=zombies,
        kafka=kafka is not None,
        away=away,
        minutes=minutes,
        seed=secrets.randbelow(1 << 31) if seed is None else seed,
    )
    faults = _faults(asked)
    if not faults:
        raise UsageError("nothing to do: ask for --kills, --storm, --zombies or --away")
    console = Console(stderr=True)
    console.print(f"seed {asked.seed}; to repeat it: {asked.repeat}", highlight=False, soft_wrap=True)
    started = time.monotonic()
    with _folder(keep) as folder:
        outcome, verdict, members, name = _run(folder, asked, faults, console, started)
    report = conclude(outcome, verdict, members, faults)
    report.seed, report.repeat, report.broker, report.articles = asked.seed, asked.repeat, name, articles
    report.seconds = round(time.monotonic() - started, 1)
    if as_json:
        click.echo(msgspec.json.encode(asdict(report)))
        for line in report.verdict.examples:
            console.print(line, highlight=False, markup=False)
    else:
        show(report)
    return 0 if report.holds else 1


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="wirewatch-chaos-") as name:
        yield Path(name)


def _faults(asked: Asked) -> list[Fault]:
    """The kills asked for, shared out as 120 : 50 : 30; the embedded log has no server to kill."""
    if asked.away:
        return [Fault("away", asked.away, round(asked.minutes * 60))]
    redis = round(asked.kills * _SHARES["redis"])
    broker = round(asked.kills * _SHARES["broker"]) if asked.kafka else 0
    wanted = Wanted(asked.kills - redis - broker, redis, broker, asked.kafka, asked.zombies, asked.storms)
    return list(plan(asked.seed, wanted))


def _run(
    folder: Path, asked: Asked, faults: Sequence[Fault], console: Console, started: float
) -> tuple[Outcome, Verdict, Members, str]:
    base = load(data_dir=folder)
    recogniser = compile_watchlist(of_settings(base))
    _write_records(folder, base, recogniser, asked.articles, asked.seed)
    with ExitStack() as stack:
        log, proxies = _log(stack, folder, asked, console) if asked.kafka else (None, {})
        redis = ChaosRedis(folder / "redis", lasting_port(), folder / "logs" / "redis.log")
        redis.start()
        stack.callback(redis.stop)
        proxies["redis"] = Proxy(redis.port, asked.seed)
        stack.callback(proxies["redis"].close)
        settings = load(
            data_dir=folder, partitions=_PARTITIONS, kafka_bootstrap_servers=log.bootstrap_servers if log else ""
        )
        broker = open_broker(settings)
        _create_topics(broker, settings)
        client, keys = connect(redis.url), Keys(settings.redis_prefix)
        stack.callback(client.close)
        env = _environment(folder, proxies)
        members = Members(env, folder / "logs", asked.seed)
        stack.callback(members.stop)
        outside = _serve(members, free_ports(1)[0], env) if asked.away else None
        campaign = Campaign(
            folder=folder,
            records=asked.articles,
            members=members,
            commands=_COMMANDS,
            redis=redis,
            log=log,
            proxies=proxies,
            session_seconds=SESSION_MS / 1000,
            reached=lambda: reached(client, keys, _PARTITIONS, (MENTIONS.name, ENTITIES.name)),
            outside=outside,
            say=lambda text: console.print(f"{time.monotonic() - started:6.1f} s  {text}", highlight=False),
        )
        outcome = campaign.run(faults)
        if outside is not None:
            outcome.stuck += outside.wrong
            outcome.looks = outside.looks
        members.stop()
        admin = broker.admin()
        found = read_found(admin, client, keys, _PARTITIONS)
        admin.close()
    return outcome, _judge(folder, found, recogniser, base), members, broker.name


def _log(stack: ExitStack, folder: Path, asked: Asked, console: Console) -> tuple[LocalKafka, dict[str, Proxy]]:
    """A Kafka of our own, and the proxy by which the stages reach it; we go there directly."""
    port = lasting_port()
    proxy = Proxy(port, asked.seed + 1)
    stack.callback(proxy.close)
    log = LocalKafka(
        folder,
        progress=lambda text: console.print(text, style="dim", highlight=False),
        relayed=Relayed(port, proxy.port),
    )
    return stack.enter_context(log), {"broker": proxy}


def _create_topics(broker: Broker, settings: Settings) -> None:
    admin = broker.admin()
    admin.create_topics(specs(settings))
    admin.close()


def _environment(folder: Path, proxies: dict[str, Proxy]) -> dict[str, str]:
    return os.environ | {
        "WIREWATCH_DATA_DIR": str(folder.resolve()),
        "WIREWATCH_PARTITIONS": str(_PARTITIONS),
        "WIREWATCH_KAFKA_SESSION_TIMEOUT_MS": str(SESSION_MS),
        "WIREWATCH_WORKER_PROCESSES": str(_WORKERS),
        "WIREWATCH_COUNTERS_DAYS": "36500",  # the articles are of a fixed day, whenever this runs
        "WIREWATCH_METRICS_PORT": "0",
        "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{proxies['broker'].port}" if "broker" in proxies else "",
        "REDIS_URL": f"redis://127.0.0.1:{proxies['redis'].port}/0",
    }


def _serve(members: Members, port: int, env: dict[str, str]) -> Outside:
    token = secrets.token_urlsafe(32)
    env |= {"WIREWATCH_HTTP_PORT": str(port), "WIREWATCH_INGEST_TOKENS": entry(ANY_SOURCE, token)}
    members.start("serve", ("wirewatch", "serve"))
    return Outside(Probe(port, token))


def _write_records(folder: Path, settings: Settings, recogniser: Recogniser, count: int, seed: int) -> None:
    samples = [item.outcome for item in sample_items(settings) if isinstance(item.outcome, Article)]
    made = list(generate(samples, recogniser, count=sound(count), words=_WORDS, naming=_NAMING, seed=seed))
    records = compose(made, count, seed)
    (folder / RECORDS).write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))


def _judge(folder: Path, found: Found, recogniser: Recogniser, settings: Settings) -> Verdict:
    records, journal = read_records(folder), Journal(folder)
    journal.read()
    acknowledged = [records[n] for n in sorted(journal.acknowledged)]
    return judge(records, journal.entries, expect(acknowledged, recogniser, load_rules(settings.rules)), found)
