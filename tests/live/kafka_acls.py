"""Stands in for Kafka's own ``kafka-acls.sh``, which is not among the jars that we fetch: the same arguments, the same
effect, through the client that we have. ``--command-config`` is read as far as SCRAM over TLS needs it."""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap-server", required=True)
    parser.add_argument("--command-config", required=True, type=Path)
    parser.add_argument("--add", required=True, action="store_true")
    parser.add_argument("--allow-principal", required=True)
    for name in ("operation", "topic", "group"):
        parser.add_argument(f"--{name}", action="append", default=[])
    given = parser.parse_args(arguments)
    resources = [(ResourceType.TOPIC, name) for name in given.topic] + [
        (ResourceType.GROUP, name) for name in given.group
    ]
    # As the original has it: an operation that a kind of resource does not know is left out for it.
    wanted = [
        ACL(
            principal=given.allow_principal,
            host="*",
            operation=ACLOperation[operation.upper()],
            permission_type=ACLPermissionType.ALLOW,
            resource_pattern=ResourcePattern(kind, name),
        )
        for operation, (kind, name) in itertools.product(given.operation, resources)
    ]
    client = KafkaAdminClient(bootstrap_servers=given.bootstrap_server, **_options(given.command_config))
    try:
        failed = client.create_acls(wanted)["failed"]
    finally:
        client.close()
    if failed:
        sys.exit(f"refused: {failed}")


def _options(file: Path) -> dict[str, Any]:
    pairs = (line.split("=", 1) for line in file.read_text("utf-8").splitlines() if "=" in line)
    found = {name.strip(): value.strip() for name, value in pairs}
    login = dict(part.split("=", 1) for part in found["sasl.jaas.config"].rstrip(";").split()[2:])
    return {
        "security_protocol": found["security.protocol"],
        "sasl_mechanism": found["sasl.mechanism"],
        "sasl_plain_username": login["username"].strip('"'),
        "sasl_plain_password": login["password"].strip('"'),
        "ssl_cafile": found["ssl.truststore.location"],
    }


if __name__ == "__main__":
    main(sys.argv[1:])
