"""Metrics are declared once, named alike, and every one of them is counted somewhere."""

from __future__ import annotations

import re

from tests.house.reference import exported_name, metrics
from tests.house.repository import PACKAGES, read, tracked_python


def test_every_metric_is_named_wirewatch_and_explained() -> None:
    for metric in metrics().values():
        assert exported_name(metric).startswith("wirewatch_")
        assert metric._documentation.endswith(".")


def test_every_metric_is_used() -> None:
    code = "".join(read(path) for path in tracked_python(*PACKAGES))
    # Once is the declaration.
    assert {name for name in metrics() if len(re.findall(rf"\.{name}\b", code)) < 2} == set()


def test_metrics_are_declared_in_one_module() -> None:
    declaring = {
        str(path)
        for path in tracked_python(*PACKAGES)
        if re.search(r"^(?:from|import) prometheus_client\b", read(path), flags=re.MULTILINE)
    }
    assert declaring <= {"wirewatch/metrics.py", "wirewatch/metrics_server.py"}
