"""Stages over the embedded log are killed at any moment, as processes: every article is counted once all the same."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from consumers.stages import PATH
from tests.path_contract import Env, counted, wait_until_settled, wirewatch
from tests.redis_server import one_kind
from wirewatch.settings import Settings

_ARTICLES = 200
_KILLS = 4
_KILLED = ("actors", "counters", "relay")


def start(name: str, env: Env) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "wirewatch", "consume", name], env={**os.environ, **env}, stderr=subprocess.DEVNULL
    )


def publish(env: Env, first: int, count: int) -> None:
    """Every second one names NATO; every tenth is there twice."""
    texts = [
        {"source": "test", "title": f"{'NATO' if n % 2 else 'Rain'} in place {n}", "text": f"Number {n}."}
        for n in range(first, first + count)
    ]
    lines = [json.dumps(text) for text in texts + texts[::10]]
    subprocess.run(
        [sys.executable, "-m", "wirewatch", "publish", "-", "--format", "jsonl"],
        env={**os.environ, **env},
        input="\n".join(lines).encode(),
        check=True,
        capture_output=True,
    )


@pytest.mark.parametrize("redis_server", one_kind("valkey"), indirect=True)
def test_killed_stages_over_the_embedded_log_count_every_article_once(tmp_path: Path, redis_url: str) -> None:
    env = {"WIREWATCH_DATA_DIR": str(tmp_path), "REDIS_URL": redis_url, "WIREWATCH_BATCH_MESSAGES_MAX": "5"}
    chance = random.Random(5)
    wirewatch(env, "topics", "create")
    running = {name: start(name, env) for name in PATH if name != "entities"}
    try:
        for n in range(_KILLS):
            publish(env, n * _ARTICLES // _KILLS, _ARTICLES // _KILLS)
            time.sleep(chance.random())  # the moment of the kill, not a wait for anything
            name = chance.choice(_KILLED)
            running[name].kill()
            running[name].wait()
            running[name] = start(name, env)
        running["entities"] = start("entities", env)
        wait_until_settled(Settings(data_dir=tmp_path, redis_url=SecretStr(redis_url)))
        assert "no difference" in wirewatch(env, "verify")
        assert counted(env) == _ARTICLES
        alerts = [json.loads(line) for line in wirewatch(env, "alerts", "--json", "--limit", "1000").splitlines()]
        assert len({alert["id"] for alert in alerts}) == len(alerts)
        assert sum(alert["story_articles"] for alert in alerts) == _ARTICLES // 2
    finally:
        for process in running.values():
            process.kill()
            process.wait()
