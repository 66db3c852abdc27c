"""Figures of the live page: `python -m tests.bench.page`. Weight, first paint, and 1,000 alerts, in real Chromium."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import click
from playwright.sync_api import Browser, Page, sync_playwright

from tests.page.articles import numbered
from tests.page.conftest import WIDE, chromium
from tests.page.running import System
from wirewatch.cli.bench_machine import this_machine

ALERTS = 1_000
LOADS = 5
SCROLL_PX = 100
"""In each frame."""
SCROLL_SECONDS = 10
JANK_MS = 50
_WATCH = """
window.longest = [];
new PerformanceObserver((seen) => seen.getEntries().forEach((each) => longest.push(each.duration)))
  .observe({ type: "longtask", buffered: true });
"""
_FRAMES = """(seconds) => new Promise((resolve) => {
  const frames = []; let before = performance.now(); const end = before + seconds * 1000;
  const step = (now) => {
    frames.push(now - before); before = now;
    scrollBy(0, STEP);
    if (scrollY + innerHeight >= document.body.scrollHeight - 10) scrollTo(0, 0);
    if (now < end) requestAnimationFrame(step); else resolve(frames);
  };
  requestAnimationFrame(step);
})""".replace("STEP", str(SCROLL_PX))


def main() -> None:
    """Print the figures, the machine and the versions."""
    program = chromium()
    if program is None:
        raise SystemExit("no Chromium: on Debian and Ubuntu, apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        system = System(Path(folder), {"WIREWATCH_STORY_HOURS": "0"})
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        try:
            system.publish(numbered(ALERTS, "bench"))
            system.wait_for(lambda: _counted(system) >= ALERTS)
            for line in (*_loading(browser, system.url), *_many(browser, system)):
                click.echo(line)
            click.echo(f"Chromium {browser.version}; {this_machine()}")
        finally:
            browser.close()
            system.close()


def _counted(system: System) -> int:
    found, cursor = 0, None
    while True:
        page = system.http.get("/v1/alerts", params={"limit": 500} | ({"cursor": cursor} if cursor else {})).json()
        found, cursor = found + len(page["alerts"]), page["next"]
        if cursor is None:
            return found


def _opened(browser: Browser, url: str) -> Page:
    page = browser.new_context(viewport=WIDE).new_page()
    page.add_init_script(_WATCH)
    page.goto(url)
    page.wait_for_selector("#stories[aria-busy=false] .story:not(.ghost)")
    return page


def _loading(browser: Browser, url: str) -> list[str]:
    paints, shown, sizes = [], [], []
    for _ in range(LOADS):
        page = _opened(browser, url)
        shown.append(page.evaluate("performance.now()"))
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        sizes.append(
            page.evaluate(
                "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
                ".map((each) => [new URL(each.name).pathname, each.transferSize, each.decodedBodySize])"
            )
        )
        page.context.close()
    own = [each for each in sizes[-1] if not each[0].startswith("/v1/")]
    packed, plain = sum(each[1] for each in own), sum(each[2] for each in own)
    return [
        f"weight                {packed / 1024:.1f} KB sent ({plain / 1024:.0f} KB unpacked) in {len(own)} requests",
        f"first contentful paint {statistics.median(paints):.0f} ms (median of {LOADS}, nothing cached)",
        f"first alerts shown     {statistics.median(shown):.0f} ms",
    ]


def _many(browser: Browser, system: System) -> list[str]:
    page = _opened(browser, system.url)
    page.evaluate("longest.length = 0")
    started: float = page.evaluate("performance.now()")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function(
        "(wanted) => { scrollTo(0, document.body.scrollHeight);"
        " return document.querySelectorAll('.story').length >= wanted; }",
        arg=ALERTS,
        polling="raf",
        timeout=120_000,
    )
    took: float = page.evaluate("performance.now()") - started
    loading: list[float] = page.evaluate("longest.splice(0)")
    page.evaluate("scrollTo(0, 0)")
    frames: list[float] = page.evaluate(_FRAMES, SCROLL_SECONDS)
    scrolling: list[float] = page.evaluate("longest.splice(0)")
    arrival = _arrival(page, system)
    page.context.close()
    late = sum(each > JANK_MS for each in frames)
    middle, most = statistics.median(frames), _percentile(frames, 0.99)
    scrolled = f"{len(frames)} frames in {SCROLL_SECONDS} s: median {middle:.1f}, p99 {most:.1f}"
    scrolled += f", {late} over {JANK_MS} ms"
    return [
        f"{ALERTS:,} alerts           {took / 1000:.2f} s to load and draw, longest task {_longest(loading):.0f} ms",
        f"scrolling them         {scrolled}; longest task {_longest(scrolling):.0f} ms",
        f"100 more that arrive   longest task {arrival:.0f} ms",
    ]


def _arrival(page: Page, system: System) -> float:
    page.evaluate("scrollTo(0, 0)")
    page.evaluate("longest.length = 0")
    system.publish(numbered(100, "more"))
    system.wait_for(lambda: "1,100" in str(page.evaluate(_TOGETHER)))
    longest: list[float] = page.evaluate("longest")
    return _longest(longest)


_TOGETHER = "document.getElementById('count').textContent"


def _longest(tasks: list[float]) -> float:
    return max(tasks, default=0.0)


def _percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


if __name__ == "__main__":
    main()
