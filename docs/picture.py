"""Makes docs/demo.png: what `wirewatch up --once` prints, as a picture. Run by `make picture`; needs Chromium."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COLUMNS = 116
FIRST_LINES, LAST_LINES = 46, 16
LINE_PIXELS = 20
PAGE = """<!doctype html><meta charset="utf-8"><style>{stylesheet}
body {{ margin: 0; background: #0c0c0c; color: #d9d9d9; }}
pre {{ margin: 0; padding: 18px 22px; font: 14px/20px "DejaVu Sans Mono", monospace; }}</style>
<pre>{code}</pre>"""


def main() -> int:
    """Run the demo, keep its first and last lines, and let the browser draw them."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.stderr.write("no Chromium: on Debian and Ubuntu, apt-get install chromium\n")
        return 1
    command = [sys.executable, "-m", "wirewatch", "up", "--once"]
    styled = {"FORCE_COLOR": "1", "TTY_INTERACTIVE": "0", "COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    done = subprocess.run(command, env={**os.environ, **styled}, capture_output=True, check=True)
    lines = done.stdout.decode().splitlines()
    left_out = len(lines) - FIRST_LINES - LAST_LINES
    lines = [*lines[:FIRST_LINES], f"\x1b[2m   ⋮  {left_out} more lines  ⋮\x1b[0m", "", *lines[-LAST_LINES:]]
    draw(browser, html("\n".join(lines)), len(lines))
    return 0


def html(shown: str) -> str:
    """The page that shows terminal output."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(shown), soft_wrap=True)
    return console.export_html(theme=MONOKAI, code_format=PAGE)


def draw(browser: str, page: str, lines: int) -> None:
    """A picture of the page, beside this file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "demo.html"
        file.write_text(page, encoding="utf-8")
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                f"--user-data-dir={folder}/profile",
                f"--window-size=1020,{(lines + 2) * LINE_PIXELS}",
                f"--screenshot={Path(__file__).with_name('demo.png')}",
                file.as_uri(),
            ],
            check=True,
            capture_output=True,
        )


if __name__ == "__main__":
    sys.exit(main())
