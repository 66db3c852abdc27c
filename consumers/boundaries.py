"""Does a name found at some place stand there as a word, and as what kind of word? Pure, and without a watchlist."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from consumers.affixes import CAPITALISES_HEADS, HYPHEN_PREFIXES, SOLID_PREFIXES, Affixes, affixes_of
from consumers.text import Normalised, fold, is_word_character

AFFIX_CHARS_MAX = 8
# A word that goes on for longer is no compound of a language but noise, and is not walked to its end.
WORD_CHARS_MAX = 60
# An address shows what it is within so many characters.
ADDRESS_CHARS_MAX = 100
_TOUCHING = (
    ("han", "\u3040", "\u309f"),  # hiragana, which takes up where a word of Han characters ends
    ("katakana", "\u30a0", "\u30ff"),
    ("han", "\u3400", "\u9fff"),
    ("hangul", "\uac00", "\ud7a3"),
)
_ADDRESS = re.compile(r"://|^www\.|\w@\w")
_DOMAIN_FOLLOWS = re.compile(r"\.[a-z]")


@dataclass(frozen=True, slots=True)
class Fit:
    """How the name stands in the text. ``start`` and ``end`` take in endings, and the whole of a compound."""

    start: int
    end: int
    compound: bool = False
    note: str = ""
    """For people: ``compound``, ``ending "ssa"``, ``prefix "و"``; empty for a word of its own."""


@cache
def affixes_for(language: str | None) -> Affixes:
    """The affixes to try in a text of that language; all of them where the language is undetermined."""
    return affixes_of([language] if language else [])


def fit(text: Normalised, start: int, end: int, language: str | None, *, bare: bool) -> Fit | str:
    """How ``text[start:end]`` stands in ``text``, or in a few words why it is no word there.

    ``bare`` names take no endings and no joined prefixes: for the short and doubtful ones.
    """
    if _in_address(text.text, start, end):
        return "part of an address"
    affixes = None if bare else affixes_for(language)
    left = _left(text.folded, start, affixes)
    if left is None:
        return "inside a longer word"
    right = _right(text.folded, end, affixes)
    if right is None:
        return "inside a longer word"
    if _is_compound(text.text, start, end, left, right, language):
        return Fit(*_whole_word(text.text, start, end), compound=True, note="compound")
    notes = [note for note in (f'prefix "{left}"' * bool(left), f'ending "{right}"' * bool(right)) if note]
    return Fit(start, end + len(right), note=", ".join(notes))


def _left(folded: str, start: int, affixes: Affixes | None) -> str | None:
    """What is joined before the name: empty at a boundary, a known prefix, or None for anything else."""
    if is_edge(folded, start - 1, start):
        return ""
    if affixes is None:
        return None
    first = start
    while first > 0 and start - first <= AFFIX_CHARS_MAX and is_word_character(folded[first - 1]):
        first -= 1
    joined = folded[first:start]
    return joined if joined in affixes.prefixes or joined in SOLID_PREFIXES else None


def _right(folded: str, end: int, affixes: Affixes | None) -> str | None:
    """What is joined after the name, as in ``_left``. A known head of a compound comes with the rest of its word."""
    if is_edge(folded, end, end - 1):
        return ""
    if affixes is None:
        return None
    last = end
    while last < min(len(folded), end + WORD_CHARS_MAX) and is_word_character(folded[last]):
        last += 1
    joined = folded[end:last]
    return joined if joined in affixes.endings or joined.startswith(affixes.heads or ("\0",)) else None


def is_edge(text: str, outside: int, inside: int) -> bool:
    """True where a word may begin or end between the two positions, which are neighbours; ``inside`` is in the text."""
    if not 0 <= outside < len(text) or not is_word_character(text[outside]):
        return True
    inner, outer = _script(text[inside]), _script(text[outside])
    # Han characters have no sign between words; a run of katakana is one word; "在NATO的" changes script.
    return inner == "han" or ("" in (inner, outer) and inner != outer) or {inner, outer} == {"katakana", "han"}


def _script(character: str) -> str:
    """The scripts in which words touch words of another script; empty for all others."""
    for name, first, last in _TOUCHING:
        if first <= character <= last:
            return name
    return ""


def _is_compound(text: str, start: int, end: int, left: str, right: str, language: str | None) -> bool:
    if left and fold(left) in SOLID_PREFIXES:
        return True
    if right and right not in affixes_for(language).endings:
        return True
    if _joined_by_hyphen(text, end, 1) and _is_head(text, start, end, language):
        return True
    if not _joined_by_hyphen(text, start - 1, -1):
        return False
    before = re.search(r"[^\W_]+$", text[max(0, start - 1 - 24) : start - 1])
    return before is not None and (fold(before[0]) in HYPHEN_PREFIXES or before[0][0].islower())


def _is_head(text: str, start: int, end: int, language: str | None) -> bool:
    """Is what follows the hyphen the second half of a compound, and not a second name (Iran-Irak)?"""
    head = re.match(r"\w+", text[end + 1 : end + 41])
    if head is None:
        return False
    in_capitals = head[0].isupper() and len(head[0]) > 1 and text[start:end].isupper()
    return not head[0][0].isupper() or in_capitals or language in CAPITALISES_HEADS


def _joined_by_hyphen(text: str, hyphen: int, step: int) -> bool:
    other = hyphen + step
    return 0 <= hyphen < len(text) and text[hyphen] == "-" and 0 <= other < len(text) and text[other].isalnum()


def _whole_word(text: str, start: int, end: int) -> tuple[int, int]:
    """The word with its hyphened parts around ``start``, ``end``."""
    low, high = max(0, start - WORD_CHARS_MAX), min(len(text), end + WORD_CHARS_MAX)
    while start > low and (is_word_character(text[start - 1]) or _joined_by_hyphen(text, start - 1, -1)):
        start -= 1
    while end < high and (is_word_character(text[end]) or _joined_by_hyphen(text, end, 1)):
        end += 1
    return start, end


def _in_address(text: str, start: int, end: int) -> bool:
    if _DOMAIN_FOLLOWS.match(text, end):
        return True
    low, high = max(0, start - ADDRESS_CHARS_MAX), min(len(text), end + ADDRESS_CHARS_MAX)
    first = max(text.rfind(" ", low, start), text.rfind("\n", low, start), low - 1) + 1
    last = min(place if place >= 0 else high for place in (text.find(" ", end, high), text.find("\n", end, high)))
    return _ADDRESS.search(text[first:last]) is not None
