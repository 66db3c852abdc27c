"""The report of a campaign: the verdict with everything that must not have happened, and the figures."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from wirewatch.chaos.campaign import Outcome
from wirewatch.chaos.members import STOP_SECONDS_MAX, Members
from wirewatch.chaos.plan import Fault
from wirewatch.cli.chaos_oracle import Verdict
from wirewatch.cli.render import terminal

MEMORY_MIB_MAX = 512
CATCH_UP_MIN = 2.0
# A short outage is over before its catching up can be measured: the pauses between two tries are as long.
_OUTAGE_SECONDS_MIN = 60


@dataclass(slots=True, kw_only=True)
class Report:
    """One campaign. Seconds to recover are (median, worst) by kind of fault; memory is MiB at most, by process;
    ``looks``: how often ingest and readiness were asked during an outage; ``catch_up``: after it, how many times faster
    than they came in articles were caught up."""

    holds: bool
    verdict: Verdict
    kills: int
    done: dict[str, int]
    recovery_seconds: dict[str, tuple[float, float]]
    catch_up: float | None
    looks: int
    memory_mib: dict[str, int]
    leaving_seconds_max: float
    ended_alone: tuple[str, ...]
    ended_by_watchdog: tuple[str, ...]
    seed: int = 0
    repeat: str = ""
    broker: str = ""
    articles: int = 0
    seconds: float = 0.0


def conclude(outcome: Outcome, verdict: Verdict, members: Members, faults: Sequence[Fault]) -> Report:
    """Adds to the verdict what went wrong on the way."""
    verdict.stuck = verdict.show("stuck", outcome.stuck)
    verdict.ended_alone = verdict.show("unasked", members.ended_alone)
    late = [f"{seconds:.1f} s" for seconds in members.leaving if seconds > STOP_SECONDS_MAX]
    verdict.stopped_late = verdict.show("SIGTERM to end", late)
    large = [f"{kind}: {mib} MiB" for kind, mib in members.memory_mib.items() if mib > MEMORY_MIB_MAX]
    verdict.memory_exceeded = verdict.show("memory", large)
    outage = max((fault.amount for fault in faults if fault.kind == "away"), default=0)
    if outage >= _OUTAGE_SECONDS_MIN and (outcome.catch_up is None or outcome.catch_up < CATCH_UP_MIN):
        verdict.caught_up_slowly = verdict.show("caught up", [f"{outcome.catch_up} times the arrival"])
    return Report(
        holds=verdict.holds,
        verdict=verdict,
        kills=outcome.kills,
        done=dict(sorted(outcome.done.items())),
        recovery_seconds={
            name: (round(statistics.median(seconds), 2), max(seconds))
            for name, seconds in sorted(outcome.recovery.items())
        },
        catch_up=outcome.catch_up,
        looks=outcome.looks,
        memory_mib=members.memory_mib,
        leaving_seconds_max=round(max(members.leaving, default=0.0), 1),
        ended_alone=tuple(members.ended_alone),
        ended_by_watchdog=tuple(members.ended_by_watchdog),
    )


def show(report: Report) -> None:
    """As a table, with examples of what is wrong below it."""
    console = terminal()
    table = Table("figure", "value", title=f"chaos: {report.broker}", title_justify="left")
    table.add_row("verdict", "[green]nothing lost, nothing doubled[/green]" if report.holds else "[red]it fails[/red]")
    table.add_row(
        "done", f"{report.articles:,} records, {report.kills} kills, {sum(report.done.values())} faults, "
        f"{report.seconds} s",
    )  # fmt: skip
    for name, number in report.verdict.violations.items():
        table.add_row(name.replace("_", " "), str(number), style="red" if number else "")
    for name, number in report.verdict.repeats.items():
        table.add_row(name, str(number), style="dim")
    for name, number in report.done.items():
        times = report.recovery_seconds.get(name)
        recovered = f"; recovery: median {times[0]} s, worst {times[1]} s" if times else ""
        table.add_row(name, f"{number} times{recovered}")
    for name in report.recovery_seconds.keys() - report.done.keys():
        table.add_row(f"recovery: {name}", f"{report.recovery_seconds[name][1]} s")
    if report.looks:
        table.add_row("ingest and readiness during the outage", f"looked at {report.looks} times")
    if report.catch_up is not None:
        table.add_row("caught up", f"{report.catch_up} times the arrival")
    for name, memory in report.memory_mib.items():
        table.add_row(f"memory: {name}", f"{memory} MiB at most")
    table.add_row("longest SIGTERM to end", f"{report.leaving_seconds_max} s")
    table.add_row("ended by the watchdog", str(len(report.ended_by_watchdog)))
    table.add_row("repeat", report.repeat)
    console.print(table)
    for line in report.verdict.examples:
        console.print(line, highlight=False, markup=False)
