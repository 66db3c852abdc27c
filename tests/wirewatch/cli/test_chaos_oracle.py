"""The judge of a campaign: content with what is right, and sees all that is lost, doubled, missing or wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.recognise import compile_watchlist
from consumers.rule_file import load_rules
from consumers.watchlist_file import of_settings
from wirewatch.chaos.producer import Acknowledged, Record
from wirewatch.cli.chaos_entities import LABEL
from wirewatch.cli.chaos_oracle import DAY, Expected, Found, Letter, Made, Place, Verdict, expect, judge
from wirewatch.cli.chaos_workload import compose, sound
from wirewatch.records import Article
from wirewatch.settings import load

_RECOGNISER = compile_watchlist(of_settings(load()))
_RULES = load_rules(load().rules)
_PARTITIONS = 2
_COUNT = 1_500


def _articles(count: int) -> list[Article]:
    return [
        Article(
            id=f"{n:032x}",
            source="source.example",
            title=f"{('NATO', 'Rain')[n % 2]} meets for the {n}th time",
            text="The allies meet in Brussels.",
            language="en",
            first_seen=DAY + timedelta(seconds=n),
            content_hash="0",
        )
        for n in range(count)
    ]


_RECORDS = compose(_articles(sound(_COUNT)), _COUNT, seed=5)
_EXPECTED = expect(_RECORDS, _RECOGNISER, _RULES)
_JOURNAL = [Acknowledged(n, n % _PARTITIONS, n // _PARTITIONS) for n in range(_COUNT)]


def _made(record: Record, offset: int, topic: str) -> Made:
    if record.article is None:
        return Made(offset, "dlq", "invalid", None)
    if record.ends_worker and topic == "entities.v1":
        return Made(offset, "dlq", "worker-crash", None)
    return Made(offset, "ok", None, record.article)


def _right() -> Found:
    """What is there when everything has gone as it must."""
    places = {Place(entry.partition, entry.offset): _RECORDS[entry.n] for entry in _JOURNAL}
    return Found(
        held={place: record.value for place, record in places.items()},
        letters=[
            Letter(place, "entities", "worker-crash", record.value)
            if record.ends_worker
            else Letter(place, "actors", "undecodable", record.value)
            for place, record in places.items()
            if record.article is None or record.ends_worker
        ],
        made={
            topic: {
                p: [_made(record, place.offset, topic) for place, record in places.items() if place.partition == p]
                for p in range(_PARTITIONS)
            }
            for topic in ("mentions.v1", "entities.v1")
        },
        counts=dict(_EXPECTED.counts),
        names=dict(_EXPECTED.names),
        sent=sorted(_EXPECTED.alerts),
        fed=sorted(_EXPECTED.alerts),
    )


def _verdict(found: Found, expected: Expected = _EXPECTED) -> Verdict:
    return judge(_RECORDS, _JOURNAL, expected, found)


def test_the_judge_is_content_with_what_is_right() -> None:
    verdict = _verdict(_right())
    assert verdict.holds, verdict.examples
    assert verdict.repeats["that end a worker"] >= 2
    assert verdict.repeats["malformed"] > 5


def test_what_a_kill_makes_the_stages_do_again_is_no_violation() -> None:
    right = _right()
    again = {topic: {p: [*made, *made[-200:]] for p, made in own.items()} for topic, own in right.made.items()}
    verdict = _verdict(
        replace(right, letters=[*right.letters, right.letters[0]], made=again, sent=[*right.sent, right.sent[0]])
    )
    assert verdict.holds, verdict.examples
    assert verdict.repeats["dead letters, the same again"] == 1
    assert verdict.repeats["records of entities.v1 done again"] == 400
    assert verdict.repeats["alerts in alerts.v1, with the id of an earlier one"] == 1


def _with(counts: dict[Any, int], place: Any, amount: int) -> dict[Any, int]:
    return {**counts, place: counts.get(place, 0) + amount}


def _records(found: Found, topic: str, change: Callable[[list[Made]], list[Made]]) -> Found:
    own = {**found.made[topic], 1: change(list(found.made[topic][1]))}
    return replace(found, made={**found.made, topic: own})


def _letters(found: Found, change: Callable[[list[Letter]], list[Letter]]) -> Found:
    return replace(found, letters=change(list(found.letters)))


_AN_ACTOR = next(iter(_EXPECTED.counts))
_SOUND = next(e for e in _JOURNAL if _RECORDS[e.n].article and not _RECORDS[e.n].ends_worker)
_SOUND_PLACE = Place(_SOUND.partition, _SOUND.offset)

CASES: dict[str, tuple[Callable[[Found], Found], dict[str, int]]] = {
    "an article not counted": (lambda f: replace(f, counts=_with(dict(f.counts), _AN_ACTOR, -1)), {"lost": 1}),
    "an article counted again": (
        lambda f: replace(f, counts=_with(dict(f.counts), _AN_ACTOR, 2)),
        {"double_counted": 2},
    ),
    "a counter of nobody": (
        lambda f: replace(f, counts=_with(dict(f.counts), ("nobody", "hour", "articles"), 1)),
        {"double_counted": 1},
    ),
    "no dead letter": (lambda f: _letters(f, lambda letters: letters[1:]), {"dead_letters_missing": 1}),
    "a letter of something sound": (
        lambda f: _letters(f, lambda all_: [*all_, Letter(_SOUND_PLACE, "actors", "x", f.held[_SOUND_PLACE])]),
        {"dead_letters_surplus": 1},
    ),
    "letters with two reasons": (
        lambda f: _letters(f, lambda all_: [*all_, next(x for x in all_ if x.stage == "actors")._replace(reason="x")]),
        {"dead_letters_doubled": 1},
    ),
    "a letter of the wrong stage": (
        lambda f: _letters(f, lambda all_: [all_[0]._replace(stage="counters"), *all_[1:]]),
        {"dead_letters_missing": 1, "dead_letters_surplus": 1},
    ),
    "a letter without reason": (
        lambda f: _letters(f, lambda all_: [all_[0]._replace(reason=""), *all_[1:]]),
        {"dead_letters_missing": 1, "dead_letters_surplus": 1},
    ),
    "a letter with other bytes": (
        lambda f: _letters(f, lambda all_: [all_[0]._replace(value=b"?"), *all_[1:]]),
        {"dead_letters_missing": 1, "dead_letters_surplus": 1},
    ),
    "no alert": (lambda f: replace(f, sent=f.sent[1:], fed=f.fed[1:]), {"alerts_missing": 2}),
    "an alert twice in the feed": (lambda f: replace(f, fed=[*f.fed, f.fed[0]]), {"alerts_doubled": 1}),
    "an alert of nothing": (lambda f: replace(f, sent=[*f.sent, "nothing"]), {"alerts_surplus": 1}),
    "an acknowledged record gone": (
        lambda f: replace(f, held={**f.held, _SOUND_PLACE: b"another"}),
        {"acknowledged_gone": 1},
    ),
    "no entities": (
        lambda f: _records(f, "entities.v1", lambda made: made[:-1]),
        {"entities_missing": 1},
    ),
    "a gap": (
        lambda f: _records(f, "entities.v1", lambda made: made[:5] + made[6:]),
        {"entities_missing": 1, "out_of_order": len(_JOURNAL) // 2 - 6},
    ),
    "entities of another article": (
        lambda f: _records(f, "entities.v1", lambda made: [*made[:-1], made[-1]._replace(article_id="?")]),
        {"entities_missing": 1},
    ),
    "two different results": (
        lambda f: _records(f, "entities.v1", lambda made: [*made, made[-1]._replace(article_id="?")]),
        {"entities_doubled": 1},
    ),
    "entities of nothing": (
        lambda f: _records(f, "entities.v1", lambda made: [*made, Made(len(made), "ok", None, "?")]),
        {"entities_doubled": 1},
    ),
    "mentions out of order": (
        lambda f: _records(f, "mentions.v1", lambda made: [made[1], made[0], *made[2:]]),
        {"out_of_order": 2},
    ),
    "no mentions": (lambda f: _records(f, "mentions.v1", lambda made: made[:-1]), {"mentions_missing": 1}),
    "a partition without any": (
        lambda f: replace(f, made={**f.made, "mentions.v1": {0: f.made["mentions.v1"][0]}}),
        {"mentions_missing": _COUNT // 2},
    ),
    "a name not counted": (
        lambda f: replace(f, names=_with(dict(f.names), (LABEL, "NATO"), -1)),
        {"entities_missing": 1},
    ),
    "a name counted again": (
        lambda f: replace(f, names=_with(dict(f.names), (LABEL, "Rain"), 1)),
        {"entities_doubled": 1},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_judge_sees(case: str) -> None:
    change, expected = CASES[case]
    verdict = _verdict(change(_right()))
    assert {name: number for name, number in verdict.violations.items() if number} == expected
    assert not verdict.holds
    assert verdict.examples


@given(st.integers(0, _COUNT - 1))
def test_whichever_acknowledged_record_is_gone_from_the_log_is_seen(n: int) -> None:
    right = _right()
    place = Place(_JOURNAL[n].partition, _JOURNAL[n].offset)
    verdict = _verdict(replace(right, held={p: value for p, value in right.held.items() if p != place}))
    assert verdict.acknowledged_gone == 1


def test_an_article_sent_twice_is_expected_once() -> None:
    articles = _articles(30)
    twice = expect(compose(articles, 40, seed=1), _RECOGNISER, _RULES)
    assert twice == expect(compose(articles, 30, seed=2), _RECOGNISER, _RULES)
    assert len(twice.alerts) == 15


def test_an_article_that_ends_its_worker_is_counted_but_gives_no_names() -> None:
    killers = {record.article for record in _RECORDS if record.ends_worker}
    assert sum(_EXPECTED.names.values()) == sound(_COUNT) - len(killers)


def test_records_are_the_same_for_the_same_seed_and_as_many_as_asked_for() -> None:
    assert compose(_articles(sound(_COUNT)), _COUNT, seed=5) == _RECORDS
    assert len(_RECORDS) == _COUNT
    malformed = [record for record in _RECORDS if record.article is None]
    assert len({record.value for record in malformed}) == len(malformed)
    twice = _COUNT - len(malformed) - len({record.article for record in _RECORDS if record.article})
    assert 0.03 < twice / _COUNT < 0.08
