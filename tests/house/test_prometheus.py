"""Prometheus scrapes every process that Compose starts, and Prometheus' own checker accepts the file."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.house import compose
from tests.house.reference import exported_name, metrics
from tests.house.repository import ROOT

FILE = ROOT / "dashboards" / "prometheus" / "prometheus.yml"
RULES = FILE.parent / "rules"
PROVISIONING = ROOT / "dashboards" / "grafana" / "provisioning"


def _jobs() -> dict[str, Any]:
    return {job["job_name"]: job for job in YAML(typ="safe").load(FILE)["scrape_configs"]}


def test_every_process_of_ours_is_scraped_on_its_metrics_port() -> None:
    (names,) = _jobs()["wirewatch"]["dns_sd_configs"]
    assert set(names["names"]) == set(compose.ours()) - compose.ONE_SHOTS
    ports = {service["environment"]["WIREWATCH_METRICS_PORT"] for service in compose.ours().values()}
    assert ports == {str(names["port"])}


def test_a_scrape_has_a_budget() -> None:
    assert {"sample_limit", "label_limit", "label_value_length_limit"} <= set(_jobs()["wirewatch"])


def test_promtool_accepts_the_configuration() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is missing; on Debian and Ubuntu: apt-get install prometheus")
    result = subprocess.run(["promtool", "check", "config", FILE], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_rules_ask_for_metrics_that_exist_and_say_what_to_do() -> None:
    known = {exported_name(metric) for metric in metrics().values()}
    for file in RULES.glob("*.yml"):
        for rule in (rule for group in YAML(typ="safe").load(file)["groups"] for rule in group["rules"]):
            asked = set(re.findall(r"wirewatch_\w+", rule["expr"]))
            assert asked
            assert asked <= known
            assert {"summary", "description"} <= set(rule["annotations"])


def test_grafana_reads_from_the_prometheus_of_compose() -> None:
    (source,) = YAML(typ="safe").load(PROVISIONING / "datasources" / "prometheus.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert source["uid"] == "prometheus"
    (provider,) = YAML(typ="safe").load(PROVISIONING / "dashboards" / "wirewatch.yml")["providers"]
    mounted = {volume["target"] for volume in compose.services()["grafana"]["volumes"]}
    assert provider["options"]["path"] in mounted
