"""What people say is kept in Redis, on real servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumers.life import store as life_store
from consumers.life.model import NOTHING_SAID, VERDICTS, Acknowledgement, Verdict, VerdictValue
from consumers.life.store import LifeStore
from tests.consumers.delivery.making import NOON, after, alert
from tests.consumers.life.test_model import silence
from wirewatch.errors import UserError
from wirewatch.redis_client import connect


@pytest.fixture
def life(redis_url: str) -> Iterator[LifeStore]:
    client = connect(redis_url)
    yield LifeStore(client, "ww")
    client.close()


def verdict(value: VerdictValue, rule: str = "watched") -> Verdict:
    return Verdict(value=value, by="ann", at=NOON, rule=rule)


def test_silences_are_listed_until_some_days_after_their_end(life: LifeStore) -> None:
    life.put_silence(silence("old", hours=(-300, -200)), NOON)
    life.put_silence(silence("over", hours=(-3, -2)), NOON)
    life.put_silence(silence("now"), NOON)
    life.put_silence(silence("next", hours=(2, 3)), NOON)
    assert {each.id for each in life.silences(NOON)} == {"now", "next"}
    assert {each.id for each in life.silences(NOON, expired=True)} == {"over", "now", "next"}


def test_a_silence_that_is_ended_has_ended_and_stays_so(life: LifeStore) -> None:
    life.put_silence(silence("now"), NOON)
    life.put_silence(silence("next", hours=(2, 3)), NOON)
    for id_ in ("now", "next"):
        ended = life.expire_silence(id_, NOON)
        assert ended is not None
        assert ended.ends == NOON
    assert life.expire_silence("now", after(hours=1)) == life.silence("now")
    assert life.silences(NOON) == ()
    assert life.expire_silence("none", NOON) is None


def test_there_is_a_limit_of_silences(life: LifeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life_store, "SILENCES_MAX", 2)
    for id_ in ("a", "b", "b"):
        life.put_silence(silence(id_), NOON)
    with pytest.raises(UserError, match="expire some"):
        life.put_silence(silence("c"), NOON)


def test_what_is_said_of_alerts_is_read_for_many_at_once(life: LifeStore) -> None:
    taken = Acknowledgement(by="ann", at=NOON, comment="mine")
    life.put_silence(silence("s", "actor=nato"), NOON)
    life.acknowledge("a1", taken)
    life.set_verdict("a2", verdict("false"))
    one, two, three, four = life.of([alert("a1"), alert("a2"), alert("a3", actors=("nato",)), alert("a4")], NOON)
    assert (one.acknowledged, one.verdict, one.silences) == (taken, None, ())
    assert two.verdict == verdict("false")
    assert three.silences == ("s",)
    assert four == NOTHING_SAID
    assert life.of([alert("a3", actors=("nato",))], after(hours=2)) == [NOTHING_SAID]
    assert life.of([], NOON) == []


def test_an_acknowledgement_that_is_withdrawn_is_gone(life: LifeStore) -> None:
    life.acknowledge("a1", Acknowledgement(by="ann", at=NOON))
    assert life.withdraw("a1")
    assert not life.withdraw("a1")
    assert life.of([alert("a1")], NOON) == [NOTHING_SAID]


def test_the_newest_are_kept_and_counts_outlive_them(life: LifeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life_store, "_KEPT_MAX", 2)
    for n in range(4):
        at = NOON + timedelta(hours=n)
        life.acknowledge(f"a{n}", Acknowledgement(by="ann", at=at))
        life.set_verdict(f"a{n}", Verdict(value="true", by="ann", at=at, rule="watched"))
    kept = life.of([alert(f"a{n}") for n in range(4)], NOON)
    assert [each.acknowledged is not None for each in kept] == [False, False, True, True]
    assert [each.verdict is not None for each in kept] == [False, False, True, True]
    assert life.precisions()["watched"].true == 4


def test_every_change_is_seen_by_who_asks_for_changes(life: LifeStore) -> None:
    seen = [life.changes()]
    life.put_silence(silence("now"), NOON)
    seen.append(life.changes())
    life.acknowledge("a1", Acknowledgement(by="ann", at=NOON))
    seen.append(life.changes())
    life.set_verdict("a1", verdict("true"))
    seen.append(life.changes())
    assert seen == sorted(set(seen))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from((*VERDICTS, None)), st.sampled_from(("r:1", "r2"))), max_size=20
    )
)
def test_counts_per_rule_are_those_of_the_newest_verdicts_that_were_not_taken_back(
    redis_url: str, said: list[tuple[int, VerdictValue | None, str]]
) -> None:
    client = connect(redis_url)
    client.flushall()
    life = LifeStore(client, "ww")
    newest: dict[int, tuple[VerdictValue, str]] = {}
    for number, value, rule in said:
        if value is None:
            assert life.withdraw_verdict(f"a{number}") == (newest.pop(number, None) is not None)
        else:
            life.set_verdict(f"a{number}", verdict(value, rule))
            newest[number] = value, rule
    expected = Counter(newest.values())
    found = {
        (value, rule): count
        for rule, known in life.precisions().items()
        for value in VERDICTS
        if (count := getattr(known, value))
    }
    assert found == dict(expected)
    client.close()
