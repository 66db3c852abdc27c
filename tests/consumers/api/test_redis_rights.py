"""The API needs no more of Redis than the shipped ACL file gives its user."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from consumers.alert_feed import Wanted, find_alert, read_page
from consumers.delivery import deliveries
from consumers.life.model import Acknowledgement, Matcher, Silence, Verdict
from consumers.life.store import LifeStore
from consumers.rules_in_use import SavedRules, rules_now
from tests.consumers.delivery.running import notification, put, settings
from tests.consumers.making import KEYS
from tests.secured_redis import SecuredRedis
from wirewatch.redis_client import Client, address, connect

NOW = datetime.now(UTC)
RULES = "rules:\n  - id: alliance\n    severity: warning\n    actors: {any: [nato]}\n"


def test_the_user_of_the_api_can_do_all_that_the_api_does(secured_redis: SecuredRedis, tmp_path: Path) -> None:
    authority = str(secured_redis.certificates.authority) if secured_redis.tls else ""

    def as_user(name: str) -> Client:
        return connect(address(settings(secured_redis.address(name), tmp_path, [], redis_ssl_cafile=authority)))

    deliver, api = as_user("deliver"), as_user("api")
    put(deliver, notification(1))
    assert read_page(api, KEYS, Wanted(), limit=10).alerts == []
    assert find_alert(api, KEYS, "none") is None
    _says_things_about_alerts(LifeStore(api, "ww"))
    _saves_rules(api, tmp_path)
    assert [each.id for each in deliveries.list_deliveries(api, "ww", ["desk"])] == ["desk-1"]
    assert deliveries.resend(api, "ww", ["desk"], "desk-1", NOW).state == "queued"
    assert deliveries.put_test(api, "ww", "desk", NOW).reason == "test"
    assert deliveries.waiting(api, "ww", "desk") == 2
    assert deliveries.standing_of(api, "ww", "desk").disabled is None
    assert not deliveries.enable(api, "ww", "desk")
    for client in (deliver, api):
        client.close()


def _says_things_about_alerts(life: LifeStore) -> None:
    matcher = Matcher(name="actor", op="=", values=("nato",))
    ends = NOW + timedelta(hours=1)
    life.put_silence(Silence(id="s", matchers=(matcher,), author="anna", starts=NOW, ends=ends, created=NOW), NOW)
    assert life.expire_silence("s", NOW) is not None
    life.acknowledge("a", Acknowledgement(by="anna", at=NOW))
    assert life.withdraw("a")
    life.set_verdict("a", Verdict(value="true", by="anna", at=NOW, rule="alliance"))
    assert life.precisions()["alliance"].true == 1
    assert life.silences(NOW) == ()


def _saves_rules(api: Client, folder: Path) -> None:
    saved = SavedRules(api, "ww")
    assert saved.save(RULES, by="anna", now=NOW, expected="")
    assert rules_now(settings("", folder, []), api).by == "anna"
    assert saved.reset()
