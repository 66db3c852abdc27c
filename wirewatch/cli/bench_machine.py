"""On which machine, and with which versions, something was measured."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass

_PACKAGES = ("wirewatch", "kafka-python", "spacy", "redis", "msgspec", "ahocorasick-rs")


@dataclass(frozen=True, slots=True)
class Machine:
    """One line of it for people: ``str``."""

    machine: str
    processor: str
    cores: int | None
    python: str
    versions: Mapping[str, str]

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"{self.cores} cores, {self.machine}, Python {self.python}; {versions}"


def this_machine() -> Machine:
    """The one that this process runs on."""
    return Machine(
        machine=platform.platform(),
        processor=platform.processor() or platform.machine(),
        cores=os.cpu_count(),
        python=platform.python_version(),
        versions={name: importlib.metadata.version(name) for name in _PACKAGES},
    )
