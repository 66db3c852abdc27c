"""Apprise: what is sent really arrives at a service, as plain text; what goes wrong is told and never hangs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from consumers.delivery.answers import Answer
from consumers.delivery.apprise_channel import AppriseChannel
from consumers.delivery.message import body, subject
from consumers.delivery.notification import Notification
from tests.consumers.delivery.hook import receiving, reset, silent, status
from tests.consumers.delivery.running import alert, delivering, notification, put, settings
from wirewatch.redis_client import connect


def _sent(url_file: Path, told: Notification, seconds_max: float = 10.0) -> Answer:
    return asyncio.run(AppriseChannel(str(url_file), seconds_max=seconds_max).send(told))


def _file(folder: Path, *lines: str) -> Path:
    file = folder / "addresses"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_a_notification_arrives_as_plain_text(tmp_path: Path) -> None:
    hostile = "NATO <b>meets</b> @everyone {{ 7*7 }} :smile: \\n and *all* [here](https://evil.example)"
    told = msgspec.structs.replace(notification(), alerts=(alert(0, title=hostile),))
    with receiving(tmp_path, status(200)) as hook:
        answer = _sent(_file(tmp_path, "# the desk", "", hook.url.replace("http://", "json://")), told)
    assert answer.outcome == "delivered"
    ((_, sent),) = hook.asked
    arrived = json.loads(sent)
    assert arrived["title"] == subject(told)
    assert arrived["message"].strip() == body(told).strip()
    assert arrived["type"] == "info"
    assert not arrived.get("attachments")


def test_the_service_sends_by_apprise_until_it_is_taken(redis_url: str, tmp_path: Path) -> None:
    with receiving(tmp_path, status(500)) as hook:
        file = _file(tmp_path, hook.url.replace("http://", "json://"))
        entry = {"id": "desk", "apprise": {"url_file": str(file)}, "rate_per_minute": 60_000}
        client = connect(redis_url)
        put(client, notification(1))
        client.close()
        with delivering(settings(redis_url, tmp_path, [entry], delivery_seconds_max=10)):
            hook.wait_for(lambda: len(hook.asked) >= 2)
            hook.mood = status(200)
            seen = len(hook.asked)
            hook.wait_for(lambda: len(hook.asked) > seen)


@pytest.mark.parametrize("mood", [status(500), reset])
def test_a_service_that_fails_is_told_without_its_address(mood: object, tmp_path: Path) -> None:
    assert callable(mood)
    with receiving(tmp_path, mood) as hook:
        answer = _sent(_file(tmp_path, hook.url.replace("http://", "json://user:hunter2@")), notification())
    assert answer.outcome == "failed"
    assert answer.reply
    assert "hunter2" not in answer.reply
    assert len(answer.reply) <= 256


def test_a_service_that_hangs_is_given_up_in_time(tmp_path: Path) -> None:
    with receiving(tmp_path, silent) as hook:
        answer = _sent(_file(tmp_path, hook.url.replace("http://", "json://")), notification(), seconds_max=0.3)
    assert answer.outcome == "timeout"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "there is no address"),
        (["# nothing"], "there is no address"),
        (["", "nosuch://hunter2@host"], ":2: Apprise does not take this address"),
    ],
)
def test_what_is_no_address_is_told_with_its_line_and_never_shown(lines: list[str], told: str, tmp_path: Path) -> None:
    answer = _sent(_file(tmp_path, *lines), notification())
    assert answer.outcome == "misconfigured"
    assert told in answer.reply
    assert "hunter2" not in answer.reply


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    answer = _sent(tmp_path / "none", notification())
    assert answer.outcome == "misconfigured"
    assert str(tmp_path / "none") in answer.reply
