"""``python -m tests.house.reference`` (`make docs`) writes docs/reference.md from the code; a test compares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import click
from prometheus_client.metrics import MetricWrapperBase

from consumers.stages import STAGES
from tests.house.repository import ROOT
from wirewatch.cli.main import cli
from wirewatch.metrics import Metrics
from wirewatch.settings import declared
from wirewatch.stage import Relay, Service, Sink, Stage
from wirewatch.topics import TOPICS

FILE = ROOT / "docs" / "reference.md"

HEAD = """\
# Reference

Written by `make docs` from the code; a test fails when it is out of date.
"""


def render() -> str:
    """The whole page."""
    sections = [
        HEAD,
        _section("Commands", ("Command", "Does", "Options"), _commands(cli, "wirewatch")),
        _section(
            "Settings",
            ("Variable", "Default", "Meaning"),
            ((f"`{s.variable}`", f"`{s.shown}`" if s.shown else "", s.meaning) for s in declared()),
            "From the environment, else a file of that name in the folder `WIREWATCH_SECRETS_DIR`, else the TOML file "
            "of `--config` (there in lower case without `WIREWATCH_`), else the default. "
            "`wirewatch doctor --settings` prints those in force.",
        ),
        _section(
            "Topics", ("Topic", "Record", "Holds"), ((f"`{t.name}`", t.record.__name__, t.purpose) for t in TOPICS)
        ),
        _section("Stages", ("Stage", "Reads", "Writes", "Does"), map(_stage, STAGES.values())),
        _section("Metrics", ("Metric", "Kind", "Labels", "Meaning"), map(_metric, metrics().values())),
    ]
    return "\n".join(sections)


def metrics() -> dict[str, MetricWrapperBase]:
    """Every declared metric by the name of its attribute."""
    return {name: value for name, value in vars(Metrics()).items() if isinstance(value, MetricWrapperBase)}


def exported_name(metric: MetricWrapperBase) -> str:
    """The name as Prometheus stores it."""
    suffix = {"counter": "_total", "info": "_info"}.get(str(metric._type), "")
    return f"{metric._name}{suffix}"


def _section(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], text: str = "") -> str:
    lines = [f"## {title}", "", *([text, ""] if text else []), _row(columns), _row(["---"] * len(columns))]
    return "\n".join([*lines, *map(_row, rows), ""])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, str, str]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        here = f"{path} {name}"
        if isinstance(command, click.Group):
            yield from _commands(command, here)
            continue
        arguments = [p.make_metavar(context) for p in command.params if isinstance(p, click.Argument)]
        options = [f"`{max(p.opts, key=len)}`" for p in command.params if isinstance(p, click.Option)]
        yield f"`{' '.join([here, *arguments])}`", command.get_short_help_str(limit=200), " ".join(options)


def _stage(stage: Stage) -> tuple[str, str, str, str]:
    match stage:
        case Sink():
            reads, writes = [topic.name for topic in stage.reads], "Redis"
        case Relay():
            reads, writes = ["the outbox in Redis"], stage.writes.name
        case Service():
            reads, writes = [stage.reads], stage.writes
        case _:
            reads, writes = [stage.reads.name], stage.writes.name
    return f"`{stage.name}`", ", ".join(reads), writes, stage.summary


def _metric(metric: MetricWrapperBase) -> tuple[str, str, str, str]:
    return f"`{exported_name(metric)}`", str(metric._type), ", ".join(metric._labelnames), metric._documentation


def main() -> None:
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(render(), encoding="utf-8")
    click.echo(f"wrote {FILE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
