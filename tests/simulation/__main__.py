"""``python -m tests.simulation``: run a range of seeds, or one of them step by step. Exit code 1 on a violation."""

from __future__ import annotations

import os
import sys
import time

import click

from tests.simulation.campaign import outcomes, prepare
from tests.simulation.mutations import MUTATIONS
from tests.simulation.world import simulate

_SHOWN_MAX = 10


@click.command(
    epilog="Examples: `python -m tests.simulation --seeds 0:10000`, `python -m tests.simulation --seed 17 --trace`, "
    "`python -m tests.simulation --seeds 0:500000` (nightly)."
)
@click.option("--seeds", default="0:10000", show_default=True, metavar="FIRST:COUNT", help="Which seeds.")
@click.option("--seed", type=int, help="Only this one.")
@click.option("--trace", is_flag=True, help="Show every step; with --seed.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count(), help="Processes. Default: one per core.")
@click.option("--without", type=click.Choice(MUTATIONS), help="Take this safeguard out: violations are then expected.")
@click.option("--until-violation", is_flag=True, help="Stop at the first one.")
def main(seeds: str, seed: int | None, trace: bool, jobs: int, without: str | None, until_violation: bool) -> None:
    """Run seeds, and say which of them did not keep the promise."""
    first, count = (seed, 1) if seed is not None else map(int, seeds.split(":"))
    if trace:
        prepare(without)
        outcome = simulate(first, click.echo)
        click.echo(f"seed {first}: {outcome.violation or 'held'}")
        sys.exit(outcome.violation is not None)
    started = time.perf_counter()
    wrong, done = [], 0
    for outcome in outcomes(first, count, min(jobs, count), without):
        done += 1
        if outcome.violation is not None:
            wrong.append(outcome)
            if len(wrong) <= _SHOWN_MAX:
                click.echo(f"seed {outcome.seed}: {outcome.violation}")
            if until_violation:
                break
    seconds = time.perf_counter() - started
    click.echo(
        f"seeds {first} to {first + done - 1}: {len(wrong)} violations, {done / seconds:,.0f} seeds a second "
        f"({jobs} processes, {seconds:.1f} s)"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets of strings come in another order in every process; a seed must always give the same run.
        os.execve(  # noqa: S606
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            os.environ | {"PYTHONHASHSEED": "0"},
        )
    main()
