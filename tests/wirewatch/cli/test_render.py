"""Alerts and counters as a terminal shows them."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from consumers.reading import CounterRow
from wirewatch.cli.render import alerts_table, clean, counters_table, update_line
from wirewatch.records import Alert, AlertActor, AlertSentence, Highlight

AT = datetime(2026, 1, 6, 7, 12, tzinfo=UTC)


def alert(**changes: object) -> Alert:
    values: dict[str, object] = {
        "id": "0" * 32,
        "rule": "r",
        "rule_version": "v",
        "severity": "critical",
        "reason": "",
        "actors": (AlertActor(id="nato", name="NATO", score=0.9, mentions=1, why=""),),
        "article_id": "a",
        "title": "NATO meets",
        "source": "Wire",
        "url": None,
        "language": "en",
        "published": AT,
        "first_seen": AT,
        "raised": AT,
        "received_ms": 0,
        "sentences": (
            AlertSentence(
                field="text", text="The NATO allies meet.", highlights=(Highlight(start=4, end=8, actor="nato"),)
            ),
        ),
    }
    return Alert(**(values | changes))  # type: ignore[arg-type]


def shown(table: RenderableType, *, colours: bool = False, width: int = 100) -> str:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=colours, color_system="standard" if colours else None
    )
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_an_alert_shows_time_severity_actor_headline_source_language_and_sentence() -> None:
    text = shown(alerts_table([alert()]))
    for part in ("2026-01-06", "07:12:00", "critical", "NATO", "NATO meets", "Wire · en", "The ›NATO‹ allies meet."):
        assert part in text


def test_with_colours_a_mention_stands_out_instead_of_being_marked() -> None:
    text = shown(alerts_table([alert()]), colours=True)
    assert "›" not in text
    assert "\x1b[1;30;43mNATO\x1b[0m" in text


def test_an_article_of_long_ago_shows_when_it_was_published() -> None:
    assert "published" not in shown(alerts_table([alert()]))
    assert "published 2020-01-06" in shown(alerts_table([alert(published=AT.replace(year=2020))]))


def test_an_alert_says_how_much_there_is_of_its_story_and_that_it_is_old() -> None:
    assert "articles" not in shown(alerts_table([alert(sources=("Wire",))]))
    text = shown(alerts_table([alert(story_articles=5, sources=("Wire", "Post"), old=True)]), width=140)
    assert "5 articles, 2 sources" in text
    assert "old: published 2026-01-06" in text


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {"story_articles": 4, "sources": ("a", "b")}, "+3 articles, now 2 sources"),
        ({}, {"story_articles": 2, "sources": ("a",)}, "+1 article, now 1 source"),
        ({}, {"revision": 2}, "edited"),
        (None, {"story_articles": 9, "sources": ("a", "b")}, "now 9 articles, 2 sources"),
    ],
)
def test_an_update_is_told_on_one_line(before: dict[str, object] | None, after: dict[str, object], told: str) -> None:
    line = update_line(None if before is None else alert(**before), alert(title="NATO\nmeets", **after))
    assert line.plain == f"  NATO meets: {told}"


def test_a_table_fits_a_narrow_terminal() -> None:
    text = shown(alerts_table([alert(title="word " * 60)]), width=80)
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\x1b[2Jb", "a\ufffd[2Jb"),
        ("a\r\n\tb\x00", "a   b\ufffd"),
        ("\u202egnp.exe\u202c\u2066", "\ufffdgnp.exe\ufffd\ufffd"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👨\u200d👩", "👨\u200d👩"),
        ("عاجل: الناتو", "عاجل: الناتو"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_text_from_the_net_cannot_steer_the_terminal(text: str, seen: str) -> None:
    assert clean(text) == seen


@given(st.text())
def test_cleaning_keeps_every_place_where_it_was(text: str) -> None:
    assert len(clean(text)) == len(text)


@given(
    st.text(max_size=40),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4),
    st.text(max_size=40),
)
def test_whatever_an_alert_holds_it_is_shown_without_controls(
    text: str, marks: list[tuple[int, int]], title: str
) -> None:
    highlights = tuple(Highlight(start=start, end=end, actor="nato") for start, end in marks)
    hostile = alert(
        title=title, source=title, sentences=(AlertSentence(field="text", text=text, highlights=highlights),)
    )
    assert "\x1b" not in shown(alerts_table([hostile]))


def test_counters_show_only_columns_that_hold_something() -> None:
    rows = [CounterRow(actor="nato", articles=1_234, mentions=5), CounterRow(actor="iran", articles=1, mentions=0)]
    lines = [line.split() for line in shown(counters_table(rows)).splitlines() if line.strip(" ─")]
    assert lines == [["Actor", "Articles", "Mentions"], ["nato", "1,234", "5"], ["iran", "1", "0"]]
    totals = shown(counters_table([CounterRow(key="ok", articles=7)], by="total"))
    assert totals.split()[:2] == ["Outcome", "Articles"]


def test_alerts_of_any_zone_are_shown_in_utc() -> None:
    raised = AT.astimezone(timezone(timedelta(hours=9)))
    assert "07:12:00" in shown(alerts_table([alert(raised=raised)]))
