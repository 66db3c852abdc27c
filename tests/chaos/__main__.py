"""`python -m tests.chaos`: run a campaign and print its verdict."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import asdict
from pathlib import Path

import click
import msgspec

from tests.chaos.campaign import Order, Outcome, run
from tests.redis_server import programs


@click.command()
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--kafka", type=click.Choice(["local"]), help="A real Apache Kafka; else the embedded log.")
@click.option("--redis", type=click.Choice(sorted(programs())), default=min(programs()), show_default=True)
@click.option("--articles", type=click.IntRange(10), default=10_000, show_default=True)
@click.option("--kills", type=click.IntRange(1), default=20, show_default=True, help="60 % stages, 25 % Redis.")
@click.option("--gap", type=click.FloatRange(0.1), default=4.0, show_default=True, help="Mean seconds between faults.")
@click.option("--long", "long_", is_flag=True, help="100,000 articles and 200 faults: 120 stages, 50 Redis, 30 broker.")
@click.option("--json", "as_json", is_flag=True)
def main(
    seed: int, kafka: str | None, redis: str, articles: int, kills: int, gap: float, long_: bool, as_json: bool
) -> None:
    """Kill processes and servers at random moments under load, then judge by the producer's journal.

    Exit code 1 when anything was lost or counted twice. The same seed gives the same articles and the same faults in
    the same order; the moments differ a little, as no two runs of real processes are alike.
    """
    if long_:
        articles, stages, of_redis, of_broker = 100_000, 120, 50, 30
    else:
        stages, of_redis = round(kills * 0.6), round(kills * 0.25)
        of_broker = kills - stages - of_redis
    order = Order(
        seed=seed,
        articles=articles,
        stages=stages,
        redis=of_redis,
        broker=of_broker,
        gap_seconds=gap,
        kafka=kafka == "local",
    )
    with tempfile.TemporaryDirectory(prefix="wirewatch-chaos-") as folder:
        outcome = run(order, Path(folder) / "world", programs()[redis], lambda line: click.echo(line, err=True))
    click.echo(msgspec.json.encode(asdict(outcome)) if as_json else told(outcome))
    if not outcome.verdict.exact():
        raise SystemExit(1)


def told(outcome: Outcome) -> str:
    """The outcome for people."""
    order, verdict = outcome.order, outcome.verdict
    faults = order.stages + order.redis + order.broker
    lines = [
        f"seed {order.seed}: {outcome.acknowledged} records acknowledged, {faults} faults, {outcome.seconds:.0f} s",
        *(f"  {name.replace('_', ' ')}: {len(found)} {found[:3] or ''}" for name, found in asdict(verdict).items()),
        *(
            f"  recovery from {kind}: median {statistics.median(times):.1f} s, worst {max(times):.1f} s ({len(times)})"
            for kind, times in sorted(outcome.recovery.items())
        ),
        "verdict: exact" if verdict.exact() else "verdict: NOT EXACT",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
