"""The scripts in Redis do what the model of the simulation says, on real servers, and a script without one of its
safeguards is found out. A long run: `SCRIPT_EXAMPLES=2000 python -m pytest tests/consumers/test_scripts.py`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from redis.exceptions import ResponseError

from tests.consumers.script_machine import Patched, ScriptMachine
from wirewatch.redis_client import Client, connect

EXAMPLES = int(os.environ.get("SCRIPT_EXAMPLES", "40"))
SAFEGUARDS = {
    "position": ("if position ~= call.expected then", "if false then"),
    "seen": ("if duplicate then", "if false then"),
    "claim": ("if call.member ~= ''", "if false"),
    "hold": ("if standing[3] then", "if false then"),
    "watermark": ("record.src < watermark", "false"),
    "raised": ("record.src >= raised", "true"),
}


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    client = connect(redis_url)
    yield client
    client.close()


def run(client: Client, raw: Client, examples: int, phases: tuple[Phase, ...]) -> None:
    machine = type("Machine", (ScriptMachine,), {"client": client, "raw": raw})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=phases,
            derandomize=phases == (Phase.generate,),
        ),
    )


@pytest.mark.timeout(0 if EXAMPLES > 40 else 120)
def test_any_sequence_of_calls_leaves_what_the_model_says(client: Client) -> None:
    run(client, client, EXAMPLES, tuple(Phase))


@pytest.mark.parametrize("safeguard", SAFEGUARDS)
def test_a_script_without_a_safeguard_is_found_out(client: Client, safeguard: str) -> None:
    # A difference, the server's own refusal, or a metric's: without the watermark a gap comes out negative.
    with pytest.raises((AssertionError, ResponseError, ValueError)):
        run(Patched(client, *SAFEGUARDS[safeguard]), client, 200, (Phase.generate,))
