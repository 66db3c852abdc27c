"""Alerts and counters as people read them on a terminal. Pure: records in, something that rich prints out.

Text from the net never reaches the terminal as it came: controls and direction marks are replaced one for one, so
that no headline can move the cursor, hide itself or shift the highlights.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from consumers.reading import CounterRow
from wirewatch.harmless import clean as clean
from wirewatch.records import Alert, AlertSentence, Severity

SEVERITY_STYLES: dict[Severity, str] = {"critical": "bold white on red", "warning": "bold yellow", "info": "cyan"}
_MARK_STYLE = "bold black on yellow"
_LATE_SECONDS = 86_400
_PIPE_COLUMNS = 120


def terminal() -> Console:
    """Standard output: as wide as the terminal, and wide enough to read where it goes to a file or a pipe."""
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPE_COLUMNS
    return console


def alerts_table(alerts: Iterable[Alert], *, header: bool = True) -> Table:
    """One row per alert, in the order given: time, severity, actors, and the article with its best sentence."""
    table = Table(box=box.SIMPLE_HEAD, show_header=header, show_lines=False, pad_edge=False, expand=True)
    table.add_column("Time (UTC)", width=10, no_wrap=True)
    table.add_column("Severity", width=8, no_wrap=True)
    table.add_column("Actors", width=14)
    table.add_column("Headline, source · language, and where the actors are named", ratio=1)
    for alert in alerts:
        table.add_row(
            f"{alert.raised.astimezone(UTC):%Y-%m-%d\n%H:%M:%S}",
            Text(alert.severity, style=SEVERITY_STYLES[alert.severity]),
            Text("\n".join(clean(actor.name) for actor in alert.actors)),
            _article(alert),
        )
    return table


def counters_table(rows: Sequence[CounterRow], *, by: str = "actor") -> Table:
    """One row per count. Columns that no row fills are left out."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    columns = [
        ("Actor", [row.actor for row in rows]),
        ("Label", [row.label for row in rows]),
        (_KEY_TITLES.get(by, by.capitalize()), [row.key or None for row in rows]),
    ]
    shown = [(title, cells) for title, cells in columns if any(cell is not None for cell in cells)]
    for title, _ in shown:
        table.add_column(title)
    table.add_column("Articles", justify="right")
    counts_mentions = any(row.mentions is not None for row in rows)
    if counts_mentions:
        table.add_column("Mentions", justify="right")
    for index, row in enumerate(rows):
        texts = [Text(clean(cells[index] or "")) for _, cells in shown]
        numbers = [f"{row.articles:,}"] + ([f"{row.mentions or 0:,}"] if counts_mentions else [])
        table.add_row(*texts, *numbers)
    return table


_KEY_TITLES = {"hour": "Hour (UTC)", "day": "Day (UTC)", "pair": "With", "entity": "Name", "total": "Outcome"}


def _article(alert: Alert) -> RenderableType:
    lines: list[RenderableType] = [Text(clean(alert.title) or "(no headline)", style="bold")]
    if alert.kind != "article":  # about how much is written, not about one article
        return Group(*lines, Text(clean(alert.reason), style="dim"), Text(""))
    facts = [clean(alert.source) or "unknown source", alert.language or "und"]
    if published := _published(alert):
        facts.append(published)
    facts += _story(alert)
    lines.append(Text(" · ".join(facts), style="dim"))
    body = [sentence for sentence in alert.sentences if sentence.field != "title"] or alert.sentences
    lines += [_Marked(sentence) for sentence in body[:1]]
    return Group(*lines, Text(""))


def update_line(before: Alert | None, alert: Alert) -> Text:
    """What is new in a later revision of an alert, on one line. ``before``: the revision that was shown, if any was."""
    articles = alert.story_articles - (before.story_articles if before else 0)
    sources = f"{len(alert.sources)} source{'s' * (len(alert.sources) != 1)}"
    if before is None:
        told = f"now {articles} articles, {sources}"
    elif articles:
        told = f"+{articles} article{'s' * (articles != 1)}, now {sources}"
    else:
        told = "edited"
    return Text(f"  {clean(alert.title) or '(no headline)'}: {told}", style="dim")


def _story(alert: Alert) -> list[str]:
    """How much there is of the story, where that is more than the one article."""
    if alert.story_articles == 1:
        return []
    sources = len(alert.sources)
    return [f"{alert.story_articles} articles, {sources} source{'s' * (sources != 1)}"]


def _published(alert: Alert) -> str:
    """When the source published it, where that is not today's news: an old article must look old."""
    if alert.published is None:
        return ""
    published = alert.published.astimezone(UTC)
    if alert.old:
        return f"old: published {published:%Y-%m-%d}"
    seen: datetime = alert.first_seen or alert.raised
    return f"published {published:%Y-%m-%d}" if abs((seen - published).total_seconds()) > _LATE_SECONDS else ""


class _Marked:
    """A sentence with its mentions on yellow, or between › and ‹ where there are no styles (a file, a pipe)."""

    def __init__(self, sentence: AlertSentence) -> None:
        self._sentence = sentence

    def __rich_console__(self, console: Console, _: ConsoleOptions) -> RenderResult:
        text = clean(self._sentence.text)
        styled = console.color_system is not None and not console.no_color
        shown = Text()
        at = 0
        for mark in sorted(self._sentence.highlights, key=lambda mark: (mark.start, -mark.end)):
            if mark.start < at or mark.end > len(text):
                continue
            shown.append(text[at : mark.start])
            named = text[mark.start : mark.end]
            shown.append(named if styled else f"›{named}‹", style=_MARK_STYLE)
            at = mark.end
        shown.append(text[at:])
        yield shown
