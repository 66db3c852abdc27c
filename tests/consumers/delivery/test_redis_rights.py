"""The service ``deliver`` needs no more of Redis than the shipped ACL file gives its user; an operator can mend."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from consumers.delivery.deliveries import enable, list_deliveries, resend
from tests.consumers.delivery.hook import receiving, status, well
from tests.consumers.delivery.running import delivering, notification, put, settings, webhook
from tests.secured_redis import SecuredRedis
from wirewatch.redis_client import address, connect


def test_the_user_of_deliver_can_do_its_work_and_an_operator_can_mend(
    secured_redis: SecuredRedis, tmp_path: Path
) -> None:
    authority = str(secured_redis.certificates.authority) if secured_redis.tls else ""
    with receiving(tmp_path, status(410)) as hook:
        own = settings(secured_redis.address("deliver"), tmp_path, [webhook("desk", hook)], redis_ssl_cafile=authority)
        client = connect(address(own))
        operator = connect(
            address(settings(secured_redis.address("operator"), tmp_path, [], redis_ssl_cafile=authority))
        )
        own = settings(secured_redis.address("deliver"), tmp_path, [webhook("desk", hook)], redis_ssl_cafile=authority)
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
