"""What ``wirewatch doctor`` looks at. Reads only: nothing is made or changed. Judged in findings."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import crc32c

from consumers import watchlist_file
from consumers.api import tokens as api_tokens
from consumers.installed_pipelines import installed
from consumers.rule_file import load_rules
from consumers.rules_in_use import SavedRules
from producers.ingest_access import configured_tokens
from wirewatch import redis_client
from wirewatch.cli import findings
from wirewatch.cli.findings import Finding
from wirewatch.cli.wiring import open_broker
from wirewatch.errors import UserError, WirewatchError
from wirewatch.local import kafka_files, valkey
from wirewatch.settings import Settings
from wirewatch.topics import TOPICS

Probe = Callable[[Settings], Iterable[Finding]]


def run(settings: Settings) -> Iterator[Finding]:
    """Every finding, as soon as it is known. A server that is away is a finding, not an error."""
    for name, mend, probe in _PROBES:
        try:
            yield from probe(settings)
        except WirewatchError as error:
            yield Finding(name, "wrong", str(error), mend)


def _machine(settings: Settings) -> Iterator[Finding]:
    yield findings.python(sys.version_info[:3], sys.platform)
    yield findings.checksum(hardware=crc32c.hardware_based)
    folder = settings.data_dir
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    yield findings.data_folder(str(folder), exists=folder.exists(), writable=os.access(existing, os.W_OK))


def _sources(_: Settings) -> Iterator[Finding]:
    """Where settings come from, besides the environment."""
    config, secrets = os.environ.get("WIREWATCH_CONFIG"), os.environ.get("WIREWATCH_SECRETS_DIR")
    if secrets and not Path(secrets).is_dir():
        yield Finding("settings", "wrong", f"{secrets} is no folder", "set WIREWATCH_SECRETS_DIR to one, or not at all")
        return
    places = [place for place in ("the environment", secrets, config) if place]
    yield Finding("settings", "ok", f"from {', then '.join(places)}")


def _broker(settings: Settings) -> Iterator[Finding]:
    if not settings.kafka_bootstrap_servers and not settings.data_dir.exists():
        yield Finding("broker", "ok", "the embedded log, made at the first start")
        return
    broker = open_broker(settings)
    admin = broker.admin()
    try:
        found = {topic.name: admin.partitions(topic.name) for topic in TOPICS}
    finally:
        admin.close()
    yield Finding("broker", "ok", broker.name)
    yield findings.topics(found, settings.partitions)


def _redis(settings: Settings) -> Iterator[Finding]:
    url = settings.redis_url.get_secret_value()
    running = valkey.url_file(settings.data_dir)
    if not url and not running.exists():
        yield Finding("redis", "ok", f"embedded ({Path(valkey.server_program()).name}), starts with `wirewatch up`")
        return
    url = redis_client.address(settings)
    client = redis_client.connect(url)
    try:
        with redis_client.answers():
            info = client.info()
        saved = SavedRules(client, settings.redis_prefix).read()
    finally:
        client.close()
    yield from findings.redis(redis_client.shown(url), info)
    if saved is not None:
        yield Finding(
            "saved rules", "ok", f"{len(saved.rules.rules)} rules, version {saved.rules.version}, go before the file"
        )


def _watchlist(settings: Settings) -> Iterator[Finding]:
    watchlist = watchlist_file.of_settings(settings)
    yield Finding("watchlist", "ok", f"{len(watchlist.actors)} actors, version {watchlist.version}")
    rules = load_rules(settings.rules, [actor.id for actor in watchlist.actors])
    yield Finding("rules", "ok", f"{len(rules.rules)} rules, version {rules.version}")


def _extraction(settings: Settings) -> Iterator[Finding]:
    if settings.models_dir is not None and not settings.models_dir.is_dir():
        raise UserError(f"WIREWATCH_MODELS_DIR: {settings.models_dir} is no folder")
    yield findings.pipelines(installed(settings.models_dir))


def _optional(_: Settings) -> Iterator[Finding]:
    try:
        java, why = str(kafka_files.java()), ""
    except UserError as error:
        java, why = None, str(error)
    yield findings.local_kafka(java, shutil.which("mvn"), why)


def _api(settings: Settings) -> Iterator[Finding]:
    yield findings.api(
        [f"{token.name} ({token.role})" for token in api_tokens.configured(settings)], settings.http_host
    )


def _ingest(settings: Settings) -> Iterator[Finding]:
    yield findings.ingest(token.source for token in configured_tokens(settings))


_PROBES: tuple[tuple[str, str, Probe], ...] = (
    ("machine", "", _machine),
    ("settings", "", _sources),
    ("broker", "start Kafka, or mend the KAFKA_ settings: wirewatch doctor --settings shows them", _broker),
    ("redis", "start Redis, or mend REDIS_URL", _redis),
    ("watchlist", "", _watchlist),
    ("spaCy pipelines", "", _extraction),
    ("local Kafka", "", _optional),
    ("API", "", _api),
    ("ingest", "", _ingest),
)
