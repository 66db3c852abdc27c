"""The API against its own OpenAPI document, by Schemathesis: examples, edges of every schema, fuzzing, and calls that
follow from one another, on the real server over a real store with alerts in it."""

from __future__ import annotations

import os
import random
import subprocess
import sysconfig
from pathlib import Path

import pytest

from consumers.api.tokens import entry
from tests.consumers.api.conftest import Served
from tests.consumers.api.test_api import publish
from tests.consumers.delivery.running import notification, put, receivers_file
from tests.consumers.making import mentions
from tests.redis_server import one_kind
from wirewatch.redis_client import Client
from wirewatch.token_entries import new_token

PROGRAM = Path(sysconfig.get_path("scripts")) / "schemathesis"
CONFIG = Path(__file__).with_name("schemathesis.toml")
SECONDS_MAX = 200
HOOK = {"url": "https://desk.example/hook", "secret_file": "/run/receivers/desk"}
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "8")
SEED = os.environ.get("SCHEMATHESIS_SEED", "") or str(random.randrange(1_000_000))


@pytest.mark.parametrize("redis_server", one_kind("valkey"), indirect=True)
def test_the_api_does_what_its_document_says(redis_url: str, client: Client, tmp_path: Path) -> None:
    publish(client, mentions("a1", "nato"), mentions("a2", "iran", title="Ἀθῆναι 🗞"), mentions("a3", "islamic-state"))
    put(client, notification(1), notification(2))
    token = new_token()
    server = Served(
        redis_url,
        tmp_path / "data",
        *("--only", "api"),
        api_tokens=entry("tester", "admin", token),
        api_requests_per_minute="0",
        receivers=str(receivers_file(tmp_path, [{"id": "desk", "webhook": HOOK}])),
    )
    # Not asked: what was taken back or ended is still there to be read, on purpose.
    command = [
        *(str(PROGRAM), "--config-file", str(CONFIG), "run", f"{server.url}/openapi.json"),
        *("--checks", "all", "--exclude-checks", "use_after_free", "--seed", SEED, "--max-examples", EXAMPLES),
        *("--phases", "examples,coverage,fuzzing,stateful", "--header", f"Authorization: Bearer {token}"),
        *("--continue-on-failure", "--request-timeout", "20", "--no-color"),
    ]
    try:
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    finally:
        server.stop()
    if result.returncode:
        pytest.fail(f"SCHEMATHESIS_SEED={SEED}\n{result.stdout}\n{result.stderr}", pytrace=False)
