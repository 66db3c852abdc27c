"""Log lines on standard error: for people, or as one JSON object a line for machines.

What comes from outside is a value, never part of the message, and control and bidirectional characters in it are shown
escaped, so that no headline can forge or hide a line. Texts, tokens and passwords are never logged.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from wirewatch.settings import Settings

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def configure(settings: Settings, *, process: str) -> None:
    """Set up logging for this process, once, in its main module. ``process`` is shown on each line, e.g. ``actors``."""
    level = getattr(logging, settings.log_level.upper())
    colour = sys.stderr.isatty()
    last = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=colour, pad_event_to=36)
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _escape,
    ]
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Asked for at each line: whoever redirects standard error gets what is said from then on.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(process=process)
    _take_over_library_logs(shared, last)


def _take_over_library_logs(shared: list[Any], last: Any) -> None:
    """Libraries log through the standard module: same form, and only what an operator must know."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _escape(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            # A traceback keeps its lines, and nothing else that could hide one.
            lines = value.split("\n") if key == "exception" else [value]
            event[key] = "\n".join(_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", line) for line in lines)
    return event
