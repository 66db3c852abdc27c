"""Which rules are in use: those that someone saved in Redis, else those of the rules file, else the shipped ones.

    ww:{rules}:saved    hash    text of a rules file, its version, when it was saved (at) and who did (by);
                                after a reset only when that was

Whoever decides by rules asks for the current ones each time; a change is seen within seconds, without a restart. What
has mistakes is never saved, and where it turns up all the same (a file edited in place, rules saved by a newer release)
it is logged and ignored: the rules that were in use stay in use.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import structlog

from consumers.rule_file import SHIPPED, read_text, rules_of_text, rules_version
from consumers.rules import RuleSet
from wirewatch.errors import StoreUnavailable, UserError
from wirewatch.redis_client import Client, answers
from wirewatch.seeds import shipped
from wirewatch.settings import Settings

Origin = Literal["saved", "file", "shipped"]
SAVED_BYTES_MAX = 1_000_000
"""Every process parses it, which must not hold up a stage for long: about 8,000 rules take some 8 seconds."""
_EPOCH = datetime.fromtimestamp(0, UTC)
LOOK_SECONDS = 1.0
"""A change is seen after so long, at the next question."""
_SCRIPT = Path(__file__).with_name("save_rules.lua").read_text("utf-8")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class InUse:
    """Rules with where they come from. ``text``: of the rules file that they are; ``name``: what to call it."""

    rules: RuleSet
    text: str
    origin: Origin
    name: str
    at: datetime | None = None
    """When they were saved (UTC), and by whom; None where they come from a file."""
    by: str | None = None
    since: datetime = _EPOCH
    """Not in use before that time (UTC); articles from before may have been decided by others."""


class SavedRules:
    """The rules in Redis. Every method raises StoreUnavailable; repeating is safe."""

    def __init__(self, client: Client, prefix: str) -> None:
        self._client = client
        self._key = f"{prefix}:{{rules}}:saved"
        self._script = client.register_script(_SCRIPT)

    def version(self) -> str:
        """Of the saved rules; empty where none are saved."""
        with answers():
            return str(self._client.hmget(self._key, "version")[0] or "")

    def read(self) -> InUse | None:
        """The saved rules; None where none are. Raises UserError where this release cannot read them."""
        with answers():
            text, at, by = self._client.hmget(self._key, "text", "at", "by")
        if text is None:
            return None
        name, saved = "saved rules", _moment(at)
        rules = rules_of_text(text, name)
        return InUse(rules=rules, text=text, origin="saved", name=name, at=saved, by=by, since=saved)

    def reset_at(self) -> datetime:
        """When saved rules were last forgotten; the epoch where they never were."""
        with answers():
            text, at = self._client.hmget(self._key, "text", "at")
        return _moment(at if text is None else None)

    def save(self, text: str, *, by: str, now: datetime, expected: str | None = None) -> bool:
        """Put ``text`` into use. With ``expected``, only if that version is saved (empty: none is); False and nothing
        is changed where another is. Check it first (``check_rules``)."""
        fields = {"text": text, "version": rules_version(text), "at": now.astimezone(UTC).isoformat(), "by": by}
        arguments = [part for pair in fields.items() for part in pair]
        with answers():
            return bool(self._script(keys=[self._key], args=["*" if expected is None else expected, *arguments]))

    def reset(self, now: datetime | None = None) -> bool:
        """Back to the rules file; False where none were saved."""
        with answers(), self._client.pipeline(transaction=True) as pipe:
            pipe.hdel(self._key, "text", "version", "by")
            pipe.hset(self._key, "at", (now or datetime.now(UTC)).astimezone(UTC).isoformat())
            return bool(pipe.execute()[0])


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else _EPOCH


def check_rules(text: str, name: str, actors: Iterable[str]) -> RuleSet:
    """The rules that ``text`` holds, fit to be saved. ``actors``: ids of the watchlist.

    Raises UserError with a line ``name:line: what is wrong; how to mend it`` per mistake.
    """
    if len(text.encode("utf-8", "surrogatepass")) > SAVED_BYTES_MAX:
        raise UserError(f"{name}: larger than {SAVED_BYTES_MAX:,} bytes; use it with WIREWATCH_RULES={name} instead")
    return rules_of_text(text, name, actors)


def rules_file(settings: Settings) -> InUse:
    """The rules of the file that the settings name, else the shipped ones. Raises UserError."""
    path = settings.rules or shipped(SHIPPED)
    text = read_text(path)
    rules = rules_of_text(text, str(path))
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return InUse(rules=rules, text=text, origin="file" if settings.rules else "shipped", name=str(path), since=changed)


def rules_now(settings: Settings, client: Client | None) -> InUse:
    """The rules in use at this moment; without ``client`` those of the file. Raises UserError, StoreUnavailable."""
    return RulesInUse(settings, client).in_use()


class RulesInUse:
    """The rules in use, looked up again as they change. Safe to share between threads."""

    def __init__(self, settings: Settings, client: Client | None, look_seconds: float = LOOK_SECONDS) -> None:
        """With ``look_seconds`` 0 each question looks. Raises StoreUnavailable, and UserError where no saved rules are
        fit and the file has mistakes."""
        self._look_seconds = look_seconds
        self._settings = settings
        self._saved = SavedRules(client, settings.redis_prefix) if client is not None else None
        self._lock = threading.Lock()
        self._seen = self._state()
        self._in_use = self._first()
        self._due = time.monotonic() + self._look_seconds

    def current(self) -> RuleSet:
        """The rules to decide by now. Never raises: with Redis away the last ones stay."""
        return self.in_use().rules

    def in_use(self) -> InUse:
        """The same with their text and origin."""
        with self._lock:
            if time.monotonic() >= self._due:
                try:
                    self._look()
                except StoreUnavailable as away:
                    log.info("rules were not looked up", error=str(away))
                self._due = time.monotonic() + self._look_seconds
            return self._in_use

    def _look(self) -> None:
        state = self._state()
        if state == self._seen:
            return
        before = self._in_use.rules.version
        try:
            found = self._read()
        except UserError as error:
            log.warning("rules with mistakes are ignored: those in use stay", error=str(error), version=before)
        else:
            if (found.origin, found.rules.version) != (self._in_use.origin, before):
                log.info("other rules are in use", origin=found.origin, version=found.rules.version, before=before)
            self._in_use = found
        self._seen = state

    def _first(self) -> InUse:
        try:
            return self._read()
        except UserError as error:
            if not self._seen[0]:
                raise
            log.warning("saved rules with mistakes are ignored: the rules file is used", error=str(error))
            return rules_file(self._settings)

    def _read(self) -> InUse:
        if self._saved is None:
            return rules_file(self._settings)
        if saved := self._saved.read():
            return saved
        found = rules_file(self._settings)
        return replace(found, since=max(found.since, self._saved.reset_at()))

    def _state(self) -> tuple[str, tuple[int, int, int] | None]:
        """What changes when the saved rules or the file do."""
        version = self._saved.version() if self._saved else ""
        try:
            found = (self._settings.rules or shipped(SHIPPED)).stat()
        except OSError:
            return version, None
        return version, (found.st_mtime_ns, found.st_size, found.st_ino)
