"""Read a watchlist from YAML, and say of every mistake where it is and how to mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from consumers.text import normalise
from consumers.watchlist import (
    ANY_LANGUAGE,
    CUE_TESTS,
    PLAIN_TESTS,
    Actor,
    ActorKind,
    Alias,
    Case,
    CueSet,
    Evidence,
    Test,
    Watchlist,
    watchlist_of,
)
from consumers.yaml_checks import Checks, items_of, line_of
from wirewatch.errors import UserError
from wirewatch.records import MentionKind
from wirewatch.seeds import shipped
from wirewatch.settings import Settings

SCHEMA_VERSION = 1
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_WIKIDATA = re.compile(r"Q[1-9]\d*")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_ACTOR_FIELDS = ("id", "name", "kind", "wikidata", "aliases", "cues", "never")
_ALIAS_FIELDS = ("text", "kind", "case", "endings", "ambiguous", "evidence")


def of_settings(settings: Settings) -> Watchlist:
    """The watchlist that the settings name, else the shipped one. Raises UserError as ``load_watchlist`` does."""
    return load_watchlist(settings.watchlist or shipped("watchlist.yaml"))


def load_watchlist(path: Path) -> Watchlist:
    """The watchlist in ``path``. Raises UserError with the first mistake: ``file:line: what, how to mend it``."""
    watchlist, problems = check(path)
    if watchlist is None:
        more = f" (and {len(problems) - 1} more: wirewatch watchlist check {path})" if len(problems) > 1 else ""
        raise UserError(problems[0] + more)
    return watchlist


def check(path: Path) -> tuple[Watchlist | None, list[str]]:
    """The watchlist in ``path`` and no mistakes, or None and one line for every mistake, in the order of the file."""
    checks = Checks(str(path))
    document = checks.load(path)
    actors = [] if checks.problems else _Reader(checks).document(document)
    return (None, checks.lines()) if checks.problems else (watchlist_of(tuple(actors)), [])


@dataclass
class _Reader:
    """Walks the document and collects problems instead of stopping at the first."""

    checks: Checks
    _ids: dict[str, int] = field(default_factory=dict)

    def document(self, document: object) -> list[Actor]:
        if not self.checks.is_map(document, 1, "a watchlist", ("version", "actors")):
            return []
        if document.get("version") != SCHEMA_VERSION:
            self.checks.problem(
                line_of(document, "version"), f"version is missing or unknown; write `version: {SCHEMA_VERSION}`"
            )
        actors = document.get("actors")
        if not isinstance(actors, CommentedSeq) or not actors:
            self.checks.problem(line_of(document, "actors"), "actors must be a list with at least one actor")
            return []
        return [actor for item, line in items_of(actors) if (actor := self._actor(item, line)) is not None]

    def _actor(self, item: object, line: int) -> Actor | None:
        if not self.checks.is_map(item, line, "an actor", _ACTOR_FIELDS):
            return None
        before = len(self.checks.problems)
        actor_id = self.checks.matching(
            item, "id", _ID, "lower-case letters, digits and single hyphens, as in islamic-state"
        )
        if actor_id in self._ids:
            self.checks.problem(
                line_of(item, "id"), f'id "{actor_id}" is taken by line {self._ids[actor_id]}; choose another'
            )
        self._ids.setdefault(actor_id, line_of(item, "id"))
        name = self.checks.matching(item, "name", re.compile(r".*\S.*"), "a name to show to people")
        kind = self.checks.choice(item, "kind", get_args(ActorKind), "other")
        wikidata = (
            self.checks.matching(item, "wikidata", _WIKIDATA, "an item id such as Q7184")
            if "wikidata" in item
            else None
        )
        cues = tuple(self._cues(item))
        aliases = tuple(self._aliases(item, {one.name for one in cues}))
        never = _folded(self.checks.strings(item, "never"))
        if len(self.checks.problems) > before:
            return None
        return Actor(id=actor_id, name=name, kind=kind, wikidata=wikidata, aliases=aliases, cues=cues, never=never)

    def _cues(self, actor: CommentedMap) -> Iterator[CueSet]:
        sets = actor.get("cues", CommentedMap())
        if not self.checks.is_map(sets, line_of(actor, "cues"), "cues", None):
            return
        for name, words in sets.items():
            if self.checks.is_map(words, line_of(sets, name), f"cue set {name}", None):
                languages = {lang: _folded(self.checks.strings(words, lang)) for lang in self._languages(words)}
                yield CueSet(name=name, words=languages)

    def _aliases(self, actor: CommentedMap, cue_sets: set[str]) -> Iterator[Alias]:
        groups = actor.get("aliases")
        line = line_of(actor, "aliases")
        if not isinstance(groups, CommentedMap) or not groups:
            self.checks.problem(line, "aliases must map a language to a list of names, as in `nl: [NAVO]`")
            return
        for language in self._languages(groups):
            names = groups[language]
            if not isinstance(names, CommentedSeq):
                self.checks.problem(
                    line_of(groups, language), f"aliases of {language} must be a list, as in `{language}: [NAVO]`"
                )
                continue
            for name, name_line in items_of(names):
                alias = self._alias(name, name_line, language, cue_sets)
                if alias is not None:
                    yield alias

    def _alias(self, name: object, line: int, language: str, cue_sets: set[str]) -> Alias | None:
        if isinstance(name, str):
            name = CommentedMap(text=name)
            name.lc.line = line - 1
        elif not isinstance(name, CommentedMap):
            self.checks.problem(line, f"alias {name!r} is no text; put quotes around it, or write a map with text")
            return None
        self.checks.is_map(name, line, "an alias", _ALIAS_FIELDS)
        text = name.get("text")
        if not isinstance(text, str) or len(text.strip()) < 2 or text != text.strip():
            self.checks.problem(
                line_of(name, "text"),
                f"alias {text!r} must be a text of two characters or more, without spaces around it",
            )
            return None
        ambiguous = name.get("ambiguous", False)
        if not isinstance(ambiguous, bool):
            self.checks.problem(line_of(name, "ambiguous"), "ambiguous must be true or false")
        if "evidence" in name and ambiguous is not True:
            self.checks.problem(
                line_of(name, "evidence"), "evidence counts only with `ambiguous: true`; add it, or drop evidence"
            )
        if len(text) < 3 and ambiguous is not True and text.isascii():
            self.checks.problem(
                line, f'alias "{text}" is too short to stand alone; add `ambiguous: true` and its evidence'
            )
        evidence = tuple(self._evidence(name, cue_sets)) or ((Test("alias"),),)
        return Alias(
            text=text,
            language=language,
            kind=self.checks.choice(name, "kind", get_args(MentionKind), "name"),
            case=self.checks.choice(name, "case", get_args(Case), "folded"),
            endings=tuple(self.checks.strings(name, "endings")),
            ambiguous=ambiguous is True,
            evidence=evidence if ambiguous is True else (),
        )

    def _evidence(self, alias: CommentedMap, cue_sets: set[str]) -> Iterator[Evidence]:
        for text in self.checks.strings(alias, "evidence"):
            tests = [self._test(part.split(), alias, cue_sets) for part in text.split("+")]
            if None not in tests:
                yield tuple(test for test in tests if test is not None)

    def _test(self, words: list[str], alias: CommentedMap, cue_sets: set[str]) -> Test | None:
        negated = words[:1] == ["not"]
        match words[negated:]:
            case [name] if name in PLAIN_TESTS:
                return Test(name, negated=negated)
            case [name, cues] if name in CUE_TESTS and cues in cue_sets:
                return Test(name, cues, negated)
            case [name, cues] if name in CUE_TESTS:
                self.checks.problem(
                    line_of(alias, "evidence"), f'evidence names the cue set "{cues}"; add it under cues of this actor'
                )
            case _:
                self.checks.problem(
                    line_of(alias, "evidence"),
                    f'evidence "{" ".join(words)}" is unknown; use {", ".join(PLAIN_TESTS)},'
                    f" or one of {', '.join(CUE_TESTS)} with a cue set",
                )
        return None

    def _languages(self, groups: CommentedMap) -> Iterator[str]:
        for language in groups:
            if isinstance(language, str) and (language == ANY_LANGUAGE or _LANGUAGE.fullmatch(language)):
                yield language
            else:
                self.checks.problem(
                    line_of(groups, language),
                    f'"{language}" is no language; use a two-letter code such as nl, or {ANY_LANGUAGE}',
                )


def _folded(texts: list[str]) -> tuple[str, ...]:
    return tuple(normalise(text).folded for text in texts)
