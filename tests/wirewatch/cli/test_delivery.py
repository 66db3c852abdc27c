"""``wirewatch delivery``: what was sent, what came back, and what to do about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from consumers.delivery.deliveries import standing_of
from consumers.delivery.signing import read_keys
from tests.consumers.delivery.hook import Hook, receiving, status, well
from tests.consumers.delivery.running import delivering, notification, put, receivers_file, settings, until, webhook
from wirewatch.cli.main import cli
from wirewatch.redis_client import connect


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["delivery", *arguments])


def _use(hook: Hook, folder: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIREWATCH_RECEIVERS", str(receivers_file(folder, [webhook("desk", hook)])))
    monkeypatch.setenv("REDIS_URL", redis_url)


def test_what_failed_is_listed_with_the_answer_and_is_sent_again(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(redis_url)
    with receiving(tmp_path, status(410)) as hook:
        _use(hook, tmp_path, redis_url, monkeypatch)
        assert "nothing was sent yet" in run("list").stdout
        chosen = settings(redis_url, tmp_path, [webhook("desk", hook)])
        put(client, notification(1))
        with delivering(chosen):
            until(lambda: standing_of(client, "ww", "desk").disabled is not None)
        (row,) = [json.loads(line) for line in run("list", "--failed", "--json").stdout.splitlines()]
        assert (row["id"], row["state"], row["last"]["status"]) == ("desk-1", "failing", 410)
        listed = run("list")
        assert "desk-1" in listed.stdout
        assert "wirewatch delivery enable desk" in listed.stderr
        assert "sent now" in run("enable", "desk").stdout
        assert "nothing stopped it" in run("enable", "desk").stdout
        assert "due now" in run("resend", "desk-1").stdout
        hook.mood = well
        with delivering(chosen):
            hook.wait_for(lambda: "desk-1" in hook.taken)
            until(lambda: '"delivered"' in run("list", "--receiver", "desk", "--json").stdout)
        assert run("list", "--failed").stdout == "nothing was tried in vain\n"
    client.close()


def test_a_test_says_what_came_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(tmp_path) as hook:
        _use(hook, tmp_path, "", monkeypatch)
        result = run("test", "desk")
        assert result.exit_code == 0
        assert "desk: delivered 204" in result.stdout
        ((body,),) = hook.taken.values()
        assert body["type"] == "alerts.test"
        hook.mood = status(500)
        failed = run("test", "desk", "--json")
        assert json.loads(failed.stdout)["outcome"] == "unavailable"


@pytest.mark.parametrize("arguments", [["test", "nobody"], ["enable", "nobody"], ["list", "--receiver", "nobody"]])
def test_a_receiver_that_does_not_exist_is_told_in_one_line(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(tmp_path) as hook:
        _use(hook, tmp_path, "redis://127.0.0.1:1/0", monkeypatch)
        result = run(*arguments)
    assert result.exit_code != 0
    assert "there is no receiver 'nobody'" in str(result.exception)
    assert "it has desk" in str(result.exception)


def test_a_delivery_that_does_not_exist_is_told(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(tmp_path) as hook:
        _use(hook, tmp_path, redis_url, monkeypatch)
        assert "there is no delivery abc" in str(run("resend", "abc").exception)


def test_a_key_that_was_made_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(run("secret").stdout)
    assert len(read_keys(tmp_path / "key")) == 1
