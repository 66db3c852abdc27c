"""Every setting, declared once: name, default, unit, meaning, secrecy.

A setting is read, first wins, from the environment, a file of the same name in the secrets folder, the TOML file of
``--config``, and its default here. ``wirewatch doctor --settings`` prints them with secrets masked.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from wirewatch.errors import UserError
from wirewatch.example_secrets import is_example

Count = Annotated[int, Field(ge=1)]
CountOrNone = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0)]


def _setting(default: Any, help_: str, *, env: str | None = None) -> Any:
    """A field; ``env`` names the variables that carry no WIREWATCH_ prefix since the world knows them without."""
    alias = AliasChoices(env) if env else None
    return Field(default, description=help_, validation_alias=alias)


class Settings(BaseSettings):
    """One frozen value, made in the main module and passed on; nothing else reads the environment."""

    model_config = SettingsConfigDict(env_prefix="WIREWATCH_", frozen=True, extra="forbid", populate_by_name=True)

    # Broker
    kafka_bootstrap_servers: str = _setting(
        "", "Kafka servers, host:port with commas. Empty: the embedded log.", env="KAFKA_BOOTSTRAP_SERVERS"
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = _setting(
        "PLAINTEXT", "How to talk to Kafka.", env="KAFKA_SECURITY_PROTOCOL"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = _setting(
        "SCRAM-SHA-512", "SASL mechanism, with a SASL_ protocol.", env="KAFKA_SASL_MECHANISM"
    )
    kafka_sasl_username: str = _setting("", "SASL user.", env="KAFKA_SASL_USERNAME")
    kafka_sasl_password: SecretStr = _setting(SecretStr(""), "SASL password.", env="KAFKA_SASL_PASSWORD")
    kafka_ssl_cafile: str = _setting("", "PEM file of the authority that signed Kafka.", env="KAFKA_SSL_CAFILE")
    kafka_ssl_certfile: str = _setting("", "PEM file of our certificate.", env="KAFKA_SSL_CERTFILE")
    kafka_ssl_keyfile: str = _setting("", "PEM file of our key.", env="KAFKA_SSL_KEYFILE")
    kafka_session_timeout_ms: Count = _setting(45_000, "A member silent for so long is replaced, milliseconds.")

    # Topics
    partitions: Count = _setting(12, "Partitions of every topic. Never change it on a running system.")
    replication: Count = _setting(1, "Copies of every topic; 3 on a real cluster.")
    retention_hours: Count = _setting(168, "How long articles, mentions and entities are kept.")
    retention_hours_kept: Count = _setting(720, "How long alerts and dead letters are kept.")

    # Redis
    redis_url: SecretStr = _setting(
        SecretStr(""), "Redis or Valkey, redis:// or rediss://. Empty: an embedded one.", env="REDIS_URL"
    )
    redis_ssl_cafile: str = _setting("", "PEM file of the authority that signed Redis.", env="REDIS_SSL_CAFILE")
    redis_ssl_certfile: str = _setting("", "PEM file of our certificate for Redis.", env="REDIS_SSL_CERTFILE")
    redis_ssl_keyfile: str = _setting("", "PEM file of our key for Redis.", env="REDIS_SSL_KEYFILE")
    redis_prefix: str = _setting("ww", "Start of every Redis key.")
    seen_days: Count = _setting(7, "An article id seen again within so many days is a duplicate.")
    counters_days: Count = _setting(90, "How long counters are kept.")
    alerts_kept: Count = _setting(100_000, "How many alerts Redis keeps for reading back.")
    story_hours: CountOrNone = _setting(
        72, "An article can join a story for so long; 0: each article is its own story."
    )
    old_hours: Count = _setting(48, "An article published so long before it was first seen is old: nobody is notified.")

    # Files
    data_dir: Path = _setting(Path(".data"), "Folder of the embedded log, the embedded Redis and local Kafka.")
    watchlist: Path | None = _setting(None, "Watchlist file. Empty: the shipped one.")
    rules: Path | None = _setting(None, "Rules file. Empty: the shipped one.")
    receivers: Path | None = _setting(None, "Receivers file. Empty: the shipped one, which has none.")
    models_dir: Path | None = _setting(None, "Folder with one trained spaCy pipeline per language, named nl, en, …")

    # Delivery
    delivery_retry_seconds: Annotated[str, Field(pattern=r"^\d+(\.\d+)?( \d+(\.\d+)?)*$")] = _setting(
        "5 300 1800 7200 18000 36000 50400 72000 86400",
        "Waits before a notification is sent again, seconds; after the last of them it is given up.",
    )
    delivery_breaker_seconds: Seconds = _setting(
        30.0, "A receiver that fails five times in a row is left alone so long, then twice as long, up to 64 times."
    )
    delivery_seconds_max: Seconds = _setting(15.0, "Longest try to send one notification, seconds.")
    delivery_lease_seconds: Seconds = _setting(10.0, "After such a silence another process sends to a receiver.")

    # Work
    batch_messages_max: Count = _setting(200, "Messages per batch.")
    poll_seconds: Seconds = _setting(0.2, "Longest wait for messages, seconds.")
    article_bytes_max: Count = _setting(900_000, "Largest article record, bytes of JSON.")
    entity_chars_max: Count = _setting(20_000, "Characters of an article that entity extraction looks at.")
    worker_processes: CountOrNone = _setting(0, "Processes that extract entities, per member; 0: one per core.")
    worker_job_documents: Count = _setting(32, "Articles that a worker process gets at once.")
    worker_job_bytes: Count = _setting(100_000, "Bytes of articles that it gets at once; one article may be larger.")
    worker_job_seconds: Seconds = _setting(30.0, "A worker process that takes longer is ended, seconds.")
    worker_memory_bytes: CountOrNone = _setting(4 << 30, "Address space of a worker process (Linux); 0: no limit.")
    worker_recycle_documents: Count = _setting(50_000, "A worker process is replaced after so many articles.")
    faults_in_a_row_max: CountOrNone = _setting(
        10, "A stage stops when more records in a row fail as by a fault of ours; 0: no limit."
    )
    faults_recent_max: CountOrNone = _setting(20, "The same among its last 200 records; 0: no limit.")
    stall_seconds: Seconds = _setting(60.0, "A stage whose loop stands still so long ends, to be started again.")

    # Volume rules
    volume_seconds: Seconds = _setting(30.0, "Between two evaluations of the volume rules, seconds.")

    # HTTP
    http_host: str = _setting("127.0.0.1", "Address that the API listens on.")
    http_port: Annotated[int, Field(ge=0, le=65_535)] = _setting(8080, "Port of the API; 0 takes a free one.")
    http_request_seconds_max: Seconds = _setting(30.0, "A request that takes longer to arrive is refused, seconds.")
    http_connections_max: Count = _setting(1_000, "Connections at once; further ones get 503.")
    api_tokens: SecretStr = _setting(
        SecretStr(""),
        "Who may use the API: NAME:ROLE:sha256:HASH, with commas; `wirewatch tokens new NAME --role ROLE` makes them. "
        "Empty: everybody on this machine where it listens on loopback, else nobody.",
    )
    api_tokens_file: Path | None = _setting(None, "File of more of them, one a line; # begins a comment.")
    api_requests_per_minute: CountOrNone = _setting(
        3_000, "API requests in a minute, per token, or per address without one; 0: no limit."
    )
    ingest_tokens: SecretStr = _setting(
        SecretStr(""),
        "Who may publish: SOURCE:sha256:HASH, with commas; `wirewatch tokens new` makes them. Empty: HTTP ingest is "
        "closed.",
    )
    ingest_tokens_file: Path | None = _setting(None, "File of more of them, one a line; # begins a comment.")
    ingest_bytes_max: Count = _setting(1_048_576, "Largest ingest request, bytes.")
    ingest_articles_per_minute: Count = _setting(6_000, "Articles a token may publish in a minute.")
    metrics_host: str = _setting("127.0.0.1", "Address that /metrics listens on.")
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] = _setting(0, "Port of /metrics; 0 serves none.")

    # Feeds
    user_agent: str = _setting("wirewatch/0.1 (+https://wirewatch.example)", "User-Agent of feed requests.")
    feed_interval_seconds: Seconds = _setting(300.0, "Shortest time between polls of a feed.")
    feed_interval_seconds_max: Seconds = _setting(86_400.0, "Longest time between polls of a feed.")
    feed_connections: Count = _setting(100, "Feeds that a poller fetches at the same time.")
    feed_host_connections: Count = _setting(2, "Of these, from one host.")
    feed_push_interval_seconds: Seconds = _setting(
        7_200.0, "Longest time between polls of a feed that is pushed to us, unless its rhythm is longer."
    )
    websub_url: str = _setting(
        "", "Public address of `wirewatch serve`, for hubs to push feeds to (WebSub). Empty: feeds are polled only."
    )
    feed_lease_seconds: Seconds = _setting(600.0, "A feed that a poller took and did not finish is taken again.")
    feed_seen_hours: Count = _setting(168, "An article published so recently as it is now is not published again.")
    page_wait_seconds: Seconds = _setting(1.0, "Between two article pages that are read for one feed, seconds.")
    fetch_seconds_max: Seconds = _setting(20.0, "Longest fetch of a feed or page, seconds.")
    fetch_bytes_max: Count = _setting(5_242_880, "Largest feed or page, bytes after decompression.")

    # Logs
    log_level: Literal["debug", "info", "warning", "error"] = _setting("info", "Least level that is logged.")
    log_format: Literal["text", "json"] = _setting("text", "Log lines for people or for machines.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment, then secrets folder, then the configuration file."""
        sources: list[PydanticBaseSettingsSource] = [init_settings, env_settings]
        if folder := os.environ.get("WIREWATCH_SECRETS_DIR"):
            sources.append(SecretsSettingsSource(settings_cls, secrets_dir=folder))
        if config := os.environ.get("WIREWATCH_CONFIG"):
            sources.append(TomlConfigSettingsSource(settings_cls, toml_file=config))
        return tuple(sources)


