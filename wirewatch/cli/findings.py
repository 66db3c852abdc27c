"""What ``wirewatch doctor`` makes of what it saw: pure judgments, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from consumers.api.access import is_loopback

Verdict = Literal["ok", "note", "wrong"]
REDIS_VERSION_MIN = (7, 0)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. ``note``: works, but you should know; ``wrong``: will not work until mended."""

    name: str
    verdict: Verdict
    says: str
    mend: str = ""


def python(version: tuple[int, int, int], platform: str) -> Finding:
    """Whether this interpreter is one that Wirewatch is tested on."""
    says = f"Python {'.'.join(map(str, version))} on {platform}"
    if not (3, 11) <= version[:2] <= (3, 13):
        return Finding("python", "wrong", says, "use Python 3.11, 3.12 or 3.13")
    if platform not in ("linux", "darwin"):
        return Finding("python", "note", f"{says}, which is not tested", "run the container: docker compose up")
    return Finding("python", "ok", says)


def checksum(*, hardware: bool) -> Finding:
    """How Kafka's checksum is computed: always in C, as the package is required."""
    return Finding("crc32c", "ok", "in C, with the processor's own instruction" if hardware else "in C")


def data_folder(path: str, *, exists: bool, writable: bool) -> Finding:
    """Whether the embedded servers can keep their data. ``writable``: of the folder, or of where it would be made."""
    if not writable:
        mend = "set WIREWATCH_DATA_DIR to a folder that this user may write"
        return Finding("data folder", "wrong", f"{path} cannot be written", mend)
    return Finding("data folder", "ok", path if exists else f"{path}, made at the first start")


def topics(found: Mapping[str, int], wanted: int) -> Finding:
    """Whether every topic is there. ``found``: its number of partitions, 0 where it is missing."""
    if missing := [name for name, partitions in found.items() if partitions == 0]:
        mend = "wirewatch topics create (wirewatch up does it too)"
        return Finding("topics", "note", f"missing: {', '.join(missing)}", mend)
    if odd := [f"{name} has {partitions}" for name, partitions in found.items() if partitions != wanted]:
        mend = f"set WIREWATCH_PARTITIONS to what the topics have; it is {wanted}, and topics cannot change"
        return Finding("topics", "wrong", f"another number of partitions: {', '.join(odd)}", mend)
    return Finding("topics", "ok", f"{len(found)} topics of {wanted} partitions")


def redis(address: str, info: Mapping[str, Any]) -> Iterable[Finding]:
    """What Redis' INFO says about exact counters: the version, the log, and that nothing is evicted."""
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = str(info.get("valkey_version") or info.get("redis_version", "0"))
    compatible = tuple(int(part) for part in str(info.get("redis_version", "0")).split(".")[:2] if part.isdigit())
    if compatible < REDIS_VERSION_MIN:
        yield Finding(
            "redis", "wrong", f"{name} {version} at {address} is too old", "run Redis 7.0 or later, or Valkey"
        )
    else:
        yield Finding("redis", "ok", f"{name} {version} at {address}")
    if not int(info.get("aof_enabled", 0)):
        says = "appendonly is off: after a crash, counters fall back to the last snapshot and are counted again"
        yield Finding("redis log", "note", says, "set appendonly yes")
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        limited = bool(int(info.get("maxmemory", 0)))
        says = f"maxmemory-policy is {policy}: counters and alerts " + ("vanish" if limited else "would vanish")
        yield Finding("redis memory", "wrong" if limited else "note", says, "set maxmemory-policy noeviction")


def pipelines(installed: Mapping[str, str]) -> Finding:
    """Which languages get entities."""
    if installed:
        return Finding(
            "spaCy pipelines", "ok", ", ".join(f"{lang}: {name}" for lang, name in sorted(installed.items()))
        )
    says = "none: watched actors are found in every language, other entities in none"
    mend = "install trained spaCy pipelines, or set WIREWATCH_MODELS_DIR to a folder of them"
    return Finding("spaCy pipelines", "note", says, mend)


def local_kafka(java: str | None, maven: str | None, why: str = "") -> Finding:
    """Whether ``wirewatch up --kafka local`` can run; nothing else needs Java."""
    if java and maven:
        return Finding("local Kafka", "ok", f"{java}; {maven}")
    return Finding("local Kafka", "note", why or "no Maven on PATH", "only `wirewatch up --kafka local` needs it")


def api(names: Sequence[str], host: str) -> Finding:
    """Who may use the API, which listens on ``host``. ``names``: one per token, with its role."""
    if names:
        return Finding("API", "ok", f"open to {', '.join(sorted(set(names)))}")
    if is_loopback(host):
        return Finding("API", "ok", f"open to everybody on this machine: it listens on {host}, and no token is set")
    mend = "`wirewatch tokens new NAME --role admin` makes one"
    return Finding("API", "note", f"closed: it listens on {host}, and no token is set", mend)


def ingest(sources: Iterable[str | None]) -> Finding:
    """Whether HTTP ingest is open, and to whom. ``sources``: one per token, None where it may name any source."""
    names = [source or "any source" for source in sources]
    if not names:
        mend = "`wirewatch tokens new SOURCE` makes one, to accept articles over HTTP"
        return Finding("ingest", "note", "closed: no token is set", mend)
    return Finding(
        "ingest", "ok", f"open to {len(names)} token{'s' if len(names) > 1 else ''}: {', '.join(sorted(set(names)))}"
    )
