"""Cut the sentence around a place in a text, so that an alert can show it; and the paragraph, so that rules can ask for
the words that stand near."""

from __future__ import annotations

import re
import unicodedata

SENTENCE_CHARS_MAX = 400
PARAGRAPH_CHARS_MAX = 1_000
_LOOKED_AT_CHARS_MAX = 20_000
# A full stop after these ends no sentence. Folded; the languages share one list, as the texts are mixed too.
_LIST = (
    "a.m p.m u.s u.k e.g i.e etc bijv bv blz enz evt incl nl o.a m.b.t t.a.v z.g zgn resp gen lt col sgt capt adm maj"
    " dr drs mr mrs ms prof ir st ste sr sra dhr mevr jhr jl vs nr vol ca cf ggf bzw z.b d.h u.a usw abs hr fr mme mlle"
    " jan feb apr jun jul aug sep sept okt oct nov dec dez déc г гг тыс млн млрд им т ул inc ltd co corp sen rep gov"
    " dott bl.a t.ex dvs kl osv f.eks"
)
_ABBREVIATIONS = frozenset(_LIST.split())
_STOP = re.compile(r"[.!?…؟।۔]+[\"'»”’)\]]*(?=\s)|[。！？｡][」』”）]*|\n\s*\n|\n(?=\s*[-*•])")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
_LINE_END = re.compile(r"\n\s*")
_WORD_BEFORE = re.compile(r"[^\s(\[\"'«“„]+$")


def around(text: str, start: int, end: int) -> tuple[int, int]:
    """The half-open span, without white space at its edges, of the sentence of ``text`` that holds ``start``, ``end``.

    At most ``SENTENCE_CHARS_MAX`` characters, or the length of the place itself where that is more. Total: any text.
    """
    low = max(0, start - SENTENCE_CHARS_MAX)
    high = min(len(text), end + SENTENCE_CHARS_MAX)
    before = [stop for stop in _STOP.finditer(text, low, start) if stop.end() <= start]
    first = next((stop.end() for stop in reversed(before) if _ends_sentence(text, stop)), low)
    after = _STOP.finditer(text, end, high)
    last = next((stop.end() for stop in after if _ends_sentence(text, stop)), high)
    return _trimmed(text, *_capped(text, first, last, start, end, SENTENCE_CHARS_MAX), start, end)


def paragraph_around(text: str, start: int, end: int) -> tuple[int, int]:
    """The same of the paragraph that holds the place: between blank lines, or where there are none between line ends.

    At most ``PARAGRAPH_CHARS_MAX`` characters, or the length of the place itself where that is more. Total: any text.
    """
    low, high = max(0, start - PARAGRAPH_CHARS_MAX), min(len(text), end + PARAGRAPH_CHARS_MAX)
    has_blank_lines = _BLANK_LINE.search(text, max(0, start - _LOOKED_AT_CHARS_MAX), end + _LOOKED_AT_CHARS_MAX)
    ends = _BLANK_LINE if has_blank_lines else _LINE_END
    first = max((found.end() for found in ends.finditer(text, low, start)), default=low)
    after = ends.search(text, end, high)
    last = after.start() if after else high
    return _trimmed(text, *_capped(text, min(first, start), last, start, end, PARAGRAPH_CHARS_MAX), start, end)


def _ends_sentence(text: str, stop: re.Match[str]) -> bool:
    if not stop[0].startswith(".") or stop[0].startswith(".."):
        return True
    following = text[stop.end() : stop.end() + 3].lstrip()
    if following[:1].islower():
        return False
    before = _WORD_BEFORE.search(text, max(0, stop.start() - 12), stop.start())
    if before is None:
        return True
    # "in de VS." does end a sentence.
    word = before[0] if before[0].isupper() and len(before[0]) > 1 and "." not in before[0] else before[0].lower()
    # "J. Stoltenberg", and "N.A.T.O. says": one letter before the stop.
    initial = bool(re.search(r"(?:^|\.)[^\W\d_]$", word))
    return not initial and word not in _ABBREVIATIONS


def _capped(text: str, first: int, last: int, start: int, end: int, most: int) -> tuple[int, int]:
    """At most the allowed length, with the place in it, cut between words and never inside a letter with its marks."""
    spare = most - (end - start)
    if last - first <= most or spare <= 0:
        return (first, last) if spare > 0 else (start, end)
    before = min(start - first, max(spare // 2, spare - (last - end)))
    cut_first, cut_last = start - before, end + spare - before
    if cut_first > first:
        space = text.find(" ", cut_first, start)
        cut_first = space if space >= 0 else _whole_letter(text, cut_first, start)
    if cut_last < last:
        space = text.rfind(" ", end, cut_last)
        cut_last = space if space >= 0 else _whole_letter(text, cut_last, end)
    return cut_first, min(cut_last, last)


def _whole_letter(text: str, cut: int, towards: int) -> int:
    step = 1 if towards > cut else -1
    while cut != towards and cut < len(text) and unicodedata.combining(text[cut]):
        cut += step
    return cut


def _trimmed(text: str, first: int, last: int, start: int, end: int) -> tuple[int, int]:
    while first < start and text[first].isspace():
        first += 1
    while last > end and text[last - 1].isspace():
        last -= 1
    return first, last
