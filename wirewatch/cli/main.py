"""The ``wirewatch`` command: finds the subcommand, and turns errors into one line and an exit code."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from pathlib import Path

import click

from wirewatch import __version__
from wirewatch.cli.signals import close_stdout
from wirewatch.errors import EXIT_FAULTS, TooManyFaults, UsageError, WirewatchError

# Command, module below wirewatch.cli, and its one line in the help (kept here, so that help imports nothing heavy).
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("up", "Run everything on this machine."),
    "publish": ("publish", "Publish articles from files, folders or standard input."),
    "feeds": ("feeds", "Poll live feeds."),
    "consume": ("consume", "Run stages as members of their consumer groups."),
    "serve": ("serve", "Serve the API: ingest, alerts, counters, stream."),
    "match": ("match", "Recognise actors in articles, without broker or Redis."),
    "watchlist": ("watchlist", "Check the watchlist, or explain a text."),
    "rules": ("rules", "Check alert rules, put them into use, explain and try them."),
    "alerts": ("alerts", "Read alerts, or follow them."),
    "acknowledge": ("acknowledge", "Take an alert on: it notifies no one again."),
    "verdict": ("verdict", "Say whether an alert was right."),
    "precision": ("precision", "Show how often each rule was right."),
    "silences": ("silences", "Mute alerts for a while."),
    "receivers": ("receivers", "Check who is notified of alerts."),
    "delivery": ("delivery", "See what receivers were sent, send it again, try a receiver."),
    "counters": ("counters", "Read the counters."),
    "rebuild": ("rebuild", "Count the retained log again."),
    "verify": ("verify", "Recount from the log, and compare with the counters."),
    "dlq": ("dlq", "List, show and replay dead letters."),
    "tokens": ("tokens", "Make tokens for publishing over HTTP, and list them."),
    "topics": ("topics", "Create and list the topics."),
    "doctor": ("doctor", "Check settings and servers, and say what to do."),
    "bench": ("bench", "Measure, and print figures."),
    "chaos": ("chaos", "Kill everything under load, and check that nothing is lost or doubled."),
}

EXIT_FAILURE = 1
EXIT_USAGE = 2


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"wirewatch.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    epilog="First steps: `wirewatch up --once` shows it at work, `wirewatch up` keeps it running.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="wirewatch")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML file of settings; the environment wins over it.",
)
def cli(config: Path | None) -> None:
    """Watch the world's news as a stream, and be told when the actors you watch appear."""
    if config is not None:
        # Through the environment, so that the processes that `up` starts read the same file.
        os.environ["WIREWATCH_CONFIG"] = str(config.resolve())


def run(arguments: Sequence[str]) -> int:
    """Run one command; return the exit code: 0 fine, 1 failed, 2 called wrongly, 3 a stage that
    met too many faults. Never a traceback for a user error."""
    try:
        result = cli.main(args=list(arguments), prog_name="wirewatch", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except click.Abort:
        click.echo("stopped", err=True)
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nobody is left to tell.
        close_stdout()
        return 0
    except UsageError as error:
        return _fail(error, EXIT_USAGE)
    except TooManyFaults as error:
        return _fail(error, EXIT_FAULTS)
    except WirewatchError as error:
        return _fail(error, EXIT_FAILURE)


def _fail(error: WirewatchError, code: int) -> int:
    click.secho(f"wirewatch: {error}", err=True, fg="red")
    return code
