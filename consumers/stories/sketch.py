"""What an article's text looks like, in few bytes: its telling words, hashed. Pure.

A sketch travels with the mentions, so that stories are found without the text. It holds the words of the headline and
of the beginning, where news says what happened; each with what is known of it: it stands in the headline, it is a name,
it has a digit. Names of the watched actors are left out: all articles that are compared have them.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from hashlib import blake2b

from consumers.stories.stop_words import STOP_WORDS
from consumers.text import fold, normalise, without_accents
from wirewatch.records import Article

TERMS_MAX = 100
TITLE, NAME, NUMBER = 1, 2, 4
"""What is known of a term, in the low bits of its hash."""

NAMES_SHARE_MAX = 0.45
"""Where more of the words have capitals, as German nouns do, capitals make no names."""

_BODY_CHARS_MAX = 1_500
_STEM_CHARS = 6
_VERSION = b"\x01"
_WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
_ENDS = re.compile(r"[.!?:…]['\"»”’)]*\s+['\"«“„(]*$|^\W*$|\n\W*$")
# Scripts that set no spaces: a pair of signs stands for a word.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")

Terms = Mapping[int, int]
"""Hash of a term → what is known of it."""


def sketch(article: Article, named: Collection[str] = ()) -> str:
    """The article's sketch, at most about 700 characters; empty where the text says nothing that could tell it apart.

    ``named``: texts that stand for a watched actor. Total and deterministic.
    """
    leave = {stem for text in named for word in _WORD.findall(normalise(text).text) for stem in _stems(word)}
    terms: dict[int, int] = {}
    for text, flags in ((article.title, TITLE), (_body(article), 0)):
        for stem, about in _terms(text):
            if stem not in leave and stem not in STOP_WORDS and (len(terms) < TERMS_MAX or _hash(stem) in terms):
                terms[_hash(stem)] = terms.get(_hash(stem), 0) | about | flags
    named_here = sum(bool(about & NAME) for about in terms.values())
    if named_here > len(terms) * NAMES_SHARE_MAX:
        terms = {term: about & ~NAME for term, about in terms.items()}
    packed = b"".join(struct.pack(">I", term | about) for term, about in sorted(terms.items()))
    return base64.urlsafe_b64encode(_VERSION + packed).decode() if terms else ""


def terms_of(sketch: str) -> Terms:
    """What ``sketch`` made; empty for what is no sketch, or one of another version."""
    try:
        packed = base64.urlsafe_b64decode(sketch.encode("ascii", "replace"))
    except (ValueError, binascii.Error):
        return {}
    if packed[:1] != _VERSION or len(packed) % 4 != 1:
        return {}
    numbers = struct.unpack(f">{len(packed) // 4}I", packed[1:])
    return {number & ~7: number & 7 for number in numbers[:TERMS_MAX]}


def _body(article: Article) -> str:
    return (article.text or article.summary or "")[:_BODY_CHARS_MAX]


def _terms(text: str) -> Iterator[tuple[str, int]]:
    """Every term, in the order of the text, with NAME and NUMBER as they apply."""
    text = unicodedata.normalize("NFC", normalise(text).text)
    shouted = sum(map(str.isupper, text)) * 2 > sum(map(str.isalpha, text))
    for found in _WORD.finditer(text):
        word = found[0]
        if word[0].isdigit():
            yield re.sub(r"\D", "", word), NUMBER
            continue
        inside = not _ENDS.search(text, max(0, found.start() - 8), found.start())
        named = word[0].isupper() and inside and not shouted
        for stem in _stems(word):
            yield stem, NAME if named else 0


def _stems(word: str) -> Iterator[str]:
    """The word without case, accents and ending; of scripts without spaces, its pairs of signs."""
    if _UNSPACED.search(word):
        yield from (word[at : at + 2] for at in range(max(1, len(word) - 1)))
    elif len(word) > 2 or word.isupper():
        yield without_accents(fold(word))[:_STEM_CHARS]


def _hash(stem: str) -> int:
    return int.from_bytes(blake2b(stem.encode("utf-8", "replace"), digest_size=4).digest(), "big") & ~7
