"""No headline can forge, hide or turn round a log line, neither as a value nor in an error's text."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

_EVIL = "a\\r\\nforged line\\x1b[2K\\u202edlrow\\u2066\\u2028\\x85\\x00z"
_PROGRAM = f"""
import structlog
from wirewatch.logs import configure
from wirewatch.settings import load
configure(load(), process="test")
log = structlog.get_logger()
log.warning("taken", title="{_EVIL}")
try:
    raise ValueError("x\\x1b[2K\\u202ey")
except ValueError:
    log.exception("failed")
"""


def said(form: str) -> str:
    environ = {**os.environ, "WIREWATCH_LOG_FORMAT": form}
    done = subprocess.run([sys.executable, "-c", _PROGRAM], env=environ, capture_output=True, timeout=60, check=True)
    return done.stderr.decode()


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_headline_with_line_breaks_and_control_characters_stays_one_plain_line(form: str) -> None:
    text = said(form)
    assert not set(text) & set("\r\x1b\x00\x85\u202e\u2066\u2028")
    assert not any(line.startswith("forged line") for line in text.split("\n"))


def test_each_json_line_is_one_object_that_shows_the_characters_escaped() -> None:
    lines = [json.loads(line) for line in said("json").splitlines()]
    assert [line["event"] for line in lines] == ["taken", "failed"]
    assert "\\u202e" in lines[0]["title"]
    assert "\\u202e" in lines[1]["exception"]
