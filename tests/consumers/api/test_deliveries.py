"""Receivers and deliveries over HTTP: how sending goes, once more, and a try."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from consumers.delivery.notification import ReceiverKeys
from consumers.delivery.standing import Disabled, Standing, encode
from tests.consumers.api.conftest import Served
from tests.consumers.delivery.running import NOW, notification, put, receivers_file
from tests.redis_server import RedisServer, one_kind
from wirewatch.redis_client import Client

pytestmark = pytest.mark.parametrize("redis_server", one_kind("valkey"), indirect=True)
SECRET = "https://desk.example/hook/very-secret"


@pytest.fixture
def telling(redis_server: RedisServer, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("telling")
    hook = {"url": SECRET, "secret_file": str(folder / "key")}
    file = receivers_file(folder, [{"id": name, "webhook": hook} for name in ("desk", "wall")])
    server = Served(redis_url, folder, "--only", "api", receivers=str(file))
    yield server
    server.stop()


def test_receivers_and_deliveries_are_shown_tried_and_sent_again(telling: Served, client: Client) -> None:
    keys = ReceiverKeys("ww", "desk").key
    put(client, notification(1), notification(2), notification(1, "wall"))
    gone, _ = encode(Standing(disabled=Disabled(at=NOW, why="it answered 410")))
    client.hset(keys("state"), mapping=gone)

    answer = telling.http.get("/v1/receivers")
    desk, wall = answer.json()["receivers"]
    assert SECRET not in answer.text
    assert (desk["id"], desk["kind"], desk["waiting"], desk["disabled"]) == ("desk", "webhook", 2, "it answered 410")
    assert (wall["waiting"], wall["disabled"], wall["breaker"]) == (1, None, "closed")
    assert telling.http.post("/v1/receivers/desk/enable").json() == {"changed": True}
    assert telling.http.post("/v1/receivers/desk/enable").json() == {"changed": False}

    found = telling.http.get("/v1/deliveries?receiver=desk").json()["deliveries"]
    assert [(each["id"], each["state"]) for each in found] == [("desk-2", "queued"), ("desk-1", "queued")]
    assert telling.http.get("/v1/deliveries?failed=true").json() == {"deliveries": []}
    assert len(telling.http.get("/v1/deliveries?limit=1").json()["deliveries"]) == 1
    assert telling.http.get("/v1/deliveries?receiver=none").json() == {"deliveries": []}

    again = telling.http.post("/v1/deliveries/desk-1/resend")
    assert (again.status_code, again.json()["id"], again.json()["state"]) == (202, "desk-1", "queued")
    tried = telling.http.post("/v1/receivers/wall/test")
    assert (tried.status_code, tried.json()["reason"]) == (202, "test")
    newest = telling.http.get("/v1/deliveries?receiver=wall").json()["deliveries"][0]
    assert (newest["id"], newest["reason"]) == (tried.json()["id"], "test")

    for path in ("deliveries/none/resend", "receivers/none/test", "receivers/none/enable"):
        assert telling.http.post(f"/v1/{path}").status_code == 404
