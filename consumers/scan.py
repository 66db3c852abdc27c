"""All names of a watchlist in two automata, and where they occur in a text. The one module that knows the matcher.

Names in any letter case are searched in the folded text; names that count only as written are searched as written, so
that "is" in a Dutch text costs nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from consumers.boundaries import is_edge
from consumers.text import Normalised, fold, normalise, without_accents
from consumers.watchlist import ANY_LANGUAGE, Actor, Alias, Watchlist

# Names shorter than this keep their accents: "irán" is a word of its own.
UNACCENTED_CHARS_MIN = 6
FOUND_MAX = 2_000


class Form(NamedTuple):
    """One spelling of a name. ``spelling`` None: any letter case."""

    alias: Alias
    spelling: str | None


@dataclass(frozen=True, slots=True)
class Name:
    """All forms of one actor that are the same letters when folded."""

    actor: int
    folded: str
    forms: dict[str, list[Form]] = field(default_factory=dict)

    def form(self, written: str, language: str | None) -> Form | None:
        """The form that ``written`` is in a text of that language, or None where its letter case is of no form.

        The language's own forms come first, then those of any language. Where there are neither, or the language is
        undetermined, the strictest of all that it can be.
        """
        own = self.forms.get(language) or self.forms.get(ANY_LANGUAGE) if language else None
        possible = own or [form for forms in self.forms.values() for form in forms]
        fitting = (form for form in possible if form.spelling in (None, written))
        return next(fitting, None) if own else max(fitting, key=_strictness, default=None)

    @property
    def listed(self) -> Alias:
        """Any alias with these letters."""
        return next(iter(self.forms.values()))[0].alias


class Found(NamedTuple):
    """Letters of a name at a place; ``as_listed`` is False where their case is not that of ``alias``."""

    start: int
    end: int
    actor: int
    alias: Alias
    as_listed: bool


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The compiled names. Safe to share between threads."""

    exact: AhoCorasick
    exact_names: tuple[tuple[Name, ...], ...]
    folded: AhoCorasick
    folded_names: tuple[tuple[Name, ...], ...]
    never: AhoCorasick
    never_actors: tuple[tuple[int, ...], ...]

    def find(self, text: Normalised, language: str | None) -> list[Found]:
        """Every occurrence, also overlapping and inside words, at most FOUND_MAX, in no promised order."""
        raw = text.text.replace("\n", " ")
        found = [
            _found(name, raw, start, end, language)
            for pattern, start, end in self.exact.find_matches_as_indexes(raw, overlapping=True)[:FOUND_MAX]
            for name in self.exact_names[pattern]
        ]
        hits = self.folded.find_matches_as_indexes(text.folded.replace("\n", " "), overlapping=True)
        found += [
            _found(name, raw, start, end, language)
            for pattern, start, end in hits[:FOUND_MAX]
            for name in self.folded_names[pattern]
        ]
        return found

    def never_spans(self, text: Normalised) -> list[tuple[int, int, int, str]]:
        """Start, end, actor and words of every phrase in which a name of that actor does not mean it."""
        folded = text.folded.replace("\n", " ")
        return [
            (start, end, actor, folded[start:end])
            for pattern, start, end in self.never.find_matches_as_indexes(folded, overlapping=True)
            if _is_phrase(folded, start, end)
            for actor in self.never_actors[pattern]
        ]


def compile_lexicon(watchlist: Watchlist) -> Lexicon:
    """The automata of a watchlist. Deterministic."""
    exact: dict[str, list[Name]] = defaultdict(list)
    folded: dict[str, list[Name]] = defaultdict(list)
    for number, actor in enumerate(watchlist.actors):
        for name in _names(number, actor):
            spellings = {form.spelling for forms in name.forms.values() for form in forms}
            if None in spellings:
                folded[name.folded].append(name)
            else:
                for spelling in sorted(s for s in spellings if s):
                    exact[spelling].append(name)
    never: dict[str, list[int]] = defaultdict(list)
    for number, actor in enumerate(watchlist.actors):
        for phrase in actor.never:
            never[phrase].append(number)
    return Lexicon(
        _automaton(list(exact)), tuple(map(tuple, exact.values())),
        _automaton(list(folded)), tuple(map(tuple, folded.values())),
        _automaton(list(never)), tuple(map(tuple, never.values())),
    )  # fmt: skip


def _automaton(patterns: list[str]) -> AhoCorasick:
    # Overlapping search needs the standard kind: a longer name that turns out to be no word must not hide a shorter.
    return AhoCorasick(patterns, matchkind=MatchKind.Standard, implementation=Implementation.ContiguousNFA)


def _names(number: int, actor: Actor) -> list[Name]:
    names: dict[str, Name] = {}
    for alias in actor.aliases:
        for ending in ("", *alias.endings):
            for spelling in _spellings(alias.text + ending, alias.case):
                key = fold(spelling)
                name = names.setdefault(key, Name(number, key))
                form = Form(alias, None if alias.case == "folded" else spelling)
                name.forms.setdefault(alias.language, []).append(form)
    return list(names.values())


def _spellings(text: str, case: str) -> list[str]:
    """The ways one form may be written: German without its ß, and in capitals or in haste without accents."""
    text = normalise(text).text
    plain = [text, text.replace("ß", "ss")]
    if case == "capitalised":
        plain.append(text.upper())
    if case != "exact" and len(text) >= UNACCENTED_CHARS_MIN:
        plain.append(without_accents(plain[-1]))
    return list(dict.fromkeys(plain))


def _found(name: Name, raw: str, start: int, end: int, language: str | None) -> Found:
    form = name.form(raw[start:end], language)
    return Found(start, end, name.actor, form.alias if form else name.listed, as_listed=form is not None)


def _strictness(form: Form) -> tuple[bool, bool, int]:
    return form.alias.ambiguous, form.spelling is not None, -len(form.alias.evidence)


def _is_phrase(folded: str, start: int, end: int) -> bool:
    """Whole words only, and no part of a hyphenated one: "het is" does not stand in "het IS-kalifaat"."""
    before, after = folded[start - 1 : start], folded[end : end + 1]
    return is_edge(folded, start - 1, start) and is_edge(folded, end, end - 1) and "-" not in (before, after)
