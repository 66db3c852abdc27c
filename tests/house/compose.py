"""docker-compose.yml as data, and the real Compose program to judge it (`config` needs no container engine)."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.house.repository import ROOT

PROGRAM = Path(sysconfig.get_path("scripts")) / "docker-compose"
FILE = ROOT / "docker-compose.yml"

SERVERS = frozenset({"kafka", "valkey", "prometheus", "grafana"})
ONE_SHOTS = frozenset({"topics"})
EDGES = frozenset({"ingest", "feeds", "api"})


def config(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``docker compose config`` on a file, every profile on."""
    command = [str(PROGRAM), "--project-directory", str(ROOT), "-f", str(file), "--profile", "*", "config", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"})


@cache
def resolved() -> dict[str, Any]:
    """The file as Compose understands it: anchors merged, short forms written out."""
    result = config(FILE, "--format", "json")
    assert result.returncode == 0, result.stderr
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def written() -> Any:
    """The file as written; a fresh copy that a test may change."""
    return YAML(typ="safe").load(FILE)


def services() -> dict[str, dict[str, Any]]:
    """Every service by name."""
    found: dict[str, dict[str, Any]] = resolved()["services"]
    return found


def ours() -> dict[str, dict[str, Any]]:
    """The services that run our image."""
    return {name: service for name, service in services().items() if name not in SERVERS}