def load(**overrides: Any) -> Settings:
    """The settings of this process. Raises UserError that names the setting and says what is wrong with it."""
    config = os.environ.get("WIREWATCH_CONFIG")
    if config and not Path(config).is_file():
        raise UserError(f"{config}: there is no such configuration file")
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        problems = "; ".join(f"{_shown(e['loc'])}: {e['msg']}" for e in error.errors())
        raise UserError(f"setting {problems}") from error
    except ValueError as error:  # the TOML parser's, which names line and column
        raise UserError(f"{config}: {error}") from error
    _refuse_examples(settings)
    return settings


def _refuse_examples(settings: Settings) -> None:
    """Raises UserError for a password that everybody knows. Without one there is nothing to refuse."""
    given = {
        "KAFKA_SASL_PASSWORD": settings.kafka_sasl_password.get_secret_value(),
        "REDIS_URL": _password(settings.redis_url.get_secret_value()),
    }
    for name, secret in given.items():
        if secret and is_example(secret):
            raise UserError(
                f"setting {name}: its password is one from examples, which everybody knows: choose a random one "
                "(`openssl rand -hex 24` makes one)"
            )


def _password(url: str) -> str:
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:  # no address: said when it is used
        return ""


def _shown(location: tuple[int | str, ...]) -> str:
    name = ".".join(str(part) for part in location)
    return name if name.startswith(("KAFKA_", "REDIS_")) else f"WIREWATCH_{name.upper()}"


class Declared(NamedTuple):
    """A setting as people see it. ``shown`` is its value, or its default; of a secret only whether it is set."""

    variable: str
    shown: str
    meaning: str
    secret: bool


def declared(settings: Settings | None = None) -> tuple[Declared, ...]:
    """Every setting in the order of declaration, with its value in ``settings``, or its default without them."""
    return tuple(
        Declared(
            variable=_variable(name),
            shown=str(value) if (value := getattr(settings, name) if settings else field.default) is not None else "",
            meaning=field.description or "",
            secret=field.annotation is SecretStr,
        )
        for name, field in Settings.model_fields.items()
    )


def _variable(name: str) -> str:
    alias = Settings.model_fields[name].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"WIREWATCH_{name.upper()}"
