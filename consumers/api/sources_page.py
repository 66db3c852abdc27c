"""The page ``/sources``: how every feed is, for people. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape

import msgspec

from consumers.source_health import HEALTH_ORDER, Source, Sources
from wirewatch.feed_state import HealthWord, spoken

ROWS_MAX = 500
"""A browser takes seconds for thousands of rows; the worst come first, and the JSON has all."""
_BAR_UNITS = 1_000
_MEANINGS: dict[HealthWord, str] = {
    "failing": "three failures in a row or more, or never an answer",
    "silent": "answers, and brings less than its own rhythm",
    "ended": "gone for good, not polled any more",
    "new": "no article yet",
    "ok": "as often as usual",
}

_STYLE = """
:root { color-scheme: light dark; --back: #f6f7f9; --card: #fff; --text: #1b1f24; --soft: #5b6470; --line: #e1e4e8;
  --ok: #1a7f47; --failing: #c0271d; --silent: #9a6200; --ended: #6b4aa8; --new: #2563ad; }
@media (prefers-color-scheme: dark) { :root { --back: #14171b; --card: #1c2026; --text: #e7eaee; --soft: #9aa4b0;
  --line: #2d333b; --ok: #5fd08e; --failing: #ff8a80; --silent: #eebc62; --ended: #bda4f0; --new: #82b4f5; } }
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, -apple-system, "Segoe UI", sans-serif; margin: 0; background: var(--back);
  color: var(--text); }
main { max-width: 80rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; }
h1 { font-size: 1.6rem; margin: 0; letter-spacing: -.01em; }
header p { margin: 0; color: var(--soft); }
a { color: inherit; }
.bar { display: block; width: 100%; height: .5rem; margin: 1.1rem 0 1rem; border-radius: .25rem; overflow: hidden;
  background: var(--line); }
.words { display: flex; flex-wrap: wrap; gap: .6rem; margin: 0 0 1.25rem; padding: 0; list-style: none; }
.words a { display: block; min-width: 8.5rem; padding: .55rem .9rem; border-radius: .6rem;
  border: 1px solid var(--line); background: var(--card); text-decoration: none; }
.words a:hover, .words a[aria-current] { border-color: currentColor; }
.words b { display: block; font-size: 1.35rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.words span { font-size: .85rem; }
.table { border: 1px solid var(--line); border-radius: .6rem; background: var(--card); overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { font-weight: 600; font-size: .8rem; color: var(--soft); text-align: left; white-space: nowrap; }
th, td { padding: .6rem .9rem; vertical-align: top; border-bottom: 1px solid var(--line); }
tbody tr:last-child td { border-bottom: 0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.time { white-space: nowrap; }
td.feed { min-width: 16rem; max-width: 26rem; overflow-wrap: anywhere; }
td.feed b { font-weight: 600; }
td.health { min-width: 13rem; max-width: 22rem; overflow-wrap: anywhere; }
small { display: block; color: var(--soft); font-size: .82rem; }
.tag { display: inline-block; margin: .25rem .3rem 0 0; padding: 0 .45rem; border: 1px solid var(--line);
  border-radius: 1rem; font-size: .75rem; color: var(--soft); }
.mark::before { content: ""; display: inline-block; width: .6em; height: .6em; margin-right: .45em; border-radius: 50%;
  background: currentColor; }
.mark { font-weight: 600; }
.ok { color: var(--ok); fill: var(--ok); } .failing { color: var(--failing); fill: var(--failing); }
.silent { color: var(--silent); fill: var(--silent); } .ended { color: var(--ended); fill: var(--ended); }
.new { color: var(--new); fill: var(--new); }
.none { padding: 2rem; color: var(--soft); }
@media (max-width: 48rem) {
  .words a { min-width: 0; padding: .4rem .7rem; } .words li { flex: 1; }
  thead { display: none; } tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  td, td.number { display: block; min-width: 0; padding: .15rem .9rem; border: 0; text-align: left; }
  td[data-head]::before { content: attr(data-head); display: inline-block; width: 7.5rem; color: var(--soft); }
  td small { display: inline-block; } td.feed small, td.health small { display: block; }
}
code { font: .9em ui-monospace, monospace; }
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TIMES = ("Last article", "Rhythm", "Last success", "Next poll")


def render(found: Sources, now: datetime, *, only: HealthWord | None = None) -> str:
    """The page: without scripts, all that came from outside escaped. ``only``: the feeds with this word alone."""
    counts = Counter(each.health for each in found.sources)
    chosen = [each for each in found.sources if only in (None, each.health)]
    count = f"{len(found.sources):,} {'feed' if len(found.sources) == 1 else 'feeds'}"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sources – Wirewatch</title><style>{_STYLE}</style></head>
<body><main><header><h1>Sources</h1>
<p>{count}, {now:%Y-%m-%d %H:%M} UTC · <a href="/sources">all</a> · <a href="/v1/sources">as JSON</a></p></header>
{_bar(counts)}
<ul class="words">{"".join(_word(word, counts[word], only) for word in HEALTH_ORDER if counts[word])}</ul>
<div class="table">{_table(chosen, now)}</div>
</main></body></html>
"""


def _bar(counts: Counter[HealthWord]) -> str:
    """The share of each word, as a picture of the list below it."""
    total = counts.total()
    if not total:
        return ""
    parts, at = [], 0.0
    for word in HEALTH_ORDER:
        width = counts[word] / total * _BAR_UNITS
        parts.append(f'<rect class="{word}" x="{at:.1f}" width="{width:.1f}" height="10"/>')
        at += width
    box = f'viewBox="0 0 {_BAR_UNITS} 10" preserveAspectRatio="none"'
    return f'<svg class="bar" {box} aria-hidden="true">{"".join(parts)}</svg>'


def _word(word: HealthWord, count: int, only: HealthWord | None) -> str:
    current = ' aria-current="true"' if word == only else ""
    link = f'<a class="{word}" href="/sources?health={word}" title="{_MEANINGS[word]}"{current}>'
    return f'<li>{link}<b>{count:,}</b><span class="mark">{word}</span></a></li>'


def _table(chosen: Sequence[Source], now: datetime) -> str:
    if not chosen:
        advice = "<code>wirewatch feeds import --default</code> puts the shipped ones on the list"
        return f'<div class="none">No feeds: {advice}.</div>'
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Feed", "Health", *_TIMES))
    rows = "\n".join(_row(each, now) for each in chosen[:ROWS_MAX])
    more = len(chosen) - ROWS_MAX
    rest = f'<div class="none">{more:,} more in <a href="/v1/sources">the JSON</a>.</div>' if more > 0 else ""
    return f"""<table><thead><tr>{heads}<th scope="col" class="number">Articles</th></tr></thead><tbody>
{rows}
</tbody></table>{rest}"""


def _row(source: Source, now: datetime) -> str:
    tags = "".join(f'<span class="tag">{escape(each)}</span>' for each in source.categories)
    name = escape(source.title or source.url)
    address = f"<small>{escape(source.url)}</small>" if source.title else ""
    gap = source.gap_seconds
    poll = "never" if source.health == "ended" else "now"
    if source.next_poll and source.next_poll > now:
        poll = f"in {spoken(source.next_poll - now)}"
    pushed = f'<small title="{escape(source.pushed_by)}">pushed to us</small>' if source.pushed_by else ""
    mark = f'<span class="mark {source.health}">{source.health}</span><small>{escape(source.detail)}</small>'
    rhythm = f"one in {spoken(timedelta(seconds=gap))}" if gap is not None else "not known"
    times = (_ago(source.last_article, now), rhythm, _ago(source.last_success, now), f"{poll} {pushed}")
    cells = (f'<td class="time" data-head="{head}">{cell}</td>' for head, cell in zip(_TIMES, times, strict=True))
    return (
        f'<tr><td class="feed"><b>{name}</b>{address}{tags}</td><td class="health">{mark}</td>{"".join(cells)}'
        f'<td class="number" data-head="Articles">{source.articles:,}</td></tr>'
    )


def _ago(when: datetime | None, now: datetime) -> str:
    if when is None:
        return "never"
    return f'<time datetime="{msgspec.to_builtins(when)}">{spoken(now - when)} ago</time>'
