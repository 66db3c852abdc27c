"""Text as the world sends it, made comparable, with a way back to the original offsets."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

# One character for one character, so offsets stay: typographic signs to the plain ones, odd spaces to a space.
_PLAIN = {
    "’": "'", "‘": "'", "ʼ": "'", "ʹ": "'", "`": "'", "´": "'", "׳": "'",
    "״": '"', "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
    "‐": "-", "‑": "-", "־": "-",
    "…": ".", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\t": " ",
}  # fmt: skip
# Signs that are not seen and may stand inside a word: they are dropped.
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u202a\u202b\u202c\u202d\u202e\ufeff\u0640\r"
# Marks on one letter beyond so many are noise, and ordering them would take quadratic time.
MARKS_MAX = 32
# Letters that writers use for one another; one for one.
_SAME_LETTER = {
    "ı": "i", "ς": "σ", "ё": "е", "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ی": "ي", "ى": "ي", "ک": "ك",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Normalised:
    """A text in NFKC with plain quotes, hyphens and spaces and no invisible signs; letter case is kept.

    ``folded`` is the same text without letter case, of the same length, position by position.
    """

    original: str
    text: str
    folded: str
    _starts: tuple[int, ...] | None = None
    _ends: tuple[int, ...] | None = None

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """The half-open span of the original that the non-empty span ``start``, ``end`` of ``text`` came from."""
        if self._starts is None or self._ends is None:
            return start, end
        return self._starts[start], self._ends[end - 1]


def normalise(original: str) -> Normalised:
    """Make ``original`` comparable. Total: takes any string, also with lone surrogates."""
    if original.isascii():
        text = original.replace("\t", " ").replace("`", "'")
        if "\r" not in text:
            return Normalised(original, text, text.lower())
    else:
        text = original
        for sign, plain in _PLAIN.items():
            text = text.replace(sign, plain)
        if _is_simple(text):
            return Normalised(original, text, fold(text))
    text, starts, ends = _decompose(text)
    return Normalised(original, text, fold(text), starts, ends)


def fold(text: str) -> str:
    """``text`` without letter case and with interchangeable letters made one; never changes its length."""
    if text.isascii():
        return text.lower()
    # The only letter whose small form is longer than itself.
    text = text.replace("İ", "i").lower()
    for letter, same in _SAME_LETTER.items():
        text = text.replace(letter, same)
    return text


def without_accents(text: str) -> str:
    """Latin letters without their accents, as many write them in capitals; other scripts stay as they are."""
    kept = [c for c in unicodedata.normalize("NFD", text) if not "\u0300" <= c <= "\u036f"]
    return unicodedata.normalize("NFC", "".join(kept)) if _is_latin(text) else text


def is_word_character(character: str) -> bool:
    """True for letters, digits, the underscore, and the marks that hang on letters."""
    return character.isalnum() or character == "_" or unicodedata.category(character)[0] == "M"


def _is_latin(text: str) -> bool:
    return all(ord(c) < 0x250 or 0x1E00 <= ord(c) < 0x1F00 or not c.isalpha() for c in text)


def _is_simple(text: str) -> bool:
    return (
        not any(sign in text for sign in _INVISIBLE)
        and unicodedata.is_normalized("NFKC", text)
        and not _has_surrogates(text)
    )


def _has_surrogates(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _decompose(text: str) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """NFKC piece by piece (a letter and its marks), with the original start and end of every character made."""
    made: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    position = 0
    while position < len(text):
        end = position + 1
        while end < min(len(text), position + MARKS_MAX) and _continues(text[end]):
            end += 1
        piece = unicodedata.normalize("NFKC", "".join(map(_visible, text[position:end])))
        made.append(piece)
        starts.extend([position] * len(piece))
        ends.extend([end] * len(piece))
        position = end
    return "".join(made), tuple(starts), tuple(ends)


def _continues(character: str) -> bool:
    # Besides marks: the vowels and final consonants of Korean syllables that were taken apart.
    return unicodedata.combining(character) != 0 or "\u1160" <= character <= "\u11ff"


def _visible(character: str) -> str:
    if character in _INVISIBLE:
        return ""
    return "\ufffd" if "\ud800" <= character <= "\udfff" else character
