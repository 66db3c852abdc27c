"""Drives the real scripts and their model in tests/simulation with the same calls: they must agree."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumers.matching import matches
from consumers.outbox import OutboxConsumer
from consumers.rebuilding import hold, release
from consumers.redis_store import RedisStore
from consumers.rules import ActorCondition, Rule, RuleSet
from tests.consumers.making import KEYS, M0, NOON, days_later, mentions, received, settings
from tests.simulation.chance import Chance
from tests.simulation.redis_model import Model, SimClient
from wirewatch.broker import Membership
from wirewatch.errors import Fenced, StoreUnavailable
from wirewatch.metrics import Metrics
from wirewatch.redis_client import Client

RULES = RuleSet(
    (
        Rule(id="any", severity="info", score_min=0.0),
        Rule(id="iran", severity="info", actors=ActorCondition(any=("iran",))),
    )
)
RECORDS = st.tuples(
    st.integers(0, 7),  # the article
    st.lists(st.sampled_from(("nato", "iran", "islamic-state")), unique=True, max_size=3),
    st.sampled_from((None, None, None, "skipped", "dlq")),
    st.sampled_from((0, 0, 0, 0.5, 1, 4)),  # days that pass
    st.sampled_from((1, 1, 1, 1, 2, 0, -2)),  # how the source offset goes on
    st.sampled_from((1, 1, 1, 2)),  # which edit of the article it is
)
OWNERS = st.builds(Membership, st.integers(0, 1), st.sampled_from(("first", "second")))
METRICS = Metrics()


class Patched:
    """A client that loads scripts with a part of their text replaced."""

    def __init__(self, client: Client, replaced: str, by: str) -> None:
        self._client = client
        self._replaced, self._by = replaced, by

    def register_script(self, text: str) -> Any:
        return self._client.register_script(text.replace(self._replaced, self._by))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class ScriptMachine(RuleBasedStateMachine):
    """Give ``client``, a real server's, in a subclass."""

    client: Client
    raw: Client

    @initialize()
    def start(self) -> None:
        self.raw.flushall()
        self.model = Model()
        calm = Chance(0)
        calm.calm = True
        self.clients: list[Any] = [self.client, SimClient(self.model, calm, lambda: None)]
        self.relays = [OutboxConsumer(client, KEYS, settings(), METRICS) for client in self.clients]
        self.source, self.day, self.held = -1, 0.0, False
        self.believed: dict[str, int] = {}
        self.members: dict[str, list[RedisStore]] = {}

    def stores(self, member: str) -> list[RedisStore]:
        """The same member over both; each keeps what it remembers of where the partition stands."""
        if member not in self.members:
            self.members[member] = [
                RedisStore(client, KEYS, settings(seen_days=3), METRICS, lambda found, _: matches(RULES, found, NOON))
                for client in self.clients
            ]
        return self.members[member]

    @rule(
        drawn=st.lists(RECORDS, min_size=1, max_size=6),
        off=st.sampled_from((0, 0, 0, None, None, -1, 2)),
        member=st.sampled_from(("first", "second", "nobody")),
    )
    def apply(self, drawn: list[Any], off: int | None, member: str) -> None:
        """A batch that starts where the partition stands, where the member believes it does (None), or elsewhere."""
        stands = int(self.model.data.get(KEYS.position(*M0), {}).get("next", 0))
        expected = self.believed.get(member, 0) if off is None else max(0, stands + off)
        self.believed[member] = expected + len(drawn)
        batch = []
        for at, (number, actors, status, days, forward, revision) in enumerate(drawn):
            self.day += days
            self.source = max(0, self.source + forward)
            changes: dict[str, Any] = {"revision": revision} | ({"status": status} if status else {})
            found = () if status else actors
            record = mentions(f"a{number}", *found, first_seen=days_later(self.day), **changes)
            batch.append(received(M0, expected + at, record, self.source))
        self._same(lambda n: self.stores(member)[n].apply(M0, expected, expected + len(batch), batch))

    @rule(owner=OWNERS, force=st.booleans())
    def claim(self, owner: Membership, force: bool) -> None:
        self._same(lambda n: self.stores(owner.member)[n].claim(M0, owner, force=force))

    @rule()
    def forget_memory(self) -> None:
        """Processes start anew."""
        self.members.clear()

    @precondition(lambda self: self.model.stream(KEYS.outbox(0)))
    @rule(most=st.integers(1, 5))
    def relay(self, most: int) -> None:
        def once(n: int) -> Any:
            batch = self.relays[n].poll(0.001, most)
            self.relays[n].commit({where: messages[-1].offset + 1 for where, messages in batch.items()})
            return [message.key for messages in batch.values() for message in messages]

        self._same(once)

    @rule()
    def hold(self) -> None:
        hold(self.client, KEYS, [M0])
        self.model.hold([KEYS.position(*M0)], [])
        self.held = True

    @precondition(lambda self: self.held)
    @rule()
    def release(self) -> None:
        """The counters stay here: what is counted on top must still be the same."""
        release(self.client, KEYS, {M0: 0})
        standing = self.model.data[KEYS.position(*M0)]
        standing.update(next="0", start="0")
        for name in ("src", "day", "generation", "member", "held"):
            standing.pop(name, None)
        self.held = False
        self.source = -1

    @invariant()
    def data_are_the_same(self) -> None:
        if hasattr(self, "model"):
            assert _of_server(self.raw) == _of_model(self.model)

    def _same(self, call: Any) -> None:
        answers = []
        for n in range(2):
            try:
                answers.append(call(n))
            except (Fenced, StoreUnavailable) as refused:
                answers.append(type(refused))
        assert answers[0] == answers[1]


def _of_server(client: Client) -> dict[str, Any]:
    read: dict[str, Any] = {
        "hash": client.hgetall,
        "set": client.smembers,
        "zset": lambda key: dict(client.zrange(key, 0, -1, withscores=True)),
        "stream": lambda key: dict(client.xrange(key)),
        "list": lambda key: client.lrange(key, 0, -1),
        "string": client.get,
    }
    return _shown({key: read[client.type(key)](key) for key in client.scan_iter()})


def _of_model(model: Model) -> dict[str, Any]:
    return _shown(model.data)


def _shown(data: dict[str, Any]) -> dict[str, Any]:
    """Numbers as such. The feed's places are the server's clock: only ids and their order are compared."""
    shown: dict[str, Any] = {}
    for key, value in data.items():
        if key in (KEYS.feed, KEYS.feed_sending, KEYS.feed_inbox):
            shown[key] = [fields["id"] for fields in value.values()]
        elif key == KEYS.feed_ids:
            shown[key] = set(value)
        elif isinstance(value, str):
            shown[key] = value != ""
        elif isinstance(value, (list, set)):
            shown[key] = value
        else:
            shown[key] = {name: v if isinstance(v, dict) else str(v).removesuffix(".0") for name, v in value.items()}
    return {key: value for key, value in shown.items() if value}
