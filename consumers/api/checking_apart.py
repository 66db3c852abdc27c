"""Checks the text of rules from outside in a process of its own, which is ended when it takes too long.

A few dozen bytes of YAML can keep the parser busy for ever (keys that are maps of keys that are maps), and a thread
cannot be stopped. What has passed here in time is then read by the caller without danger.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Sequence

import msgspec

PROCESSOR_SECONDS_MAX = 8
"""Of the processor, so that a busy machine refuses nothing that an idle one takes."""
_SECONDS_MAX = 60.0
TOO_LONG = "it takes too long to read: make it smaller, or use it with `wirewatch rules push`"


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    name: str
    actors: tuple[str, ...]
    seconds_max: int


def mistakes(text: str, name: str, actors: Sequence[str], seconds_max: int = PROCESSOR_SECONDS_MAX) -> str:
    """A line per mistake; empty where there is none. Never raises for what the text is."""
    asked = msgspec.json.encode(_Asked(text=text, name=name, actors=tuple(actors), seconds_max=seconds_max))
    command = [sys.executable, "-m", __name__]
    try:
        done = subprocess.run(command, input=asked, capture_output=True, timeout=_SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        return f"{name}: {TOO_LONG}"
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"{name}: {TOO_LONG}"
    if done.returncode:
        return f"{name}: this text ends the program that reads it"
    return done.stdout.decode("utf-8", "replace")


def main() -> None:
    """What is asked on standard input, answered on standard output."""
    from consumers.rules_in_use import check_rules
    from wirewatch.errors import UserError

    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=_Asked)
    resource.setrlimit(resource.RLIMIT_CPU, (asked.seconds_max, asked.seconds_max + 1))
    try:
        check_rules(asked.text, asked.name, asked.actors)
    except UserError as error:
        sys.stdout.buffer.write(str(error).encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
