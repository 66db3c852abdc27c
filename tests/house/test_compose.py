"""docker-compose.yml says what the code says, and the real Compose program accepts it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from consumers.stages import STAGES
from tests.house import compose
from wirewatch import __version__
from wirewatch.cli.main import cli
from wirewatch.local.kafka_files import version as kafka_version
from wirewatch.settings import declared

# Read before there are settings: where settings are.
PLACES_OF_SETTINGS = {"WIREWATCH_SECRETS_DIR", "WIREWATCH_CONFIG"}


def test_compose_accepts_the_file() -> None:
    result = compose.config(compose.FILE, "-q")
    assert (result.returncode, result.stderr) == (0, "")


def _unknown_condition(file: Any) -> None:
    file["services"]["actors"]["depends_on"]["valkey"] = {"condition": "service_happy"}


def _unknown_key(file: Any) -> None:
    file["services"]["actors"]["memory_limit"] = "1g"


def _undefined_network(file: Any) -> None:
    file["services"]["actors"]["networks"] = ["frontend"]


def _undefined_secret(file: Any) -> None:
    file["services"]["actors"]["secrets"] = ["PASSWORD"]


def _undefined_server(file: Any) -> None:
    file["services"]["actors"]["depends_on"]["zookeeper"] = {"condition": "service_started"}


@pytest.mark.parametrize(
    "fault", [_unknown_condition, _unknown_key, _undefined_network, _undefined_secret, _undefined_server]
)
def test_compose_refuses_a_fault(fault: Callable[[Any], None], tmp_path: Path) -> None:
    file = compose.written()
    fault(file)
    broken = tmp_path / "docker-compose.yml"
    YAML(typ="safe").dump(file, broken)
    assert compose.config(broken, "-q").returncode != 0


def test_services_are_the_stages_the_edges_and_the_servers() -> None:
    assert set(compose.services()) == set(STAGES) | compose.EDGES | compose.ONE_SHOTS | compose.SERVERS


def test_each_stage_is_a_service_that_runs_it_alone() -> None:
    assert {name: compose.services()[name]["command"] for name in STAGES} == {
        name: ["consume", name] for name in STAGES
    }


@pytest.mark.parametrize("name", sorted(compose.ours()))
def test_a_service_runs_a_command_that_exists_with_options_that_exist(name: str) -> None:
    command: click.Command = cli
    words = list(compose.ours()[name]["command"])
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"there is no command {words[0]}"
        command = found
        words.pop(0)
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_environment_keys_of_our_services_are_settings() -> None:
    known = {setting.variable for setting in declared()} | PLACES_OF_SETTINGS
    for name, service in compose.ours().items():
        assert set(service["environment"]) <= known, name


def test_secrets_of_our_services_are_secret_settings() -> None:
    secret = {setting.variable for setting in declared() if setting.secret}
    for name, service in compose.ours().items():
        assert {given["source"] for given in service["secrets"]} <= secret, name


def test_no_password_is_written_in_the_file() -> None:
    for name, service in compose.services().items():
        for key, value in service.get("environment", {}).items():
            words = key.upper().split("_")
            if {"PASSWORD", "TOKEN", "TOKENS", "SECRET"} & set(words):
                assert key.endswith("__FILE"), f"{name}: {key}"
                assert value.startswith("/run/secrets/"), f"{name}: {key}"


def test_only_loopback_is_published() -> None:
    ports = [port for service in compose.services().values() for port in service.get("ports", [])]
    assert ports
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_kafka_and_valkey_are_reached_only_from_inside() -> None:
    assert compose.resolved()["networks"]["backend"]["internal"] is True
    for name in ("kafka", "valkey"):
        assert set(compose.services()[name]["networks"]) == {"backend"}
        assert "ports" not in compose.services()[name]


@pytest.mark.parametrize("name", sorted(compose.services()))
def test_a_service_is_hardened(name: str) -> None:
    service = compose.services()[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    # Kafka's start script writes its configuration into its image.
    assert service.get("read_only", False) is (name != "kafka")
    assert {"mem_limit", "cpus", "pids_limit"} <= set(service)


@pytest.mark.parametrize("name", sorted(compose.services()))
def test_a_service_has_a_health_check_unless_it_runs_once(name: str) -> None:
    healthcheck = compose.services()[name]["healthcheck"]
    assert healthcheck.get("disable", False) is (name in compose.ONE_SHOTS)


def test_our_services_start_when_the_servers_are_ready() -> None:
    for name, service in compose.ours().items():
        conditions = {server: how["condition"] for server, how in service["depends_on"].items()}
        if name in compose.ONE_SHOTS:
            assert conditions == {"kafka": "service_healthy"}
        else:
            assert conditions == {"topics": "service_completed_successfully", "valkey": "service_healthy"}


def test_images_are_pinned_and_agree_with_the_code() -> None:
    images = {name: service["image"] for name, service in compose.services().items()}
    for name, image in images.items():
        tag = image.rpartition(":")[2]
        assert any(character.isdigit() for character in tag), f"{name}: {image} names no version"
    assert images["kafka"] == f"apache/kafka:{kafka_version()}"
    assert {images[name] for name in compose.ours()} == {f"wirewatch:{__version__}"}


def test_valkey_never_evicts_and_keeps_a_log() -> None:
    command = compose.services()["valkey"]["command"]
    given = dict(pairwise(command))
    assert given["--maxmemory-policy"] == "noeviction"
    assert given["--appendonly"] == "yes"
