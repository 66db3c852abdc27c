"""One article as rules look at it: where it comes from, and what stands around each mention."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cached_property, lru_cache
from urllib.parse import urlsplit

from consumers.boundaries import is_edge
from consumers.rules import Within
from consumers.showing import sentences
from consumers.text import normalise
from wirewatch.records import ActorMentions, AlertSentence, Mention, Mentions

UNDETERMINED = "und"
# Country-code domains that anyone may buy for the sound of it: they tell nothing of where a source is.
# fmt: off
_GENERIC = frozenset({
    "ad", "ag", "ai", "am", "as", "bz", "cc", "cd", "co", "dj", "eu", "fm", "gg", "io", "la", "ly", "me", "ms", "nu",
    "sc", "sr", "su", "tk", "to", "tv", "ws",
})
# fmt: on
_COUNTRY_OF_DOMAIN = {"uk": "gb"}
# Scripts that set no signs between words, so that a word is found anywhere.
_SPACELESS = (
    ("\u0e00", "\u0eff"),  # Thai, Lao
    ("\u1000", "\u109f"),  # Burmese
    ("\u1780", "\u17ff"),  # Khmer
    ("\u3040", "\u30ff"),  # Japanese
    ("\u3400", "\u9fff"),  # Chinese
)


class ArticleView:
    """Answers what rules ask; texts are made comparable only when a rule asks for words."""

    def __init__(self, mentions: Mentions, countries: Mapping[str, str] | None = None) -> None:
        self.mentions = mentions
        self.present: dict[str, ActorMentions] = {}
        if mentions.status == "ok":
            self.present = {actor.id: actor for actor in mentions.actors}
        self._countries = countries or {}
        self._texts: dict[Hashable, str] = {}
        self._shown: dict[frozenset[int], tuple[AlertSentence, ...]] = {}

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The source and the host of the address, each followed by the domains that it belongs to."""
        return tuple(dict.fromkeys(part for name in self._hosts for part in _with_domains(name)))

    @cached_property
    def _hosts(self) -> tuple[str, ...]:
        try:
            host = urlsplit(self.mentions.url or "").hostname or ""
        except ValueError:
            host = ""
        return tuple(name for name in (self.mentions.source.casefold().strip(), host.casefold()) if name)

    @cached_property
    def country(self) -> str | None:
        """Of the source: what the operator says of it or of its nearest domain, else what its country code tells."""
        for name in self.sources:
            if name in self._countries:
                return self._countries[name]
        return next((code for name in self._hosts if (code := _country_code(name))), None)

    @property
    def language(self) -> str:
        return self.mentions.language or UNDETERMINED

    def shown(self, deciding: frozenset[int]) -> tuple[AlertSentence, ...]:
        """The sentences that an alert shows, those that decided first."""
        if deciding not in self._shown:
            self._shown[deciding] = sentences(self.mentions, deciding)
        return self._shown[deciding]

    def unit(self, mention: Mention, within: Within) -> Hashable:
        """The sentence, paragraph or article that the mention stands in; equal for mentions that stand together."""
        if within == "article":
            return "article"
        sentences = self.mentions.sentences
        if mention.sentence is None or not 0 <= mention.sentence < len(sentences):
            return "alone", mention.field, mention.start
        paragraph = sentences[mention.sentence].paragraph
        if within == "paragraph" and paragraph is not None and 0 <= paragraph < len(self.mentions.paragraphs):
            return "paragraph", paragraph
        return "sentence", mention.sentence

    def holds(self, unit: Hashable, word: str) -> bool:
        """Whether the word or phrase stands there, whatever its letter case, as a whole word where its script has any.
        Of an article: in its headline or in what is kept of its text."""
        if unit not in self._texts:
            self._texts[unit] = comparable(self._text(unit))
        return stands_in(self._texts[unit], comparable_word(word))

    def _text(self, unit: Hashable) -> str:
        match unit:
            case ("sentence", int(number)):
                return self.mentions.sentences[number].text
            case ("paragraph", int(number)):
                return self.mentions.paragraphs[number].text
            case "article":
                paragraphs = (each.text for each in self.mentions.paragraphs)
                return "\n\n".join([self.mentions.title, *paragraphs, *(each.text for each in self.mentions.sentences)])
        return ""


def comparable(text: str) -> str:
    """Folded, with single spaces between words."""
    return " ".join(normalise(text).folded.split())


comparable_word = lru_cache(maxsize=100_000)(comparable)
"""The same for words of rules, which are asked again and again."""


def stands_in(text: str, word: str) -> bool:
    """Whether ``word`` stands in ``text`` as a word of its own; both comparable."""
    at = text.find(word) if word else -1
    while at >= 0:
        if _is_bounded(text, at, at + len(word)):
            return True
        at = text.find(word, at + 1)
    return False


def _is_bounded(text: str, start: int, end: int) -> bool:
    return (_is_spaceless(text[start]) or is_edge(text, start - 1, start)) and (
        _is_spaceless(text[end - 1]) or is_edge(text, end, end - 1)
    )


def _is_spaceless(character: str) -> bool:
    return any(first <= character <= last for first, last in _SPACELESS)


def _with_domains(name: str) -> list[str]:
    labels = name.split(".")
    return [name, *(".".join(labels[n:]) for n in range(1, len(labels) - 1))] if _is_host(name) else [name]


def _is_host(name: str) -> bool:
    return "." in name and " " not in name


def _country_code(name: str) -> str | None:
    if not _is_host(name):
        return None
    code = name.rpartition(".")[2]
    usable = len(code) == 2 and code.isascii() and code.isalpha() and code not in _GENERIC
    return _COUNTRY_OF_DOMAIN.get(code, code) if usable else None
