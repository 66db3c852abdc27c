"""``wirewatch rules explain`` and ``backtest``: why rules match an article, and what rules would have raised."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from consumers import backtest as trying
from consumers.actors import mentions_of
from consumers.explaining import Explanation
from consumers.explaining import explain as explained
from consumers.recognise import compile_watchlist
from consumers.retained import mentions_in, newest_of, span_since
from consumers.rule_file import load_rules
from consumers.rules import RuleSet
from consumers.rules_in_use import rules_file, rules_now
from consumers.watchlist_file import of_settings
from producers.files import Reader, Skipped
from wirewatch.broker import Admin, Message
from wirewatch.cli.alerts import Since
from wirewatch.cli.render import alerts_table, clean, terminal
from wirewatch.cli.wiring import open_broker, open_redis
from wirewatch.errors import Rejected, StoreUnavailable, UserError
from wirewatch.records import Article, Mentions
from wirewatch.settings import Settings, load
from wirewatch.stage import Received
from wirewatch.topics import ARTICLES

_FILE = click.Path(dir_okay=False, path_type=Path)
_DAYS_DEFAULT = 7
_ARTICLES_MAX = 20
_SHOW_EVERY = 200


@click.command(
    epilog="Examples: `wirewatch rules explain article.txt`, `wirewatch rules explain 5f2c0e…`, "
    "`wirewatch rules explain --rules my-rules.yaml article.html`."
)
@click.argument("article")
@click.option("--rules", "file", type=_FILE, help="Rules file; otherwise the rules in use.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per article.")
def explain(article: str, file: Path | None, as_json: bool) -> None:
    """Say for each rule why it matched ARTICLE, or which condition failed, with the values that decided.

    ARTICLE is a file as `wirewatch publish` reads it, which needs no server, or the id of an article (as alerts show
    it), which is looked up in the retained log.
    """
    settings = load()
    rules = _rules(settings, file)
    for mentions in _of_file(article, settings) if Path(article).exists() else [_of_log(article, settings)]:
        found = explained(rules, mentions)
        if as_json:
            facts = {"article_id": mentions.article_id, "title": mentions.title, "rules_version": rules.version}
            click.echo(msgspec.json.encode({**facts, "rules": found}))
        else:
            _show_explained(mentions, found)


@click.command(
    epilog="Examples: `wirewatch rules backtest my-rules.yaml`, `wirewatch rules backtest my-rules.yaml --since 24h`, "
    "`wirewatch rules backtest my-rules.yaml --against old-rules.yaml --json`."
)
@click.argument("file", type=_FILE)
@click.option(
    "--since", type=Since(), help=f"Records since then: 24h, 7d, or a time in RFC 3339. Default: {_DAYS_DEFAULT}d."
)
@click.option("--against", type=_FILE, help="Rules file to compare with; otherwise the rules in use.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def backtest(file: Path, since: datetime | None, against: Path | None, as_json: bool) -> None:
    """Try the rules of FILE on the retained log: alerts per day, stories, samples, and what differs from the rules in
    use. Nothing is raised and nothing is changed.

    The log holds what was recognised when each article came; actors that the watchlist did not have then are not found.
    """
    settings = load()
    candidate = load_rules(file, [actor.id for actor in of_settings(settings).actors])
    current = _rules(settings, against)
    with closing(open_broker(settings).admin()) as admin:
        span = span_since(admin, since or datetime.now(UTC) - timedelta(days=_DAYS_DEFAULT))
        with _bar("records", span.records) as go_on:
            found = trying.backtest(
                mentions_in(admin, span),
                candidate,
                current,
                story_of=trying.stories(settings),
                go_on=go_on,
            )
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        _show_backtest(found)


def _rules(settings: Settings, file: Path | None) -> RuleSet:
    """Those of the file, else those in use; where no Redis runs or answers, those of the configured file."""
    if file is not None:
        return load_rules(file)
    try:
        with closing(open_redis(settings)) as client:
            return rules_now(settings, client).rules
    except (StoreUnavailable, UserError):
        return rules_file(settings).rules


def _of_file(path: str, settings: Settings) -> Iterator[Mentions]:
    reader = Reader(
        clock=lambda: datetime.now(UTC),
        article_bytes_max=settings.article_bytes_max,
        file_bytes_max=settings.fetch_bytes_max,
    )
    recogniser = compile_watchlist(of_settings(settings))
    shown = 0
    for item in reader.read([path]):
        if isinstance(item, Skipped):
            continue
        if isinstance(item.outcome, Rejected):
            raise UserError(f"{item.origin}: {item.outcome}")
        yield mentions_of(_received(item.outcome), recogniser)
        shown += 1
        if shown == _ARTICLES_MAX:
            click.echo(f"{path}: the first {_ARTICLES_MAX} articles are explained", err=True)
            return


def _received(article: Article) -> Received[Article]:
    ms = int(article.first_seen.timestamp() * 1000)
    return Received(article, Message(ARTICLES.name, 0, 0, ms, article.id.encode(), b""))


def _of_log(article_id: str, settings: Settings) -> Mentions:
    with closing(open_broker(settings).admin()) as admin:
        total = sum(end - start for start, end in admin.offsets("mentions.v1").values())
        with _bar("records", total) as go_on:
            found = _found(admin, article_id, go_on)
    if found is None:
        raise UserError(f"{article_id}: there is no such file, and no such article among the {total:,} of the log")
    return found


def _found(admin: Admin, article_id: str, go_on: Callable[[int], bool]) -> Mentions | None:
    found = None
    for read, step in enumerate(newest_of(admin, article_id)):
        found = step
        go_on(read)
    return found


@contextmanager
def _bar(what: str, total: int) -> Iterator[Callable[[int], bool]]:
    """Progress on standard error, on a terminal."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)

        def go_on(done: int) -> bool:
            if done % _SHOW_EVERY == 0:
                progress.update(task, completed=done)
            return True

        yield go_on


def _show_explained(mentions: Mentions, found: tuple[Explanation, ...]) -> None:
    click.echo(f"{clean(mentions.title) or '(no headline)'}  [{mentions.article_id}]")
    for each in found:
        sign = "✓" if each.matched else "✗"
        click.echo(f"{sign} {each.rule} ({each.severity}): {clean(each.why)}")


def _show_backtest(found: trying.Backtest) -> None:
    if found.since is None or found.until is None:
        click.echo("the log holds no records of that time")
        return
    click.echo(f"{found.records:,} records, {found.articles:,} articles with watched actors, {found.days:g} days")
    table = Table("Rule", "Matches", "Alerts", "A day", "New", "Gone", "Same", box=None, pad_edge=False)
    for row in found.rules:
        numbers = (row.matches, row.alerts, row.alerts_per_day, row.new, row.gone, row.same)
        table.add_row(row.rule, *(f"{number:,}" for number in numbers))
    console = terminal()
    console.print(table)
    click.echo(
        f"{found.alerts:,} alerts ({found.alerts_per_day:g} a day) about {found.stories:,} stories; "
        f"rules in use: {found.alerts_before:,} ({found.alerts_per_day_before:g} a day) about {found.stories_before:,}"
    )
    if found.volume_rules:
        click.echo(f"{found.volume_rules} volume rules are not tried: they look at counters, not at articles")
    for change, title in (("new", "New alerts"), ("gone", "Alerts that would be gone")):
        if samples := [sample.alert for sample in found.samples if sample.change == change]:
            console.print(Text(f"\n{title}, the newest:", style="bold"))
            console.print(alerts_table(samples, header=False))
