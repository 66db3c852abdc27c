"""The watchlist: which actors to recognise, by which names, and on what evidence. Values only; reading is in
watchlist_file."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from wirewatch.records import MentionKind

ActorKind = Literal["organisation", "country", "armed-group", "person", "place", "other"]
# folded: in any letter case. exact: as written. capitalised: as written, or wholly in capitals.
Case = Literal["folded", "exact", "capitalised"]
ANY_LANGUAGE = "any"

# What an ambiguous name may be asked for. The last four take the name of a set of cue words.
PLAIN_TESTS = ("alias", "compound", "capitals", "inside", "lead")
CUE_TESTS = ("before", "after", "near", "anywhere")


class Test(msgspec.Struct, frozen=True):
    """One condition on the surroundings of a name.

    ``alias``: an unambiguous name of the same actor elsewhere in the article. ``compound``: the name is part of a
    compound (IS-strijder). ``capitals``: in capitals among words that are not. ``inside``: not first in its sentence,
    nor in a line of capitals. ``lead``: first in a sentence that is no question. ``before``, ``after``: a cue word
    next to it; ``near``: within five words; ``anywhere``: in the article. ``negated`` turns the condition round.
    """

    name: str
    cues: str = ""
    negated: bool = False

    def __str__(self) -> str:
        return ("not " if self.negated else "") + (f"{self.name} {self.cues}" if self.cues else self.name)


Evidence = tuple[Test, ...]
"""Tests that must all hold."""


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """One name of an actor in one language (``any``: in all that have no entry of their own for these letters)."""

    text: str
    language: str
    kind: MentionKind = "name"
    case: Case = "folded"
    endings: tuple[str, ...] = ()
    """Endings that may follow directly; the name without ending counts too."""
    ambiguous: bool = False
    evidence: tuple[Evidence, ...] = ()
    """Of an ambiguous name: one of these suffices."""


class CueSet(msgspec.Struct, frozen=True, kw_only=True):
    """Words that speak for an actor, per language, folded; ``*`` at an end stands for any letters."""

    name: str
    words: dict[str, tuple[str, ...]]


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """A watched entity. ``never`` holds folded phrases in which its names do not mean it."""

    id: str
    name: str
    kind: ActorKind
    wikidata: str | None = None
    aliases: tuple[Alias, ...]
    cues: tuple[CueSet, ...] = ()
    never: tuple[str, ...] = ()


class Watchlist(msgspec.Struct, frozen=True, kw_only=True):
    """A set of actors. ``version`` is a short hash of the content: comments and layout do not change it."""

    actors: tuple[Actor, ...]
    version: str


def watchlist_of(actors: tuple[Actor, ...]) -> Watchlist:
    """The watchlist of these actors, with its version."""
    content = msgspec.json.encode(sorted(actors, key=lambda actor: actor.id), order="sorted")
    return Watchlist(actors=actors, version=hashlib.sha256(content).hexdigest()[:12])
