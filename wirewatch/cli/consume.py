"""``wirewatch consume``: run stages as members of their consumer groups."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

import click

from wirewatch import logs, metrics_server, runner
from wirewatch.cli.signals import stop_event
from wirewatch.cli.wiring import open_broker
from wirewatch.errors import RetentionLoss, UsageError
from wirewatch.local.supervisor import Program, Supervisor
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings, load
from wirewatch.stage import Context, Sink, Stage, Transform
from wirewatch.watchdog import Watchdog
from wirewatch.worker_pool.pool import cores

_TEND_SECONDS = 0.5


@click.command(
    epilog="Examples: `wirewatch consume actors`, `wirewatch consume entities --workers 2`, "
    "`wirewatch consume actors entities counters relay`."
)
@click.argument("stages", nargs=-1, required=True, metavar="STAGE...")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes per stage.")
def command(stages: Sequence[str], workers: int) -> None:
    """Run stages until stopped: actors, entities, counters, relay, volume, deliver.

    Each process is a member of its stage's consumer group; start as many on as many machines as there are partitions.
    SIGTERM or Ctrl-C finishes the batch at hand and stops; a second one stops at once. Nothing is lost either way.
    """
    from consumers.stages import STAGES

    unknown = [name for name in stages if name not in STAGES]
    if unknown:
        raise UsageError(f"there is no stage {unknown[0]!r}: the stages are {', '.join(STAGES)}")
    settings = load()
    if len(stages) == 1 and workers == 1:
        consume_stage(STAGES[stages[0]], settings)
    else:
        _consume_many(stages, workers, settings)


def consume_stage(stage: Stage, settings: Settings) -> None:
    """Run one stage in this process, as one member, until SIGTERM or Ctrl-C."""
    logs.configure(settings, process=stage.name)
    stop = stop_event()
    metrics = Metrics().with_process_metrics()
    metrics_server.serve(metrics, settings)
    watchdog = Watchdog(settings.stall_seconds, stop)
    context = Context(settings=settings, metrics=metrics)
    try:
        runner.run(stage, open_broker(settings), context, stop, watchdog.turned)
    except RetentionLoss as loss:
        if isinstance(stage, Sink):
            raise RetentionLoss(
                f"{loss}; `wirewatch rebuild {stage.name}` counts again what the log still holds"
            ) from loss
        raise
    finally:
        watchdog.close()


def _consume_many(stages: Sequence[str], workers: int, settings: Settings) -> None:
    """One process each, so that none waits for another's work; each with a metrics port of its own."""
    from consumers.stages import STAGES

    stop = stop_event()
    members = [(f"{name}-{n}" if workers > 1 else name, name) for name in stages for n in range(1, workers + 1)]
    programs = [
        Program(
            label,
            ("consume", name),
            os.environ
            | {"WIREWATCH_METRICS_PORT": str(settings.metrics_port + i if settings.metrics_port else 0)}
            | _share_of_cores(STAGES[name], workers, settings),
        )
        for i, (label, name) in enumerate(members)
    ]
    supervisor = Supervisor(programs, settings.data_dir / "logs")
    supervisor.start()
    try:
        for label, pid in supervisor.pids().items():
            click.echo(f"{label}: process {pid}, log {supervisor.log_file(label)}", err=True)
        tend_until(stop, supervisor)
    finally:
        supervisor.stop()


def _share_of_cores(stage: Stage, members: int, settings: Settings) -> dict[str, str]:
    """Members of a stage that starts worker processes share the cores, where nobody says how many each shall start."""
    if not isinstance(stage, Transform) or stage.apart is None or settings.worker_processes:
        return {}
    return {"WIREWATCH_WORKER_PROCESSES": str(max(1, cores() // members))}


def tend_until(stop: threading.Event, supervisor: Supervisor) -> None:
    """Keep the processes running until ``stop`` is set. Raises GaveUp."""
    while not stop.wait(_TEND_SECONDS):
        for event in supervisor.tend():
            click.echo(event, err=True)
