"""The service ``deliver`` over a real Redis, to real servers on the loopback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from consumers.delivery.deliveries import enable, list_deliveries, resend, standing_of
from consumers.delivery.notification import ReceiverKeys
from tests.consumers.delivery.hook import Hook, receiving, reset, silent, status, well
from tests.consumers.delivery.running import delivering, notification, put, settings, until, webhook
from wirewatch.metrics import Metrics
from wirewatch.redis_client import Client, connect


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    opened = connect(redis_url)
    yield opened
    opened.close()


def _left(client: Client, receiver: str = "desk") -> int:
    return int(client.zcard(ReceiverKeys("ww", receiver).key("queue")))


def test_a_notification_is_sent_signed_once_and_written_down(client: Client, redis_url: str, tmp_path: Path) -> None:
    with receiving(tmp_path) as hook:
        chosen = settings(redis_url, tmp_path, [webhook("desk", hook)])
        put(client, *(notification(n) for n in range(20)))
        with delivering(chosen) as metrics:
            hook.wait_for(lambda: len(hook.taken) == 20)
        assert {len(bodies) for bodies in hook.taken.values()} == {1}
        assert hook.refused == 0
    ((body,), *_) = hook.taken.values()
    assert body["type"] == "alerts.first"
    assert body["data"]["alerts"][0]["title"] == "NATO meets, number 0"
    found = list_deliveries(client, "ww", ["desk"])
    assert {(each.state, each.tries) for each in found} == {("delivered", 1)}
    assert found[0].last is not None
    assert (found[0].last.status, found[0].last.n) == (204, 1)
    assert _left(client) == 0
    assert metrics.registry.get_sample_value("wirewatch_delivery_delivered_total", {"receiver": "desk"}) == 20
    assert metrics.registry.get_sample_value("wirewatch_alert_to_delivery_seconds_count", {"receiver": "desk"}) == 20


def test_a_dead_or_slow_receiver_delays_no_other(client: Client, redis_url: str, tmp_path: Path) -> None:
    """The healthy one has all while the others have nothing yet."""
    with receiving(tmp_path, silent) as slow, receiving(tmp_path, reset) as dead, receiving(tmp_path) as healthy:
        entries = [webhook("slow", slow), webhook("dead", dead), webhook("desk", healthy)]
        for name in ("slow", "dead", "desk"):
            put(client, *(notification(n, name) for n in range(10)))
        with delivering(settings(redis_url, tmp_path, entries)):
            healthy.wait_for(lambda: len(healthy.taken) == 10)
            assert not slow.taken
            assert not dead.taken
            slow.mood = dead.mood = well
            slow.wait_for(lambda: len(slow.taken) == 10)
            dead.wait_for(lambda: len(dead.taken) == 10)


def test_a_receiver_that_is_gone_is_disabled_until_someone_enables_it(
    client: Client, redis_url: str, tmp_path: Path
) -> None:
    with receiving(tmp_path, status(410)) as hook:
        chosen = settings(redis_url, tmp_path, [webhook("desk", hook)])
        put(client, notification(1), notification(2))
        with delivering(chosen):
            hook.wait_for(lambda: len(hook.asked) == 1)
            until(lambda: standing_of(client, "ww", "desk").disabled is not None)
            hook.mood = well
            put(client, notification(3))
        assert len(hook.asked) == 1
        assert _left(client) == 3
        assert {each.state for each in list_deliveries(client, "ww", ["desk"], failed=True)} == {"failing"}
        assert enable(client, "ww", "desk")
        assert not enable(client, "ww", "desk")
        with delivering(chosen):
            hook.wait_for(lambda: len(hook.taken) == 3)


def test_a_receiver_that_asks_to_wait_gets_nothing_until_then(client: Client, redis_url: str, tmp_path: Path) -> None:
    with receiving(tmp_path, status(429, Retry_After="3600")) as hook:
        put(client, *(notification(n) for n in range(5)))
        with delivering(settings(redis_url, tmp_path, [webhook("desk", hook)])):
            hook.wait_for(lambda: len(hook.asked) == 1)
            until(lambda: standing_of(client, "ww", "desk").hold is not None)
        assert len(hook.asked) == 1
        hold = standing_of(client, "ww", "desk").hold
        assert hold is not None
        assert 3_500 < (hold.until - datetime.now(UTC)).total_seconds() <= 3_600


def test_a_notification_that_nobody_takes_is_given_up_and_can_be_sent_again(
    client: Client, redis_url: str, tmp_path: Path
) -> None:
    with receiving(tmp_path, status(400)) as hook:
        chosen = settings(redis_url, tmp_path, [webhook("desk", hook)], delivery_retry_seconds="0 0")
        put(client, notification(1))
        _feed(client, notification(1))
        with delivering(chosen) as metrics, capture_logs():
            until(lambda: _left(client) == 0)
            assert len(hook.asked) == 3
            (given_up,) = list_deliveries(client, "ww", ["desk"], failed=True)
            assert (given_up.state, given_up.tries) == ("given-up", 3)
            given_up_total = ("wirewatch_delivery_given_up_total", {"receiver": "desk"})
            until(lambda: metrics.registry.get_sample_value(*given_up_total) == 1)  # counted once it is kept
            hook.mood = well
            assert resend(client, "ww", ["desk"], "desk-1", datetime.now(UTC)).state == "queued"
            hook.wait_for(lambda: "desk-1" in hook.taken)
            assert hook.taken["desk-1"][0]["data"]["reason"] == "resent"
            until(lambda: [each.state for each in list_deliveries(client, "ww", ["desk"])] == ["delivered"])


def test_a_private_address_is_refused_unless_the_operator_allows_it(
    client: Client, redis_url: str, tmp_path: Path
) -> None:
    with receiving(tmp_path) as hook:
        entry = webhook("desk", hook, webhook={"allow_private": False})
        put(client, notification(1))
        with delivering(settings(redis_url, tmp_path, [entry])):
            until(lambda: any(each.last for each in list_deliveries(client, "ww", ["desk"])))
        (delivery,) = list_deliveries(client, "ww", ["desk"])
        assert delivery.last is not None
        assert delivery.last.outcome == "refused"
        assert not hook.asked


def test_a_missing_key_is_told_and_mended_without_a_restart(client: Client, redis_url: str, tmp_path: Path) -> None:
    with receiving(tmp_path) as hook:
        hook.secret_file.unlink()
        put(client, notification(1))
        with delivering(settings(redis_url, tmp_path, [webhook("desk", hook)])):
            until(lambda: any(each.last for each in list_deliveries(client, "ww", ["desk"])))
            (delivery,) = list_deliveries(client, "ww", ["desk"])
            assert delivery.last is not None
            assert delivery.last.outcome == "misconfigured"
            assert str(hook.secret_file) in delivery.last.reply
            hook.secret_file.write_text(hook.key)
            hook.wait_for(lambda: bool(hook.taken))


def test_a_receiver_that_is_added_to_the_file_is_sent_to_without_a_restart(
    client: Client, redis_url: str, tmp_path: Path
) -> None:
    with receiving(tmp_path) as first, receiving(tmp_path) as second:
        chosen = settings(redis_url, tmp_path, [webhook("desk", first)])
        put(client, notification(1), notification(1, "night"))
        with delivering(chosen):
            first.wait_for(lambda: bool(first.taken))
            settings(redis_url, tmp_path, [webhook("night", second)])
            second.wait_for(lambda: bool(second.taken))


def test_two_processes_share_the_work_and_send_nothing_twice(client: Client, redis_url: str, tmp_path: Path) -> None:
    with receiving(tmp_path) as hook:
        chosen = settings(redis_url, tmp_path, [webhook("desk", hook)], delivery_lease_seconds=30)
        with delivering(chosen), delivering(chosen):
            put(client, *(notification(n) for n in range(30)))
            hook.wait_for(lambda: len(hook.taken) == 30)
        assert {len(bodies) for bodies in hook.taken.values()} == {1}


def test_more_receivers_than_a_redis_client_has_connections_are_all_told(
    client: Client, redis_url: str, tmp_path: Path
) -> None:
    with receiving(tmp_path) as hook:
        names = [f"desk{n}" for n in range(110)]
        entries = [webhook(name, hook) for name in names]
        put(client, *(notification(1, name) for name in names))
        with capture_logs() as logs, delivering(settings(redis_url, tmp_path, entries, delivery_seconds_max=15)):
            hook.wait_for(lambda: len(hook.taken) == len(names))
        assert not [entry for entry in logs if "Redis" in entry["event"]]


def test_without_receivers_it_idles_and_says_so(redis_url: str, tmp_path: Path) -> None:
    with capture_logs() as logs, delivering(settings(redis_url, tmp_path, []), Metrics()):
        pass
    assert any("no receivers" in entry["event"] for entry in logs)


def test_two_keys_are_used_while_they_are_changed(client: Client, redis_url: str, tmp_path: Path) -> None:
    with receiving(tmp_path) as old, receiving(tmp_path) as new:
        old.secret_file.write_text(f"{new.key}\n{old.key}\n")
        put(client, notification(1))
        with delivering(settings(redis_url, tmp_path, [webhook("desk", old)])):
            old.wait_for(lambda: bool(old.asked))
        (headers, body) = old.asked[0]
        assert len(headers["webhook-signature"].split()) == 2
        _verify(old, headers, body)
        _verify(new, headers, body)


def _verify(hook: Hook, headers: dict[str, str], body: bytes) -> None:
    from standardwebhooks.webhooks import Webhook

    Webhook(hook.key).verify(body, headers)


def _feed(client: Client, *given: object) -> None:
    import msgspec

    from consumers.delivery.notification import Notification
    from consumers.keys import Keys

    for each in given:
        assert isinstance(each, Notification)
        for alert in each.alerts:
            place = client.xadd(Keys("ww").feed, {"id": alert.id, "alert": msgspec.json.encode(alert)})
            client.hset(Keys("ww").feed_ids, alert.id, place)
