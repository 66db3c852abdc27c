"""Makes docs/page.png, a picture of the live page with the sample articles: `python -m tests.page.picture`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

from tests.house.repository import ROOT
from tests.page.articles import ODD, samples
from tests.page.conftest import chromium
from tests.page.running import System

PICTURE = ROOT / "docs" / "page.png"
BYTES_MAX = 300_000
SIZE: ViewportSize = {"width": 1280, "height": 860}


def main() -> None:
    """Run the system, show it the samples, and let the browser draw its page."""
    program = chromium()
    if program is None:
        raise SystemExit("no Chromium: on Debian and Ubuntu, apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        system = System(Path(folder))
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        try:
            system.publish([*ODD[2:], *reversed(samples())])
            system.wait_for(lambda: len(system.alerts()) >= 20)
            page = browser.new_page(viewport=SIZE, reduced_motion="reduce")
            page.goto(system.url)
            page.wait_for_selector("#pulse .spark")
            page.screenshot(path=PICTURE)
        finally:
            browser.close()
            system.close()
    if PICTURE.stat().st_size > BYTES_MAX:
        raise SystemExit(f"{PICTURE} has more than {BYTES_MAX:,} bytes")


if __name__ == "__main__":
    main()
