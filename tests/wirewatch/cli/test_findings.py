from __future__ import annotations

from typing import Any

import pytest

from wirewatch.cli import findings

SOUND = {"redis_version": "7.4.1", "aof_enabled": 1, "maxmemory_policy": "noeviction", "maxmemory": 0}


@pytest.mark.parametrize(
    ("changed", "verdicts"),
    [
        # a sound server is one line
        ({}, {"redis": "ok"}),
        # the counters read back would be wrong, or the commands missing
        ({"redis_version": "6.2.14"}, {"redis": "wrong"}),
        ({"redis_version": "10.0.0"}, {"redis": "ok"}),
        # Valkey says which Redis it can stand for
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, {"redis": "ok"}),
        # a crash costs time, not truth: the log of articles is read again
        ({"aof_enabled": 0}, {"redis": "ok", "redis log": "note"}),
        # eviction without a limit never happens; with one it will
        ({"maxmemory_policy": "allkeys-lru"}, {"redis": "ok", "redis memory": "note"}),
        ({"maxmemory_policy": "volatile-ttl", "maxmemory": 1 << 30}, {"redis": "ok", "redis memory": "wrong"}),
    ],
)
def test_redis_is_judged_by_what_exact_counters_need(changed: dict[str, Any], verdicts: dict[str, str]) -> None:
    found = list(findings.redis("redis://localhost", SOUND | changed))
    assert {finding.name: finding.verdict for finding in found} == verdicts


@pytest.mark.parametrize(
    ("version", "platform", "verdict"),
    [
        ((3, 11, 0), "linux", "ok"),
        ((3, 13, 9), "darwin", "ok"),
        ((3, 10, 9), "linux", "wrong"),
        ((3, 14, 0), "linux", "wrong"),
        ((3, 12, 1), "win32", "note"),
    ],
)
def test_an_interpreter_is_judged_by_version_and_platform(
    version: tuple[int, int, int], platform: str, verdict: str
) -> None:
    assert findings.python(version, platform).verdict == verdict


@pytest.mark.parametrize(
    ("found", "verdict", "says"),
    [
        ({"articles.v1": 12, "alerts.v1": 12}, "ok", "2 topics of 12 partitions"),
        ({"articles.v1": 12, "alerts.v1": 0}, "note", "missing: alerts.v1"),
        ({"articles.v1": 12, "alerts.v1": 6}, "wrong", "another number of partitions: alerts.v1 has 6"),
    ],
)
def test_topics_are_judged_by_presence_and_partitions(found: dict[str, int], verdict: str, says: str) -> None:
    finding = findings.topics(found, 12)
    assert (finding.verdict, finding.says) == (verdict, says)


@pytest.mark.parametrize(
    ("sources", "verdict", "says"),
    [
        ([], "note", "closed"),
        (["anp"], "ok", "1 token: anp"),
        (["anp", None, "anp"], "ok", "3 tokens: anp, any source"),
    ],
)
def test_ingest_is_judged_by_its_tokens(sources: list[str | None], verdict: str, says: str) -> None:
    finding = findings.ingest(sources)
    assert finding.verdict == verdict
    assert says in finding.says


def test_whatever_is_not_fine_says_what_to_do() -> None:
    not_fine = [
        findings.python((3, 10, 0), "linux"),
        findings.data_folder("/data", exists=True, writable=False),
        findings.topics({"articles.v1": 0}, 12),
        findings.topics({"articles.v1": 3}, 12),
        *findings.redis("redis://localhost", {"redis_version": "6.0", "maxmemory_policy": "allkeys-lru"}),
        findings.pipelines({}),
        findings.local_kafka(None, None, "no Java"),
        findings.ingest([]),
    ]
    assert [finding.name for finding in not_fine if finding.verdict == "ok" or not finding.mend] == []
