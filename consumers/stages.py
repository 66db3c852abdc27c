"""The stages, by name, in the order of an article's path. ``wirewatch consume`` and ``up`` run these and no others."""

from __future__ import annotations

from consumers.actors import ACTORS
from consumers.counters import COUNTERS
from consumers.delivery.service import DELIVER
from consumers.entities import EXTRACTION
from consumers.outbox import RELAY
from consumers.volume.service import VOLUME
from wirewatch.stage import PathStage, Stage

PATH: dict[str, PathStage] = {stage.name: stage for stage in (ACTORS, EXTRACTION, COUNTERS, RELAY)}
"""Those that an article passes."""
STAGES: dict[str, Stage] = {**PATH, VOLUME.name: VOLUME, DELIVER.name: DELIVER}
